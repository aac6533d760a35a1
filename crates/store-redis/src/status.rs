//! Signs of life, and what waits. In: calls of the port. Out: keys, and totals over all shards.
//!
//! Never: one instant over all shards, or a call that reads more than a page of accepted events.

use async_trait::async_trait;
use domain::{
    id::SHARDS,
    status::{Backlog, Heartbeat},
    time::{floor_ms, of_ms},
};
use jiff::Timestamp;
use ports::{StatusStore, StoreError};
use redis::cmd;

use crate::{
    connection::{Call, unreadable},
    documents::json,
    event_ledger::{AGAIN_AFTER_MS, DOUBLINGS_MAX},
    redis_store::RedisStore,
};

/// Accepted events of one shard that are looked at for the oldest.
const EVENTS_LOOKED_AT: u16 = 200;

#[async_trait]
impl StatusStore for RedisStore {
    async fn report(&self, heartbeat: &Heartbeat, forgotten_before: Timestamp) -> Result<(), StoreError> {
        let call = Call::new(&self.scripts.report, self.keys.heartbeats().to_vec())
            .arg(&heartbeat.process)
            .arg(floor_ms(heartbeat.at))
            .arg(json(heartbeat, "heartbeat", &heartbeat.process)?)
            .arg(floor_ms(forgotten_before));
        self.connection.call(call).await
    }

    async fn withdraw(&self, process: &str) -> Result<(), StoreError> {
        let call = Call::new(&self.scripts.withdraw, self.keys.heartbeats().to_vec()).arg(process);
        self.connection.call(call).await
    }

    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
        let [_, reports] = self.keys.heartbeats();
        let docs: Vec<Vec<u8>> = self.connection.command(cmd("HVALS").arg(reports)).await?;
        let read = |doc: &Vec<u8>| {
            serde_json::from_slice::<Heartbeat>(doc)
                .map_err(|error| unreadable("heartbeat", "of a process", error))
        };
        let mut heartbeats = docs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        heartbeats.sort_by(|a, b| a.process.cmp(&b.process));
        Ok(heartbeats)
    }

    async fn backlog(&self, now: Timestamp, destinations: &[String]) -> Result<Backlog, StoreError> {
        let of_shard = |shard| {
            let keys = vec![
                self.keys.accepted(shard),
                self.keys.due(shard),
                self.keys.dead_at(shard),
                self.keys.review(shard),
                self.keys.effects_due(shard),
            ];
            let call = Call::new(&self.scripts.backlog, keys)
                .arg(floor_ms(now))
                .arg(EVENTS_LOOKED_AT)
                .arg(AGAIN_AFTER_MS)
                .arg(DOUBLINGS_MAX);
            destinations.iter().fold(call, |call, destination| call.arg(destination))
        };
        let shards: Vec<Vec<String>> = self.connection.calls((0..SHARDS).map(of_shard)).await?;
        let sealed_by = self.stored_keys().await?.as_deref().and_then(sealing::wrapped_by);
        let mut backlog = Backlog { sealing: self.sealing(), sealed_by, ..Backlog::default() };
        for shard in shards {
            add(&mut backlog, &shard, destinations)
                .ok_or_else(|| unreadable("backlog", "of a shard", "it is no list of numbers"))?;
        }
        Ok(backlog)
    }
}

/// Adds what waits in one shard; `None` if it cannot be read.
fn add(backlog: &mut Backlog, shard: &[String], destinations: &[String]) -> Option<()> {
    let totals =
        [&mut backlog.events, &mut backlog.overdue, &mut backlog.dead_letters, &mut backlog.needs_review];
    let (waiting, effects) = shard.split_at_checked(2 * totals.len())?;
    for (total, pair) in totals.into_iter().zip(waiting.chunks(2)) {
        let [count, since] = pair else { return None };
        total.count += count.parse::<u64>().ok()?;
        let since = if since.is_empty() { None } else { Some(of_ms(since.parse().ok()?)) };
        total.since = [total.since, since].into_iter().flatten().min();
    }
    for (destination, count) in destinations.iter().zip(effects) {
        *backlog.effects.entry(destination.clone()).or_default() += count.parse::<u64>().ok()?;
    }
    Some(())
}
