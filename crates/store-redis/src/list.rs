//! Lists: runs, dead letters, outcomes. In: filters and cursors. Out: one order over all shards.
//!
//! Never: one call that blocks the server for long: a script reads a bounded number of rows and returns where to continue.

use std::{cmp::Reverse, sync::Arc};

use domain::{
    id::{RunId, SHARDS},
    limits::LIST_MAX,
    run::Run,
    time::{floor_ms, floor_us},
    timeline::{DeadLetter, Outcome},
};
use ports::{
    StoreError,
    store::{DeadLetterFilter, Listed, RunFilter, Unreadable},
};
use redis::cmd;

use crate::{
    connection::{Call, unreadable},
    documents,
    merge::{self, Page},
    redis_store::RedisStore,
    stored_run::{letter_of, read},
};

/// Most rows that one call of a script looks at.
const LOOKED_AT_MAX: u16 = 500;

/// What a page script returns: where to go on, and names with their documents.
type Found = (i64, Vec<(String, Vec<u8>)>);

impl RedisStore {
    pub(crate) async fn runs(&self, filter: &RunFilter, max: u16) -> Result<Vec<Listed<Run>>, StoreError> {
        let mut after = None;
        if let Some(id) = &filter.after {
            // The last run of the previous page was purged, and so were all that follow it.
            let opened = self.score(&self.keys.runs(id.shard()), id.as_str()).await?;
            let Some(opened) = opened else { return Ok(Vec::new()) };
            after = Some(Reverse((opened, id.to_string())));
        }
        let after = &after;
        let runs = merge::first(usize::from(max.min(LIST_MAX)), |shard, offset, limit| async move {
            let latest = after.as_ref().map_or("+inf".to_owned(), |Reverse((opened, _))| opened.to_string());
            let keys = vec![self.keys.runs(shard), self.keys.runs_of(shard)];
            let call = Call::new(&self.scripts.list, keys)
                .arg(latest)
                .arg(offset)
                .arg(limit)
                .arg(LOOKED_AT_MAX)
                .arg(filter.phase.map(|phase| letter_of(phase).to_string()).unwrap_or_default())
                .arg(match (filter.needs_review, filter.unfinished) {
                    (true, _) => "h",
                    (false, true) => "u",
                    (false, false) => "",
                });
            let (next, found): Found = self.connection.call(call).await?;
            let mut items = Vec::with_capacity(found.len());
            for (id, stored) in found {
                let run = match read(&self.sealer, &id, &stored) {
                    Ok(run) => Ok(Arc::unwrap_or_clone(run.value)),
                    Err(error) => Err(Unreadable::new(id.clone(), error)),
                };
                let opened = match &run {
                    Ok(run) => floor_ms(run.opened_at()),
                    Err(_) => self.score(&self.keys.runs(shard), &id).await?.unwrap_or_default(),
                };
                let key = Reverse((opened, id));
                let is_wanted = run.as_ref().map_or(true, |run| matches(run, filter));
                if is_wanted && after.as_ref().is_none_or(|after| key > *after) {
                    items.push((key, run));
                }
            }
            Ok(Page { items, next: u64::try_from(next).ok() })
        })
        .await?;
        Ok(runs.into_iter().map(|(_, run)| run).collect())
    }

    pub(crate) async fn letters(
        &self,
        filter: &DeadLetterFilter,
        max: u16,
    ) -> Result<Vec<Listed<DeadLetter>>, StoreError> {
        let since = filter.since.map_or("-inf".to_owned(), |at| floor_us(at).to_string());
        let until = filter.until.map_or("+inf".to_owned(), |at| format!("({}", floor_us(at)));
        let (since, until) = (&since, &until);
        let letters = merge::first(usize::from(max), |shard, offset, limit| async move {
            let call =
                Call::new(&self.scripts.letters, vec![self.keys.dead_at(shard), self.keys.dead(shard)])
                    .arg(since)
                    .arg(until)
                    .arg(offset)
                    .arg(limit)
                    .arg(LOOKED_AT_MAX)
                    .arg(filter.reason.as_deref().unwrap_or_default())
                    .arg(filter.workflow.as_deref().unwrap_or_default())
                    .arg(filter.source.as_deref().unwrap_or_default());
            let (next, found): Found = self.connection.call(call).await?;
            let mut items = Vec::with_capacity(found.len());
            for (id, doc) in found {
                let letter = documents::read_letter(&self.sealer, &id, &doc)
                    .map_err(|error| Unreadable::new(id.clone(), error));
                let at = match &letter {
                    Ok(letter) => floor_us(letter.at),
                    Err(_) => self.score(&self.keys.dead_at(shard), &id).await?.unwrap_or_default(),
                };
                items.push(((at, id), letter));
            }
            Ok(Page { items, next: u64::try_from(next).ok() })
        })
        .await?;
        Ok(letters.into_iter().map(|(_, letter)| letter).collect())
    }

    /// The place of a member of a sorted set, if it is one.
    async fn score(&self, key: &str, member: &str) -> Result<Option<i64>, StoreError> {
        self.connection.command(cmd("ZSCORE").arg(key).arg(member)).await
    }

    /// A cursor is the server's microsecond at which an outcome was stored, times the number of shards, plus its shard.
    ///
    /// Only outcomes from before the reading began are returned: one that is stored while the shards are read has a
    /// later cursor than any that is returned, whichever shard it went to, so that a reader never passes it by.
    pub(crate) async fn ends(&self, after: u64, max: u16) -> Result<Vec<(u64, Outcome)>, StoreError> {
        // Where there are several servers, the clock that is behind: none of them stores anything earlier from now on.
        let clocks: Vec<(u64, u64)> = self.connection.every(&cmd("TIME")).await?;
        let began = clocks.into_iter().map(|(seconds, more)| seconds * 1_000_000 + more).min();
        let began = began.unwrap_or_default();
        let shards = u64::from(SHARDS);
        let (passed, last_shard) = (after / shards, after % shards);
        let of_shard = |shard: u8| {
            // A shard after the cursor's may hold another outcome of the same microsecond.
            let from = if u64::from(shard) > last_shard { passed.to_string() } else { format!("({passed}") };
            let mut range = cmd("ZRANGEBYSCORE");
            range.arg(self.keys.outcomes(shard)).arg(from).arg(format!("({began}"));
            range.arg("WITHSCORES").arg("LIMIT").arg(0).arg(max);
            range
        };
        let rows: Vec<Vec<(String, u64)>> =
            self.connection.commands((0..SHARDS).map(of_shard).collect()).await?;
        let mut found = Vec::new();
        for (shard, rows) in (0_u64..).zip(rows) {
            for (member, at) in rows {
                let doc = member.split_once(' ').map_or("", |(_, doc)| doc);
                let outcome =
                    serde_json::from_str(doc).map_err(|error| unreadable("outcome", &member, error))?;
                found.push((at * shards + shard, outcome));
            }
        }
        found.sort_by_key(|(cursor, _)| *cursor);
        found.truncate(usize::from(max));
        Ok(found)
    }

    /// The shards in which a dead letter of this name may be, the likeliest first.
    pub(crate) fn shards_of_letter(id: &str) -> Vec<u8> {
        let of_run = id.split('-').next().and_then(|run| run.parse::<RunId>().ok()).map(|run| run.shard());
        let mut shards: Vec<u8> = of_run.into_iter().chain([crate::keys::shard_of_letter(id)]).collect();
        shards.extend((0..SHARDS).filter(|shard| !shards.contains(shard)).collect::<Vec<_>>());
        shards
    }
}

fn matches(run: &Run, filter: &RunFilter) -> bool {
    filter.workflow.as_ref().is_none_or(|workflow| *workflow == run.workflow())
        && filter.source.as_ref().is_none_or(|source| *source == run.event().source)
}
