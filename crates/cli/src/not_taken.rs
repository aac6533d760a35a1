//! What a calendar says that gives nobody a shift. In: events and parts. Out: lines.

use domain::oncall::calendar::NotTaken;

use crate::output;

/// What a calendar says that gives nobody a shift.
pub(crate) fn print_not_taken(not_taken: &[NotTaken], passed_over: &[String]) {
    for NotTaken { uid, summary, from, why, .. } in not_taken {
        let from = from.map_or_else(String::new, |from| format!(" from {}", output::time(from)));
        output::wrapped(&format!("  not taken  {summary:?}{from}, UID {uid}: {why}"), 13);
    }
    for part in passed_over {
        output::wrapped(&format!("  passed over  {part}"), 15);
    }
}
