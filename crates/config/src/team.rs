//! The teams of things. In: `team` keys. Out: names of teams.
//!
//! Never: decides which of them meet.

use domain::token::is_team;

use crate::reader::{Document, Section};

/// The team that the table's thing belongs to. `what` is the table in errors, such as `source.`.
pub(crate) fn read_team(doc: &mut Document<'_>, section: &mut Section<'_>, what: &str) -> Option<String> {
    let team = section.text(doc, "team")?;
    if !is_team(&team.value) {
        let message = format!(
            "{what}team: expected letters, digits, hyphens, dots and underscores, not {:?}",
            team.value
        );
        doc.problem(&team.at, message);
    }
    Some(team.value)
}
