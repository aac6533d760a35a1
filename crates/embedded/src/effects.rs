//! What is stored in the same transaction as a run.
//!
//! In: rows made from a change's effects. Out: inserts, and deletes of discarded dead letters. Never: opens or commits a transaction.

use domain::time::floor_ms;
use rusqlite::{Connection, params};

use crate::{
    bloom_filter::BloomFilter,
    fault::Fault,
    run_row::{DeadLetterRow, EffectRows},
};

impl EffectRows {
    /// Stores everything that belongs to this version of the run in row `run`.
    pub(crate) fn insert(
        &self,
        connection: &Connection,
        run: i64,
        version: u64,
        known: &BloomFilter,
    ) -> Result<(), Fault> {
        if self.entries.is_some() || self.sids.is_some() {
            connection
                .prepare_cached("INSERT INTO timeline (run, version, entries, sids) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![run, version as i64, self.entries.as_deref().unwrap_or(b"[]"), self.sids])?;
        }
        for (sid, message) in &self.bound {
            connection
                .prepare_cached("INSERT OR IGNORE INTO sid (sid, message) VALUES (?1, ?2)")?
                .execute([sid.as_str(), message])?;
        }
        for doc in &self.outcomes {
            connection
                .prepare_cached("INSERT INTO outcome (run, doc) VALUES (?1, ?2)")?
                .execute(params![run, doc])?;
        }
        self.outbound.iter().try_for_each(|row| row.insert(connection))?;
        for letter in &self.dead_letters {
            letter.insert(connection, Some(run))?;
        }
        for id in &self.discarded {
            connection.prepare_cached("DELETE FROM dead_letter WHERE id = ?1")?.execute([id])?;
        }
        for row in &self.reply_routes {
            connection
                .prepare_cached(
                    "INSERT INTO reply_route (number, expires_ms, run, doc) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![row.number, row.expires_ms, run, row.doc])?;
        }
        self.consent.iter().try_for_each(|row| row.insert(connection, known))
    }
}

impl DeadLetterRow {
    /// Stores the letter unless its id is known.
    pub(crate) fn insert(&self, connection: &Connection, run: Option<i64>) -> Result<(), Fault> {
        let letter = &self.letter;
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO dead_letter (id, at_ms, reason, workflow, source, run, doc)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                letter.id,
                floor_ms(letter.at),
                letter.reason,
                letter.workflow,
                letter.source,
                run,
                self.doc
            ])?;
        Ok(())
    }
}
