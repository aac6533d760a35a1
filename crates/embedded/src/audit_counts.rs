//! The counts of the conservation audit, counted from the rows.
//!
//! In: one snapshot. Out: [`AuditCounts`]. Never: trusts a counter; a counter would hide what the audit is for.

use ports::store::{AuditCounts, EventCounts};
use rusqlite::Connection;

use crate::{effect_row, fault::Fault};

/// Runs by what is counted of them. Asked every few seconds, for the status, so an index alone answers it.
const BY_TALLY: &str = "SELECT phase, tally, count(*) FROM run GROUP BY 1, 2";

/// Counts everything, at one instant.
pub(crate) fn audit_counts(connection: &Connection) -> Result<AuditCounts, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let mut counts = AuditCounts::default();
    let mut by_tally = snapshot.prepare_cached(BY_TALLY)?;
    let mut rows = by_tally.query([])?;
    while let Some(row) = rows.next()? {
        let (phase, tally, runs): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        *counts.runs.entry(phase).or_default() += runs as u64;
        for (name, count) in tally.split(',').filter_map(|part| part.split_once(':')) {
            let count: u64 =
                count.parse().map_err(|_| Fault::Corrupt(format!("a tally of messages: {tally}")))?;
            *counts.messages.entry(name.to_owned()).or_default() += count * runs as u64;
        }
    }
    let mut by_reason = snapshot.prepare_cached("SELECT reason, count(*) FROM dead_letter GROUP BY 1")?;
    let mut rows = by_reason.query([])?;
    while let Some(row) = rows.next()? {
        counts.dead_letters.insert(row.get(0)?, row.get::<_, i64>(1)? as u64);
    }
    counts.forgotten = snapshot
        .prepare_cached("SELECT count(*) FROM run WHERE pending = 1 AND due_ms IS NULL")?
        .query_row([], |row| row.get::<_, i64>(0))? as u64;
    counts.effects = effect_row::counts(&snapshot)?;
    counts.events = snapshot
        .prepare_cached("SELECT accepted, concluded, (SELECT count(*) FROM event) FROM ledger")?
        .query_row([], |row| {
            let count = |column: usize| row.get::<_, i64>(column).map(|count| count as u64);
            let (accepted, concluded, pending) = (count(0)?, count(1)?, count(2)?);
            Ok(EventCounts { accepted, concluded, pending, published_directly: 0 })
        })?;
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::plan_of;

    #[test]
    fn runs_are_counted_without_reading_them() {
        let plan = plan_of(BY_TALLY);
        assert!(plan.contains("USING COVERING INDEX run_tally"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
