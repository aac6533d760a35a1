//! What findings are put with. In: times, names. Out: whether something is old, a list.

use jiff::Timestamp;

pub(super) fn is_older(now: Timestamp, since: Option<Timestamp>, allowed_s: i64) -> bool {
    since.is_some_and(|since| now.duration_since(since).as_secs() > allowed_s)
}

pub(super) fn listed(names: &[&str]) -> String {
    names.join(", ")
}
