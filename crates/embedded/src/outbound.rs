//! Effects: what is to be done outside.
//!
//! In: effects, and how they ended. Out: those that are due, each to one taker at a time.
//! Never: counts what changed nothing: a row is counted in the transaction that adds or removes it.

use domain::{
    effect::Effect,
    time::{ceil_ms, floor_ms},
};
use jiff::Timestamp;
use ports::{EffectEnd, StoreError};
use rusqlite::{Connection, params};
use sealing::Kind;

use crate::{document::Sealed, effect_row::EffectRow, run_row::DeadLetterRow, store::EmbeddedStore};

impl EmbeddedStore {
    pub(crate) async fn take_outbound(
        &self,
        destination: &str,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<Effect>, StoreError> {
        let (destination, sealer) = (destination.to_owned(), self.state.sealer.clone());
        let take = move |connection: &Connection| {
            let mut select = connection.prepare_cached(
                "SELECT id, epoch, doc FROM effect WHERE destination = ?1 AND due_ms <= ?2 ORDER BY due_ms LIMIT ?3",
            )?;
            let mut rows = select.query(params![destination, floor_ms(now), max])?;
            let mut due: Vec<(String, u32, Effect)> = Vec::new();
            while let Some(row) = rows.next()? {
                let id: String = row.get(0)?;
                let effect = Sealed::new(&sealer, Kind::Effect).read(&id, row.get_ref(2)?)?;
                due.push((id, row.get(1)?, effect));
            }
            let mut hide =
                connection.prepare_cached("UPDATE effect SET due_ms = ?2, epoch = ?3 WHERE id = ?1")?;
            let mut taken = Vec::with_capacity(due.len());
            for (id, epoch, effect) in due {
                let epoch = epoch.saturating_add(1);
                hide.execute(params![id, ceil_ms(hidden_until), epoch])?;
                taken.push(Effect { epoch, ..effect });
            }
            Ok(taken)
        };
        Ok(self.writer.write(take).await?)
    }

    pub(crate) async fn postpone_outbound(&self, effect: &Effect, due: Timestamp) -> Result<(), StoreError> {
        let row = EffectRow::of(effect, &self.state.sealer)?;
        let postpone = move |connection: &Connection| {
            let EffectRow { effect, doc } = &row;
            connection
                .prepare_cached("UPDATE effect SET due_ms = ?3, doc = ?4 WHERE id = ?1 AND epoch = ?2")?
                .execute(params![effect.id, effect.epoch, ceil_ms(due), doc])?;
            Ok(())
        };
        Ok(self.writer.write(postpone).await?)
    }

    pub(crate) async fn end_outbound(&self, effect: &Effect, end: EffectEnd) -> Result<(), StoreError> {
        let (id, epoch) = (effect.id.clone(), effect.epoch);
        let letter = match &end {
            EffectEnd::Delivered => None,
            EffectEnd::Dead(letter) => Some(DeadLetterRow::of(letter, &self.state.sealer)?),
        };
        let end = move |connection: &Connection| {
            let gone = connection
                .prepare_cached("DELETE FROM effect WHERE id = ?1 AND epoch = ?2")?
                .execute(params![id, epoch])?;
            if gone == 0 {
                return Ok(());
            }
            let (delivered, dead) = if letter.is_some() { (0, 1) } else { (1, 0) };
            connection
                .prepare_cached("UPDATE effect_ledger SET delivered = delivered + ?1, dead = dead + ?2")?
                .execute([delivered, dead])?;
            letter.as_ref().map_or(Ok(()), |letter| letter.insert(connection, None))
        };
        Ok(self.writer.write(end).await?)
    }
}
