//! Effects as rows, and their counts.
//!
//! In: effects. Out: inserts, and how many there are. Never: opens or commits a transaction.

use domain::{effect::Effect, time::floor_ms};
use ports::store::EffectCounts;
use rusqlite::{Connection, params};
use sealing::{Kind, Sealer};

use crate::{
    document::{Doc, Sealed},
    fault::Fault,
};

/// An effect as a row.
pub(crate) struct EffectRow {
    pub(crate) effect: Effect,
    pub(crate) doc: Doc,
}

impl EffectRow {
    pub(crate) fn of(effect: &Effect, sealer: &Sealer) -> Result<Self, Fault> {
        let doc = Sealed::new(sealer, Kind::Effect).doc(&effect.id, effect)?;
        Ok(Self { effect: effect.clone(), doc })
    }

    /// Adds the effect, due at once, unless it waits already.
    pub(crate) fn insert(&self, connection: &Connection) -> Result<(), Fault> {
        let Effect { id, destination, since, .. } = &self.effect;
        let added = connection
            .prepare_cached(
                "INSERT OR IGNORE INTO effect (id, destination, due_ms, since_ms, epoch, doc) VALUES (?1, ?2, ?3, ?3, 0, ?4)",
            )?
            .execute(params![id, destination, floor_ms(*since), self.doc])?;
        connection.prepare_cached("UPDATE effect_ledger SET due = due + ?1")?.execute([added as i64])?;
        Ok(())
    }
}

/// What became of all effects.
pub(crate) fn counts(connection: &Connection) -> Result<EffectCounts, Fault> {
    let mut select = connection
        .prepare_cached("SELECT due, delivered, (SELECT count(*) FROM effect), dead FROM effect_ledger")?;
    Ok(select.query_row([], |row| {
        let count = |column: usize| row.get::<_, i64>(column).map(|count| count as u64);
        Ok(EffectCounts { due: count(0)?, delivered: count(1)?, waiting: count(2)?, dead: count(3)? })
    })?)
}
