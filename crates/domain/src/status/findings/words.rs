//! How findings are put. In: sentences. Out: findings.

use jiff::Timestamp;

use crate::status::Finding;

pub(super) fn problem(found: &mut Vec<Finding>, what: String, remedy: impl Into<String>) {
    found.push(Finding { is_problem: true, what, remedy: remedy.into() });
}

pub(super) fn note(found: &mut Vec<Finding>, what: String, remedy: impl Into<String>) {
    found.push(Finding { is_problem: false, what, remedy: remedy.into() });
}

pub(super) fn is_older(now: Timestamp, since: Option<Timestamp>, allowed_s: i64) -> bool {
    since.is_some_and(|since| now.duration_since(since).as_secs() > allowed_s)
}

pub(super) fn listed(names: &[&str]) -> String {
    names.join(", ")
}
