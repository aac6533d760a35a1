//! The counts of the conservation audit. In: the counts that scripts keep for each shard. Out: their total.
//!
//! Never: one instant over all shards of a cluster, though each shard's counts are of one instant: there a run is counted
//! in its shard, so that none is counted twice or missed. On a single server changes that are made together are counted in
//! one shard, and all shards are read at once, with no write in between.

use std::collections::BTreeMap;

use domain::id::SHARDS;
use ports::{StoreError, store::AuditCounts};
use redis::cmd;

use crate::{
    connection::unreadable,
    redis_store::RedisStore,
    stored_run::{MESSAGE_LETTERS, RUN_LETTERS},
};

impl RedisStore {
    pub(crate) async fn total(&self) -> Result<AuditCounts, StoreError> {
        let counts = (0..SHARDS).map(|shard| cmd("HGETALL").arg(self.keys.counts(shard)).to_owned());
        let lengths = (0..SHARDS).map(|shard| cmd("HLEN").arg(self.keys.accepted(shard)).to_owned());
        let effects = (0..SHARDS).map(|shard| cmd("HLEN").arg(self.keys.effects(shard)).to_owned());
        let mut answers: Vec<redis::Value> =
            self.connection.commands(counts.chain(lengths).chain(effects).collect()).await?;
        let waiting = answers.split_off(2 * usize::from(SHARDS));
        let pending = answers.split_off(usize::from(SHARDS));
        let readable = |error: redis::ParsingError| unreadable("counts", "of all shards", error);
        let pending: Vec<u64> = redis::from_redis_value(redis::Value::Array(pending)).map_err(readable)?;
        let waiting: Vec<u64> = redis::from_redis_value(redis::Value::Array(waiting)).map_err(readable)?;
        let shards: Vec<Vec<(String, i64)>> =
            redis::from_redis_value(redis::Value::Array(answers)).map_err(readable)?;
        // A run may be counted in one shard and taken off in another, so that a count of one shard may be below zero.
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for (name, count) in shards.into_iter().flatten() {
            *sums.entry(name).or_default() += count;
        }
        let mut counts = AuditCounts::default();
        counts.events.pending = pending.into_iter().sum();
        counts.effects.waiting = waiting.into_iter().sum();
        for (name, count) in sums {
            let count = u64::try_from(count).unwrap_or_default();
            let mut kind = name.chars();
            match kind.next() {
                Some('r') => {
                    let phase = RUN_LETTERS.iter().find(|(_, letter)| kind.as_str().starts_with(*letter));
                    let phase = phase.map_or(kind.as_str(), |(phase, _)| phase.as_str());
                    *counts.runs.entry(phase.to_owned()).or_default() += count;
                }
                Some('m') => {
                    let phase = MESSAGE_LETTERS.iter().find(|(_, letter)| kind.as_str().starts_with(*letter));
                    let phase = phase.map_or(kind.as_str(), |(phase, _)| *phase);
                    *counts.messages.entry(phase.to_owned()).or_default() += count;
                }
                Some('d') => *counts.dead_letters.entry(kind.as_str().to_owned()).or_default() += count,
                Some('f') => match kind.as_str() {
                    "" => counts.forgotten += count,
                    "d" => counts.effects.due += count,
                    "o" => counts.effects.delivered += count,
                    "x" => counts.effects.dead += count,
                    _ => {}
                },
                Some('e') => match kind.as_str() {
                    "a" => counts.events.accepted += count,
                    "c" => counts.events.concluded += count,
                    "u" => counts.events.published_directly += count,
                    _ => {}
                },
                _ => {}
            }
        }
        Ok(counts)
    }
}
