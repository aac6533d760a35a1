//! Due runs.
//!
//! In: the time. Out: the runs to look at. Never: hands a run to a second taker before its first one's time is up:
//! taking moves the due time to the end of the hiding, in the writer's transaction.

use std::sync::Arc;

use domain::{
    id::RunId,
    time::{ceil_ms, floor_ms, of_ms},
};
use jiff::Timestamp;
use ports::TimerSlot;
use rusqlite::{Connection, Row, params};

use crate::{fault::Fault, state::State, writer::Work};

/// Takes due runs.
pub(crate) struct TakeDue {
    pub(crate) now: Timestamp,
    pub(crate) hidden_until: Timestamp,
    pub(crate) max: u16,
    pub(crate) state: Arc<State>,
}

impl Work for TakeDue {
    type Output = Vec<RunId>;

    fn run(&mut self, connection: &Connection) -> Result<Vec<RunId>, Fault> {
        let mut select = connection.prepare_cached(
            "SELECT seq, id FROM run WHERE due_ms IS NOT NULL AND due_ms <= ?1 ORDER BY due_ms LIMIT ?2",
        )?;
        let due: Vec<(i64, String)> = select
            .query_map(params![floor_ms(self.now), self.max], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut hide = connection.prepare_cached("UPDATE run SET due_ms = ?2 WHERE seq = ?1")?;
        let mut taken = Vec::with_capacity(due.len());
        for (seq, id) in due {
            hide.execute(params![seq, ceil_ms(self.hidden_until)])?;
            // A row whose id does not parse stays hidden: no caller could load its run.
            match id.parse() {
                Ok(id) => taken.push(id),
                Err(error) => tracing::error!(%error, seq, "a due row has an unreadable id"),
            }
        }
        Ok(taken)
    }

    fn committed(&mut self, _taken: &mut Vec<RunId>) {
        self.state.marks.clear(self.now);
    }
}

/// The earliest due time.
pub(crate) fn next(connection: &Connection) -> Result<Option<Timestamp>, Fault> {
    let earliest: Option<i64> = connection
        .prepare_cached("SELECT min(due_ms) FROM run WHERE due_ms IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    Ok(earliest.map(of_ms))
}

/// For each slot in which anything is due the first time, found by the slot before it, however many runs are due in one.
const FIRST_OF_SLOTS: &str = "
    WITH RECURSIVE first (due_ms) AS (
        SELECT min(due_ms) FROM run WHERE due_ms IS NOT NULL
        UNION ALL
        SELECT (SELECT min(due_ms) FROM run WHERE due_ms > (first.due_ms + ?2 - 1) / ?2 * ?2)
        FROM first WHERE first.due_ms IS NOT NULL
    )
    SELECT due_ms FROM first WHERE due_ms IS NOT NULL LIMIT ?1";

/// The slots in which anything is due, earliest first, at most `max`: for which timers are started when the database is opened.
/// All are of one shard, for due rows are taken from all shards.
pub(crate) fn slots(connection: &Connection, max: u32) -> rusqlite::Result<Vec<TimerSlot>> {
    let slot = |row: &Row<'_>| Ok(TimerSlot::new(0, of_ms(row.get(0)?)));
    connection.prepare(FIRST_OF_SLOTS)?.query_map(params![max, TimerSlot::WIDTH_MS], slot)?.collect()
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::schema::empty;

    fn with_due(times: impl Iterator<Item = i64>) -> Connection {
        let connection = empty();
        let mut insert = connection
            .prepare(
                "INSERT INTO run (id, version, due_ms, opened_ms, happened_us, phase, workflow, source, pending,
                                  resolvable, held, tally, doc)
                 VALUES (?1, 1, ?2, 0, 0, 'active', 'page', 'test', 1, 0, 0, '', x'')",
            )
            .unwrap();
        for (number, due_ms) in times.enumerate() {
            insert.execute(params![number.to_string(), due_ms]).unwrap();
        }
        drop(insert);
        connection
    }

    #[test]
    fn the_slots_in_which_anything_is_due_are_each_named_once_and_in_order() {
        let connection = with_due([5_000, 1_001, 5_001, 1_999, 2_000, 5_001, 9_000_000].into_iter());
        let slots = |max| -> Vec<i64> {
            slots(&connection, max).unwrap().into_iter().map(|slot| slot.at().as_millisecond()).collect()
        };
        assert_eq!(slots(100), [1_500, 2_000, 5_000, 5_500, 9_000_000]);
        assert_eq!(slots(2), [1_500, 2_000]);
        assert!(super::slots(&empty(), 100).unwrap().is_empty());
    }

    #[test]
    fn finding_them_takes_no_longer_with_more_runs_in_each() {
        let connection = with_due((0..5_000).map(|number| number % 5 * 1_000));
        let mut select = connection.prepare(FIRST_OF_SLOTS).unwrap();
        let found: Vec<i64> =
            select.query_map([100, 500], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(found, [0, 1_000, 2_000, 3_000, 4_000]);
        let steps = select.get_status(StatementStatus::VmStep);
        assert!(steps < 1_000, "{steps} steps of SQLite's machine");
    }
}
