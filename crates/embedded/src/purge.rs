//! Forgetting runs that ended long ago.
//!
//! In: a time. Out: the runs that ended before it are gone, with all that belongs to them.
//! Never: takes a run that is not closed or that must be looked at again, or consent, or a definition.

use std::sync::Arc;

use domain::{
    id::RunId,
    limits::DEDUPE_S,
    time::after_s,
    time::{floor_ms, floor_us},
};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::{fault::Fault, state::State, writer::Work};

/// Forgets up to `max` runs.
pub(crate) struct Purge {
    pub(crate) before: Timestamp,
    pub(crate) max: u16,
    /// This run alone.
    pub(crate) only: Option<String>,
    /// The present: resolutions have a life of their own.
    pub(crate) now: Timestamp,
    pub(crate) state: Arc<State>,
}

impl Work for Purge {
    type Output = Vec<String>;

    fn run(&mut self, connection: &Connection) -> Result<Vec<String>, Fault> {
        let before_ms = floor_ms(self.before);
        let mut select = connection.prepare_cached(
            "SELECT seq, id FROM run WHERE texts IN (0, 1) AND closed_ms IS NOT NULL AND due_ms IS NULL
             AND closed_ms < ?1 AND (?3 IS NULL OR id = ?3) LIMIT ?2",
        )?;
        let over: Vec<(i64, String)> = select
            .query_map(params![before_ms, self.max, self.only], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (seq, _) in &over {
            purge(connection, *seq)?;
        }
        if self.only.is_none() && over.len() < usize::from(self.max) {
            self.purge_the_rest(connection)?;
        }
        Ok(over.into_iter().map(|(_, id)| id).collect())
    }

    fn committed(&mut self, purged: &mut Vec<String>) {
        let ids = purged.iter().filter_map(|id| id.parse::<RunId>().ok());
        ids.for_each(|id| self.state.runs.remove(&id));
    }
}

impl Purge {
    /// What belongs to no run and is of no use any more.
    fn purge_the_rest(&self, connection: &Connection) -> Result<(), Fault> {
        let kept_since = after_s(self.now, -i64::from(DEDUPE_S)).min(self.before);
        connection
            .prepare_cached("DELETE FROM resolution WHERE at_us < ?1")?
            .execute([floor_us(kept_since)])?;
        connection
            .prepare_cached("DELETE FROM override WHERE until_ms < ?1")?
            .execute([floor_ms(self.before)])?;
        Ok(())
    }
}

/// Runs that ended before a time and hold texts that may go.
pub(crate) fn ended_with_texts(
    connection: &Connection,
    before: Timestamp,
    max: u16,
) -> Result<Vec<RunId>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT id FROM run WHERE texts = 1 AND closed_ms IS NOT NULL AND due_ms IS NULL AND closed_ms < ?1
         ORDER BY closed_ms LIMIT ?2",
    )?;
    let ids = select.query_map(params![floor_ms(before), max], |row| row.get::<_, String>(0))?;
    ids.map(|id| {
        let id = id?;
        id.parse().map_err(|error| Fault::Corrupt(format!("the id of run {id}: {error}")))
    })
    .collect()
}

/// Forgets dead letters of no run that are from before a time. Returns how many.
pub(crate) fn letters(connection: &Connection, before: Timestamp, max: u16) -> Result<u64, Fault> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM dead_letter WHERE seq IN
             (SELECT seq FROM dead_letter WHERE at_ms < ?1 AND run IS NULL ORDER BY at_ms LIMIT ?2)",
        )?
        .execute(params![floor_ms(before), max])?;
    Ok(gone as u64)
}

fn purge(connection: &Connection, run: i64) -> Result<(), Fault> {
    let mut bound =
        connection.prepare_cached("SELECT sids FROM timeline WHERE run = ?1 AND sids IS NOT NULL")?;
    let bound: Vec<String> = bound.query_map([run], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for sid in bound.iter().flat_map(|sids| sids.split(' ')) {
        connection.prepare_cached("DELETE FROM sid WHERE sid = ?1")?.execute([sid])?;
    }
    for sql in [
        "DELETE FROM timeline WHERE run = ?1",
        "DELETE FROM reply_route WHERE run = ?1",
        "DELETE FROM outcome WHERE run = ?1",
        "DELETE FROM dead_letter WHERE run = ?1",
        "DELETE FROM run WHERE seq = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([run])?;
    }
    Ok(())
}
