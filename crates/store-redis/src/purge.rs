//! Deletes runs that ended long ago.
//!
//! In: a time. Out: the runs that ended before it are gone, with all that belongs to them.
//! Never: deletes a run that is not closed or still due, consent, or a workflow definition.
//!
//! Keys in slots of their own are deleted first: a process that dies in between leaves an ended run without its routes,
//! and the next call deletes the rest.

use domain::{
    id::{RunId, SHARDS},
    oncall::Override,
    time::{floor_ms, floor_us},
    timeline::{Entry, TimelineEvent},
};
use jiff::Timestamp;
use ports::{DeadLetterStore as _, StoreError, Versioned};
use sealing::Lookup;

use crate::{
    connection::{Call, unreadable},
    indexes::{routes_of, sids_of},
    redis_store::RedisStore,
    sid_fields::field_of,
    stored_run::{keys_of, read_lines},
};

/// Dead letters of one shard that are looked at together.
const LETTERS_LOOKED_AT: u16 = 200;

/// What the marks in a timeline name.
#[derive(Default)]
struct Marks {
    cursors: Vec<String>,
    letters: Vec<String>,
    sids: Vec<String>,
    /// Numbers as they are looked up, each with the name of the route.
    routes: Vec<(String, String)>,
    /// The same with numbers as they are.
    former_routes: Vec<(String, String)>,
}

impl RedisStore {
    pub(crate) async fn purge_runs(&self, before: Timestamp, max: u16) -> Result<u64, StoreError> {
        let lists =
            (0..SHARDS).flat_map(|shard| [self.keys.ended(shard), self.keys.ended_without_texts(shard)]);
        let mut gone = 0;
        for id in self.ended_in(lists, before, max).await? {
            if gone == u64::from(max) {
                return Ok(gone);
            }
            gone += u64::from(self.purge_ended(&id).await?);
        }
        self.purge_overrides(before).await?;
        Ok(gone)
    }

    pub(crate) async fn ended_before_with_texts(
        &self,
        before: Timestamp,
        max: u16,
    ) -> Result<Vec<RunId>, StoreError> {
        let lists = (0..SHARDS).map(|shard| self.keys.ended(shard));
        let mut ended = self.ended_in(lists, before, max).await?;
        ended.truncate(max.into());
        Ok(ended)
    }

    /// The first runs of each of these lists that ended before a time.
    async fn ended_in(
        &self,
        lists: impl Iterator<Item = String>,
        before: Timestamp,
        max: u16,
    ) -> Result<Vec<RunId>, StoreError> {
        let of_list = |list: String| {
            let mut range = redis::cmd("ZRANGEBYSCORE");
            range.arg(list).arg("-inf").arg(format!("({}", floor_ms(before)));
            range.arg("LIMIT").arg(0).arg(max);
            range
        };
        let ended: Vec<Vec<String>> = self.connection.commands(lists.map(of_list).collect()).await?;
        let parsed = |text: String| text.parse().map_err(|error| unreadable("ended run", &text, error));
        ended.into_iter().flatten().map(parsed).collect()
    }

    /// Removes letters of no run, shard by shard.
    pub(crate) async fn purge_old_letters(&self, before: Timestamp, max: u16) -> Result<u64, StoreError> {
        let mut gone = 0;
        for shard in 0..SHARDS {
            let mut offset = 0;
            loop {
                let mut range = redis::cmd("ZRANGEBYSCORE");
                range.arg(self.keys.dead_at(shard)).arg("-inf").arg(format!("({}", floor_us(before)));
                range.arg("LIMIT").arg(offset).arg(LETTERS_LOOKED_AT);
                let ids: Vec<String> = self.connection.command(&range).await?;
                let looked_at = ids.len();
                for id in ids {
                    if gone == u64::from(max) {
                        return Ok(gone);
                    }
                    let is_of_none = self.dead_letter(&id).await?.is_some_and(|letter| !letter.is_of_run());
                    if is_of_none && self.remove_dead_letter(&id).await? {
                        gone += 1;
                    } else {
                        // It stays where it is.
                        offset += 1;
                    }
                }
                if looked_at < usize::from(LETTERS_LOOKED_AT) {
                    break;
                }
            }
        }
        Ok(gone)
    }

    pub(crate) async fn purge_one(&self, id: &RunId, before: Timestamp) -> Result<bool, StoreError> {
        let lists = [self.keys.ended(id.shard()), self.keys.ended_without_texts(id.shard())];
        let scores = lists.map(|list| redis::cmd("ZSCORE").arg(list).arg(id.as_str()).to_owned());
        let ended_ms: Vec<Option<i64>> = self.connection.commands(scores.to_vec()).await?;
        if ended_ms.into_iter().flatten().next().is_none_or(|ended_ms| ended_ms >= floor_ms(before)) {
            return Ok(false);
        }
        self.purge_ended(id).await
    }

    async fn purge_ended(&self, id: &RunId) -> Result<bool, StoreError> {
        let Some(Versioned { value: run, version }) = self.stored_run(id).await? else {
            // The server lost the run and kept its rows.
            let shard = id.shard();
            for key in [self.keys.ended(shard), self.keys.ended_without_texts(shard), self.keys.runs(shard)] {
                self.connection.command::<()>(redis::cmd("ZREM").arg(key).arg(id.as_str())).await?;
            }
            return Ok(false);
        };
        let marks = self.marks_of(id).await?;
        let mut routes = marks.routes;
        for (number, name) in marks.former_routes.iter().map(|(number, name)| (number.as_str(), name)) {
            let forms = self.sealer.forms(Lookup::Number, number);
            routes.extend(forms.map(|form| (form, name.clone())));
        }
        for (number, name) in routes_of(&run) {
            routes.extend(self.numbers(&number).into_iter().map(|form| (form, name.clone())));
        }
        for (number, name) in routes {
            self.connection
                .command::<()>(redis::cmd("ZREM").arg(self.keys.routes(&number)).arg(name))
                .await?;
        }
        for sid in marks.sids.into_iter().chain(sids_of(&run).map(|sid| sid.as_str().to_owned())) {
            let sid = sid.parse().map_err(|error| unreadable("SID of run", id.as_str(), error))?;
            self.connection
                .command::<()>(redis::cmd("HDEL").arg(self.keys.sids(&sid)).arg(field_of(&sid)))
                .await?;
        }
        let keys = keys_of(&self.keys, &run, None);
        let call = Call::new(&self.scripts.purge, keys)
            .arg(id.as_str())
            .arg(version)
            .arg(marks.cursors.len())
            .arg(marks.cursors)
            .arg(marks.letters);
        self.connection.call(call).await
    }

    async fn marks_of(&self, id: &RunId) -> Result<Marks, StoreError> {
        let mut range = redis::cmd("LRANGE");
        let lines: Vec<Vec<u8>> =
            self.connection.command(range.arg(self.keys.timeline(id)).arg(0).arg(-1)).await?;
        let mut marks = Marks::default();
        for line in lines {
            let text = String::from_utf8_lossy(line.get(1..).unwrap_or_default()).into_owned();
            match line.first() {
                Some(b'o') => marks.cursors.push(text),
                Some(b'd') => marks.letters.push(text),
                Some(b's') => marks.sids.push(text),
                Some(mark @ (b'r' | b'h')) => {
                    let routes = if *mark == b'h' { &mut marks.routes } else { &mut marks.former_routes };
                    let (number, name) = text.split_once(' ').unwrap_or_default();
                    routes.push((number.to_owned(), name.to_owned()));
                }
                _ => marks.sids.extend(read_lines(id, &line)?.into_iter().filter_map(bound_by)),
            }
        }
        Ok(marks)
    }

    async fn purge_overrides(&self, before: Timestamp) -> Result<(), StoreError> {
        let key = self.keys.overrides();
        let docs: Vec<String> =
            self.connection.command(redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1)).await?;
        let has_ended =
            |doc: &&String| serde_json::from_str::<Override>(doc).is_ok_and(|entry| entry.until < before);
        let ended: Vec<&String> = docs.iter().filter(has_ended).collect();
        if ended.is_empty() {
            return Ok(());
        }
        self.connection.command(redis::cmd("ZREM").arg(&key).arg(ended)).await
    }
}

/// The SID that a line binds.
fn bound_by(entry: Entry) -> Option<String> {
    if let TimelineEvent::Submitted { sid } | TimelineEvent::SecondSid { sid } = entry.what {
        Some(sid.as_str().to_owned())
    } else {
        None
    }
}
