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
use rusqlite::{Connection, params};

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

/// The seconds in which anything is due, earliest first, at most `max`: for which timers are started when the database is opened.
pub(crate) fn seconds(connection: &Connection, max: u32) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare(
            "SELECT DISTINCT (due_ms + 999) / 1000 AS second FROM run WHERE due_ms IS NOT NULL ORDER BY second LIMIT ?1",
        )?
        .query_map([max], |row| row.get(0))?
        .collect()
}
