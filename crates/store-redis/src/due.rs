//! Due runs.
//!
//! In: the time. Out: the due runs, earliest first over all shards.
//! Never: gives a run to a second caller before the first one's time is up: a script moves its due time to the end of
//! that time, if nothing has changed it meanwhile.

use std::{collections::BTreeMap, ops::Range};

use domain::{
    id::{RunId, SHARDS},
    time::{ceil_ms, floor_ms, of_ms},
};
use jiff::Timestamp;
use ports::StoreError;

use crate::{
    connection::{Call, unreadable},
    merge::{self, Page},
    redis_store::RedisStore,
    stored_run::seconds,
};

/// How long what a call took is kept, in milliseconds: longer than a call and its repetition last.
pub(crate) const TAKE_KEPT_MS: u32 = 15_000;
/// How often a call reads due runs again when other calls took all that it found.
const READS_MAX: u8 = 8;

impl RedisStore {
    pub(crate) async fn take(
        &self,
        shard: Option<u8>,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<RunId>, StoreError> {
        let shards = shard.filter(|shard| *shard < SHARDS).map_or(0..SHARDS, |shard| shard..shard + 1);
        self.clear_timers(shards.clone(), now).await?;
        let mut taken = Vec::new();
        for _ in 0..READS_MAX {
            let seen = self.due_at(shards.clone(), now, usize::from(max) - taken.len()).await?;
            if seen.is_empty() {
                break;
            }
            taken.extend(self.hide(seen, hidden_until).await?);
            if !taken.is_empty() {
                break;
            }
        }
        taken.sort();
        Ok(taken.into_iter().map(|(_, id)| id).collect())
    }

    /// Slots in the past need a timer again. Cleared before due rows are read, so that a row stored later asks for its own.
    async fn clear_timers(&self, shards: Range<u8>, now: Timestamp) -> Result<(), StoreError> {
        let of_shard = |shard| {
            let mut remove = redis::cmd("ZREMRANGEBYSCORE");
            remove.arg(self.keys.timers(shard)).arg("-inf").arg(seconds(now));
            remove
        };
        self.connection.commands::<()>(shards.map(of_shard).collect()).await?;
        Ok(())
    }

    async fn due_at(
        &self,
        shards: Range<u8>,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<((i64, String), ())>, StoreError> {
        let now = floor_ms(now);
        merge::first_of(shards, max, |shard, offset, limit| async move {
            let mut range = redis::cmd("ZRANGEBYSCORE");
            range.arg(self.keys.due(shard)).arg("-inf").arg(now).arg("WITHSCORES");
            range.arg("LIMIT").arg(offset).arg(limit);
            let rows: Vec<(String, i64)> = self.connection.command(&range).await?;
            let next = (rows.len() == limit).then_some(offset + limit as u64);
            Ok(Page { items: rows.into_iter().map(|(id, due)| ((due, id), ())).collect(), next })
        })
        .await
    }

    /// Hides the runs whose due time is still the one that was read, and returns them.
    async fn hide(
        &self,
        seen: Vec<((i64, String), ())>,
        hidden_until: Timestamp,
    ) -> Result<Vec<(i64, RunId)>, StoreError> {
        let token = self.connection.token();
        let mut due_of = BTreeMap::new();
        let mut calls = BTreeMap::new();
        for ((due, text), ()) in seen {
            let id: RunId = text.parse().map_err(|error| unreadable("due row", &text, error))?;
            let shard = id.shard();
            let call = calls.remove(&shard).unwrap_or_else(|| {
                let keys = vec![self.keys.due(shard), self.keys.taken(shard, &token)];
                Call::new(&self.scripts.take, keys).arg(ceil_ms(hidden_until)).arg(TAKE_KEPT_MS)
            });
            calls.insert(shard, call.arg(&text).arg(due));
            due_of.insert(id, due);
        }
        let taken: Vec<Vec<String>> = self.connection.calls(calls.into_values()).await?;
        let ids = taken.into_iter().flatten().filter_map(|text| text.parse::<RunId>().ok());
        Ok(ids.filter_map(|id| Some((*due_of.get(&id)?, id))).collect())
    }

    pub(crate) async fn earliest_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let of_shard =
            |shard| redis::cmd("ZRANGE").arg(self.keys.due(shard)).arg(0).arg(0).arg("WITHSCORES").to_owned();
        let rows: Vec<Vec<(String, i64)>> =
            self.connection.commands((0..SHARDS).map(of_shard).collect()).await?;
        Ok(rows.into_iter().flatten().map(|(_, due)| due).min().map(of_ms))
    }
}
