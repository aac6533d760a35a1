//! What is wrong with calendars. In: a status. Out: findings.
//!
//! Never: a problem of one try that failed: the next comes within a minute.

use super::super::{Finding, Status, age, note, problem};
use crate::{oncall::copy::CalendarState, plural::counted};

/// So many tries in a row that failed are a problem.
const FAILURES_MIN: u32 = 3;

/// Calendars that cannot be read, and events of theirs that give nobody a shift.
pub(super) fn calendars(status: &Status, found: &mut Vec<Finding>) {
    for clash in &status.clashes {
        note(found, clash.to_string(), "take one of the events out of the calendar");
    }
    for CalendarState { schedule, layer, failures, error, copy, .. } in &status.calendars {
        let name = format!("{schedule}/{layer}");
        if let Some(error) = error {
            let in_force = copy.as_ref().map_or_else(
                || "there is no copy of it, so it puts nobody on call".to_owned(),
                |copy| format!("its copy from {} ago stays in force", age(status.now, copy.read_at)),
            );
            let what = format!("the calendar of {name} cannot be read: {error}; {in_force}");
            let remedy = "see docs/operations/callout-calendar-stale.md";
            if copy.is_none() || *failures >= FAILURES_MIN {
                problem(found, what, remedy);
            } else {
                note(found, what, remedy);
            }
        }
        let Some(copy) = copy else { continue };
        if let Some(first) = copy.not_taken.first() {
            let events = counted(copy.not_taken.len() as u64, "event");
            let more = if copy.not_taken.len() > 1 { ", for example" } else { ":" };
            let what = format!(
                "{events} of the calendar of {name} put nobody on call{more} {:?} (UID {}), which {}",
                first.summary, first.uid, first.why
            );
            note(found, what, "see all of them: `callout oncall show`");
        }
        if let Some(first) = copy.passed_over.first() {
            let parts = counted(copy.passed_over.len() as u64, "part");
            let what = format!("{parts} of the calendar of {name} cannot be read, the first: {first}");
            note(found, what, "see all of them: `callout oncall show`");
        }
    }
}
