//! Names of time zones. In: a name. Out: a problem where there is no such zone.

use domain::quiet_hours::zone;

use crate::reader::{Document, Placed};

/// Reports a name that is not of the IANA database.
pub(crate) fn check_zone(doc: &mut Document<'_>, name: Option<&Placed<String>>) {
    if let Some(name) = name.filter(|name| zone(&name.value).is_none()) {
        doc.problem(
            &name.at,
            format!("unknown time zone {:?}; use an IANA name such as \"Europe/Berlin\"", name.value),
        );
    }
}
