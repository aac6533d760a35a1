//! Effects: what is to be done outside.
//!
//! In: effects, and how they ended. Out: those that are due, each to one taker at a time.
//! Never: one order over all shards: the earliest of each shard are taken, shard by shard, until there are enough.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{
    effect::Effect,
    id::{RunId, SHARDS},
    time::{ceil_ms, floor_ms, floor_us},
};
use jiff::Timestamp;
use ports::{EffectEnd, EffectStore, StoreError};
use sealing::Kind;

use crate::{connection::Call, documents, due::TAKE_KEPT_MS, keys::shard_of_letter, redis_store::RedisStore};

/// What `take_effects.lua` returns: an id, an epoch and a document of each.
type Taken = Vec<(String, u32, Vec<u8>)>;

/// Rows that one command looks at.
const SCANNED: u16 = 1_000;

/// The shard of an effect: that of its run, so that both are written at once.
fn shard_of(effect: &Effect) -> u8 {
    effect.run().map_or_else(|| shard_of_letter(&effect.id), RunId::shard)
}

impl RedisStore {
    /// The shards that hold due effects of a destination.
    async fn shards_with_effects(&self, destination: &str, now: Timestamp) -> Result<Vec<u8>, StoreError> {
        let of_shard = |shard| {
            let mut count = redis::cmd("ZCOUNT");
            count.arg(format!("{}:{destination}", self.keys.effects_due(shard)));
            count.arg("-inf").arg(floor_ms(now));
            count
        };
        let counts: Vec<u64> = self.connection.commands((0..SHARDS).map(of_shard).collect()).await?;
        Ok((0..SHARDS).zip(counts).filter(|(_, count)| *count > 0).map(|(shard, _)| shard).collect())
    }

    /// An effect as it is stored: its epoch stands before it.
    fn stored_effect(&self, id: &str, stored: &[u8]) -> Result<Effect, StoreError> {
        let document = stored.splitn(2, |byte| *byte == b' ').nth(1).unwrap_or_default();
        self.sealed(Kind::Effect).read(id, document)
    }
}

#[async_trait]
impl EffectStore for RedisStore {
    async fn add_effect(&self, effect: &Effect) -> Result<(), StoreError> {
        let shard = shard_of(effect);
        let keys = vec![self.keys.effects(shard), self.keys.effects_due(shard), self.keys.counts(shard)];
        let call = Call::new(&self.scripts.add_effect, keys)
            .arg(&effect.id)
            .arg(&effect.destination)
            .arg(floor_ms(effect.since))
            .arg(self.sealed(Kind::Effect).doc(&effect.id, effect)?);
        self.connection.call(call).await
    }

    async fn take_effects(
        &self,
        destination: &str,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<Effect>, StoreError> {
        let shards = self.shards_with_effects(destination, now).await?;
        let mut taken = Vec::new();
        for (at, shard) in shards.iter().copied().enumerate() {
            let left = usize::from(max) - taken.len();
            if left == 0 {
                break;
            }
            // Each shard gives its part, so that none waits for the others to be empty.
            let part = left.div_ceil(shards.len() - at);
            let taken_key = self.keys.taken(shard, &self.connection.token());
            let keys = vec![self.keys.effects(shard), self.keys.effects_due(shard), taken_key];
            let call = Call::new(&self.scripts.take_effects, keys)
                .arg(destination)
                .arg(floor_ms(now))
                .arg(ceil_ms(hidden_until))
                .arg(part)
                .arg(TAKE_KEPT_MS);
            let rows: Taken = self.connection.call(call).await?;
            for (id, epoch, document) in rows {
                let effect: Effect = self.sealed(Kind::Effect).read(&id, &document)?;
                taken.push(Effect { epoch, ..effect });
            }
        }
        Ok(taken)
    }

    async fn some_effects(&self, max: u16) -> Result<Vec<Effect>, StoreError> {
        let part = max.div_ceil(SHARDS.into()).max(1);
        let of_shard = |shard| {
            redis::cmd("HSCAN").arg(self.keys.effects(shard)).arg(0).arg("COUNT").arg(part).to_owned()
        };
        let pages: Vec<(u64, Vec<(String, Vec<u8>)>)> =
            self.connection.commands((0..SHARDS).map(of_shard).collect()).await?;
        let mut effects = Vec::new();
        for (id, stored) in pages.into_iter().flat_map(|(_, page)| page.into_iter().take(part.into())) {
            effects.push(self.stored_effect(&id, &stored)?);
        }
        effects.truncate(max.into());
        Ok(effects)
    }

    async fn effects_of_run(&self, run: &RunId, destination: &str) -> Result<Vec<Effect>, StoreError> {
        let shard = run.shard();
        let due = format!("{}:{destination}", self.keys.effects_due(shard));
        let (mut ids, mut cursor) = (BTreeSet::new(), 0);
        loop {
            let mut page = redis::cmd("ZSCAN");
            page.arg(&due).arg(cursor).arg("MATCH").arg(format!("{run}-*")).arg("COUNT").arg(SCANNED);
            let pages: Vec<(u64, Vec<(String, f64)>)> = self.connection.commands(vec![page]).await?;
            let Some((next, found)) = pages.into_iter().next() else { break };
            ids.extend(found.into_iter().map(|(id, _)| id));
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let read = |id: &String| redis::cmd("HGET").arg(self.keys.effects(shard)).arg(id).to_owned();
        let stored: Vec<Option<Vec<u8>>> = self.connection.commands(ids.iter().map(read).collect()).await?;
        let waiting = ids.iter().zip(stored).filter_map(|(id, stored)| Some((id, stored?)));
        waiting.map(|(id, stored)| self.stored_effect(id, &stored)).collect()
    }

    async fn postpone_effect(&self, effect: &Effect, due: Timestamp) -> Result<(), StoreError> {
        let shard = shard_of(effect);
        let keys = vec![self.keys.effects(shard), self.keys.effects_due(shard)];
        let call = Call::new(&self.scripts.postpone_effect, keys)
            .arg(&effect.id)
            .arg(&effect.destination)
            .arg(effect.epoch)
            .arg(ceil_ms(due))
            .arg(self.sealed(Kind::Effect).doc(&effect.id, effect)?);
        self.connection.call(call).await
    }

    async fn end_effect(&self, effect: &Effect, end: EffectEnd) -> Result<(), StoreError> {
        let shard = shard_of(effect);
        let keys = vec![
            self.keys.effects(shard),
            self.keys.effects_due(shard),
            self.keys.counts(shard),
            self.keys.dead(shard),
            self.keys.dead_at(shard),
        ];
        let mut call = Call::new(&self.scripts.end_effect, keys)
            .arg(&effect.id)
            .arg(&effect.destination)
            .arg(effect.epoch);
        if let EffectEnd::Dead(letter) = end {
            call = call.arg(&letter.id).arg(floor_us(letter.at)).arg(&letter.reason);
            call = call.arg(documents::letter(&self.sealer, &letter)?);
        }
        self.connection.call(call).await
    }
}
