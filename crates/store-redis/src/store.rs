//! [`Store`] on Redis.
//!
//! In: calls from any task. Out: one script per verb, or a command where that is enough.
//! Never: decides anything that two callers could decide differently: the scripts decide.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    consent::{Consent, ConsentEntry},
    event::{ContentHash, EventKey},
    id::{MessageId, RunId},
    limits::{DEDUPE_S, REPLY_ROUTES_MAX, TIMELINE_MAX},
    oncall::Override,
    phone::E164,
    provider::ProviderMessageId,
    rate_limit::{RateLimit, RateRequest, Reservation},
    run::Run,
    time::{floor_us, of_us},
    timeline::{DeadLetter, Effects, Entry, Outcome, ReplyRoute},
    workflow::WorkflowDefinition,
};
use jiff::Timestamp;
use ports::{
    AuditStore, Change, Changed, ConsentStore, DeadLetterStore, DueStore, LookupStore, Opened, OpeningEvent,
    OutcomeStore, OverrideStore, RateLimitStore, RetentionStore, RunStore, SealingStore, StoreError,
    TimerSlot, Versioned,
    store::{AuditCounts, ConsentPage, DeadLetterFilter, Listed, Resolution, RunFilter},
};
use redis::cmd;
use sealing::{Kind, Lookup};

use crate::{
    connection::{Call, unreadable},
    documents::{self, json},
    indexes::{marks, sequenced},
    keys::shard_of_letter,
    redis_store::RedisStore,
    sid_fields::field_of,
    stored_run::{Write, read_lines, write},
    write_groups::Written,
};

/// The name that the document of a resolution is bound to.
fn bound_to(workflow: &str, marker: &str) -> String {
    format!("{workflow}\0{marker}")
}

/// A stored run's version ends within so many bytes.
const VERSION_BYTES_MAX: u8 = 20;
/// How long the token of a call that removed a dead letter is kept, in milliseconds.
const CLAIMANT_KEPT_MS: u32 = 60_000;

impl RedisStore {
    /// The timer that the caller must start, if a script says that the due row needs one.
    fn timer(change: &Change, needed: &[u8]) -> Option<TimerSlot> {
        change.due.filter(|_| needed == b"a").map(|due| TimerSlot::of(change.run.id(), due))
    }

    /// Binds an event's key to what it says, unless it is bound. Returns what it is bound to.
    ///
    /// A process that dies afterwards leaves it bound without a run: the event is delivered again and says the same.
    async fn claim_content(&self, event: &EventKey, content: ContentHash) -> Result<ContentHash, StoreError> {
        let mut claim = cmd("SET");
        claim.arg(self.keys.content(event)).arg(content.as_u64()).arg("NX").arg("EX").arg(DEDUPE_S);
        if self.connection.command::<Option<String>>(&claim).await?.is_some() {
            return Ok(content);
        }
        Ok(self.content_of(event).await?.unwrap_or(content))
    }

    fn written(&self, change: &Change, how: &Write) -> Result<Written, StoreError> {
        let (token, marks) = (self.connection.token(), marks(change, &self.sealer));
        write(&self.keys, &self.sealer, &token, change, marks, self.sids_with_run(change), how)
    }

    /// Whether a change is too late already. Checked before consent is written, which is never taken back. SIDs need no
    /// check: a SID belongs to its message whichever process stores it.
    async fn is_too_late(&self, change: &Change, version: Option<u64>) -> Result<bool, StoreError> {
        if change.effects.consent.is_empty() {
            return Ok(false);
        }
        let key = self.keys.run(change.run.id());
        let header: Vec<u8> =
            self.connection.command(cmd("GETRANGE").arg(key).arg(0).arg(VERSION_BYTES_MAX)).await?;
        // A document may follow, which is no text.
        let found = header.split(|byte| *byte == b' ').next().and_then(|text| std::str::from_utf8(text).ok());
        Ok(found.and_then(|text| text.parse().ok()) != version)
    }
}

#[async_trait]
impl RunStore for RedisStore {
    async fn open_run(&self, change: Change, event: OpeningEvent) -> Result<Opened, StoreError> {
        // What is written before the run waits until the event's key is bound, and in a cluster that has a slot of its own.
        let Effects { reply_routes, consent, .. } = &change.effects;
        let binds = !self.connection.is_cluster() && reply_routes.is_empty() && consent.is_empty();
        if !binds && self.claim_content(change.run.event(), event.content).await? != event.content {
            return Ok(Opened::Conflict);
        }
        let content = binds.then_some(event.content);
        let written = self.written(&change, &Write::Open { happened_at: event.happened_at, content })?;
        if self.is_too_late(&change, None).await? {
            return Ok(Opened::Known);
        }
        self.write_indexes(&change).await?;
        let (what, detail) = self.writes.write(change.run.id().shard(), written).await?;
        match what.as_str() {
            "new" => return Ok(Opened::New { timer: Self::timer(&change, &detail) }),
            "known" => return Ok(Opened::Known),
            "other" => return Ok(Opened::Conflict),
            _ => {}
        }
        let bound_to = bound_to(change.run.workflow(), change.marker.as_deref().unwrap_or_default());
        let resolution: Resolution = self.sealed(Kind::Resolution).read(&bound_to, &detail)?;
        Ok(Opened::AlreadyResolved { by: resolution.by })
    }

    async fn content_of(&self, event: &EventKey) -> Result<Option<ContentHash>, StoreError> {
        let stored: Option<u64> =
            self.connection.command(redis::cmd("GET").arg(self.keys.content(event))).await?;
        Ok(stored.map(ContentHash::from))
    }

    async fn load_run(&self, id: &RunId) -> Result<Option<Versioned<Arc<Run>>>, StoreError> {
        self.stored_run(id).await
    }

    async fn change_run(&self, change: Change, version: u64) -> Result<Changed, StoreError> {
        let written = self.written(&change, &Write::Change { version })?;
        if self.is_too_late(&change, Some(version)).await? {
            return Ok(Changed::Conflict);
        }
        self.write_indexes(&change).await?;
        let (what, detail) = self.writes.write(change.run.id().shard(), written).await?;
        if what == "stored" {
            return Ok(Changed::Stored { timer: Self::timer(&change, &detail) });
        }
        Ok(Changed::Conflict)
    }

    async fn resolve(&self, resolution: &Resolution) -> Result<Vec<RunId>, StoreError> {
        let Resolution { workflow, subject, marker, at, .. } = resolution;
        let shard = domain::id::shard_of_subject(workflow, subject);
        let keys = vec![
            self.keys.resolution(shard, workflow, marker),
            self.keys.subject(shard, workflow, subject),
            self.keys.subject_over(shard, workflow, subject),
        ];
        let call = Call::new(&self.scripts.resolve, keys)
            .arg(floor_us(*at))
            .arg(self.sealed(Kind::Resolution).doc(&bound_to(workflow, marker), resolution)?)
            .arg(u64::from(DEDUPE_S) * 1_000);
        let ids: Vec<String> = self.connection.call(call).await?;
        ids.into_iter()
            .map(|id| id.parse().map_err(|error| unreadable("run of a subject", &id, error)))
            .collect()
    }

    async fn open_runs(&self, workflow: &str, subject: &str) -> Result<Vec<RunId>, StoreError> {
        let shard = domain::id::shard_of_subject(workflow, subject);
        let mut range = cmd("ZRANGE");
        range.arg(self.keys.subject(shard, workflow, subject)).arg(0).arg(-1);
        let ids: Vec<String> = self.connection.command(&range).await?;
        ids.into_iter()
            .map(|id| id.parse().map_err(|error| unreadable("run of a subject", &id, error)))
            .collect()
    }

    async fn list_runs(&self, filter: &RunFilter, max: u16) -> Result<Vec<Listed<Run>>, StoreError> {
        self.runs(filter, max).await
    }

    async fn timeline(&self, id: &RunId) -> Result<Vec<Entry>, StoreError> {
        let mut range = cmd("LRANGE");
        range.arg(self.keys.timeline(id)).arg(-i32::from(TIMELINE_MAX)).arg(-1);
        let changes: Vec<Vec<u8>> = self.connection.command(&range).await?;
        let mut lines = Vec::new();
        for change in changes {
            lines.extend(read_lines(id, &change)?);
        }
        let too_many = lines.len().saturating_sub(usize::from(TIMELINE_MAX));
        lines.drain(..too_many);
        Ok(lines)
    }

    async fn keep_workflow(&self, hash: &str, definition: &WorkflowDefinition) -> Result<(), StoreError> {
        let doc = json(definition, "workflow", &definition.name)?;
        self.connection.command::<()>(cmd("SETNX").arg(self.keys.workflow(hash)).arg(doc)).await
    }

    async fn workflow(&self, hash: &str) -> Result<Option<WorkflowDefinition>, StoreError> {
        let doc: Option<Vec<u8>> = self.connection.command(cmd("GET").arg(self.keys.workflow(hash))).await?;
        doc.map(|doc| serde_json::from_slice(&doc).map_err(|error| unreadable("workflow", hash, error)))
            .transpose()
    }
}

#[async_trait]
impl DueStore for RedisStore {
    async fn take_due(
        &self,
        shard: Option<u8>,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<RunId>, StoreError> {
        self.check_generation_if_stale().await?;
        self.take(shard, now, hidden_until, max).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.earliest_due().await
    }
}

#[async_trait]
impl LookupStore for RedisStore {
    async fn message_of_sid(&self, sid: &ProviderMessageId) -> Result<Option<MessageId>, StoreError> {
        let message: Option<String> =
            self.connection.command(cmd("HGET").arg(self.keys.sids(sid)).arg(field_of(sid))).await?;
        message
            .map(|text| text.parse().map_err(|error| unreadable("message of SID", sid.as_str(), error)))
            .transpose()
    }

    async fn claim_sid(&self, sid: &ProviderMessageId, message: &MessageId) -> Result<MessageId, StoreError> {
        self.bind_sid(sid, message).await?;
        let owner = self.message_of_sid(sid).await?;
        owner.ok_or_else(|| unreadable("message of SID", sid.as_str(), "it was just bound and is not there"))
    }

    async fn reply_routes(&self, number: &E164, now: Timestamp) -> Result<Vec<ReplyRoute>, StoreError> {
        let range = |form: String| {
            let mut range = cmd("ZREVRANGEBYSCORE");
            range.arg(self.keys.routes(&form)).arg("+inf").arg(format!("({}", floor_us(now)));
            range.arg("WITHSCORES").arg("LIMIT").arg(0).arg(REPLY_ROUTES_MAX);
            range
        };
        let ranges = self.numbers(number).into_iter().map(range).collect();
        let rows: Vec<Vec<(String, i64)>> = self.connection.commands(ranges).await?;
        let mut rows = rows.concat();
        rows.sort_by_key(|(_, expires)| std::cmp::Reverse(*expires));
        rows.truncate(REPLY_ROUTES_MAX.into());
        let route = |(name, expires): (String, i64)| {
            let (code, message) = name.split_once(' ')?;
            let (code, message) = (code.parse().ok()?, message.parse().ok()?);
            Some(ReplyRoute { number: number.clone(), code, message, expires_at: of_us(expires) })
        };
        rows.into_iter()
            .map(|row| {
                route(row).ok_or_else(|| unreadable("reply route of", &number.masked(), "not a route"))
            })
            .collect()
    }
}

#[async_trait]
impl ConsentStore for RedisStore {
    async fn consent(&self, number: &E164) -> Result<Consent, StoreError> {
        let mut consent = Consent::default();
        self.consent_log(number).await?.iter().for_each(|entry| consent.apply(entry));
        Ok(consent)
    }

    async fn record_consent(&self, entry: &ConsentEntry) -> Result<(), StoreError> {
        self.append_consent(entry).await
    }

    async fn consent_log(&self, number: &E164) -> Result<Vec<ConsentEntry>, StoreError> {
        let forms = self.numbers(number);
        let all = forms.iter().map(|form| cmd("HGETALL").arg(self.keys.consent(form)).to_owned());
        let rows: Vec<BTreeMap<String, Vec<u8>>> = self.connection.commands(all.collect()).await?;
        let mut named = BTreeMap::new();
        for (form, rows) in forms.iter().zip(rows) {
            // One that is in both places is the same.
            for (name, row) in rows {
                named.entry(name).or_insert((form, row));
            }
        }
        let read = |(form, row): (&String, Vec<u8>)| {
            let (seq, doc) = sequenced(&row)
                .ok_or_else(|| unreadable("consent entry of", &number.masked(), "not an entry"))?;
            Ok((seq, self.sealed(Kind::Consent).read::<ConsentEntry>(form, doc)?))
        };
        let mut log = named.into_values().map(read).collect::<Result<Vec<_>, StoreError>>()?;
        log.sort_by_key(|(seq, entry)| (entry.at, *seq));
        Ok(log.into_iter().map(|(_, entry)| entry).collect())
    }

    async fn consent_page(&self, after: Option<&str>, max: u16) -> Result<ConsentPage, StoreError> {
        self.consent_of_all(after, max).await
    }
}

#[async_trait]
impl DeadLetterStore for RedisStore {
    async fn add_dead_letter(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let shard = shard_of_letter(&letter.id);
        let keys = vec![self.keys.dead(shard), self.keys.dead_at(shard), self.keys.counts(shard)];
        let call = Call::new(&self.scripts.add_letter, keys)
            .arg(&letter.id)
            .arg(floor_us(letter.at))
            .arg(&letter.reason)
            .arg(documents::letter(&self.sealer, letter)?);
        self.connection.call(call).await
    }

    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        max: u16,
    ) -> Result<Vec<Listed<DeadLetter>>, StoreError> {
        self.letters(filter, max).await
    }

    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        for shard in Self::shards_of_letter(id) {
            let doc: Option<Vec<u8>> =
                self.connection.command(redis::cmd("HGET").arg(self.keys.dead(shard)).arg(id)).await?;
            if let Some(doc) = doc {
                return documents::read_letter(&self.sealer, id, &doc).map(Some);
            }
        }
        Ok(None)
    }

    async fn remove_dead_letter(&self, id: &str) -> Result<bool, StoreError> {
        let token = self.connection.token();
        for shard in Self::shards_of_letter(id) {
            let keys = vec![
                self.keys.dead(shard),
                self.keys.dead_at(shard),
                self.keys.counts(shard),
                self.keys.claimant_of_letter(shard, id),
            ];
            let call = Call::new(&self.scripts.remove_letter, keys).arg(id).arg(&token).arg(CLAIMANT_KEPT_MS);
            if self.connection.call(call).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[async_trait]
impl OutcomeStore for RedisStore {
    async fn outcomes(&self, after: u64, max: u16) -> Result<Vec<(u64, Outcome)>, StoreError> {
        self.ends(after, max).await
    }
}

#[async_trait]
impl OverrideStore for RedisStore {
    async fn overrides(&self, now: Timestamp) -> Result<Vec<Override>, StoreError> {
        let docs: Vec<String> =
            self.connection.command(cmd("ZRANGE").arg(self.keys.overrides()).arg(0).arg(-1)).await?;
        let mut all = Vec::new();
        for doc in docs {
            let entry: Override =
                serde_json::from_str(&doc).map_err(|error| unreadable("override", "of a schedule", error))?;
            all.extend((entry.until > now).then_some(entry));
        }
        Ok(all)
    }

    async fn add_override(&self, entry: &Override) -> Result<(), StoreError> {
        let doc = json(entry, "override of", &entry.schedule)?;
        self.connection
            .call(Call::new(&self.scripts.add_override, vec![self.keys.overrides()]).arg(doc))
            .await
    }

    async fn end_override(&self, held: &Override, kept: Option<&Override>) -> Result<bool, StoreError> {
        let doc = json(held, "override of", &held.schedule)?;
        let key = self.keys.overrides();
        let ended: u64 = match kept {
            Some(kept) => {
                let kept = json(kept, "override of", &kept.schedule)?;
                let call = Call::new(&self.scripts.end_override, vec![key]).arg(doc).arg(kept);
                self.connection.call(call).await?
            }
            None => self.connection.command(cmd("ZREM").arg(key).arg(doc)).await?,
        };
        Ok(ended > 0)
    }
}

#[async_trait]
impl RateLimitStore for RedisStore {
    async fn acquire(&self, request: &RateRequest, now: Timestamp) -> Result<Reservation, StoreError> {
        let RateLimit { interval_us, burst, horizon_s } = request.limit;
        let call = Call::new(
            &self.scripts.acquire,
            vec![self.keys.rate_limit(&self.sealer.index(Lookup::RateLimit, &request.queue))],
        )
        .arg(self.connection.token())
        .arg(interval_us)
        .arg(burst)
        .arg(u64::from(horizon_s) * 1_000_000)
        .arg(request.cost)
        .arg(floor_us(now));
        let (what, at): (String, i64) = self.connection.call(call).await?;
        let at = of_us(at);
        Ok(if what == "at" { Reservation::At(at) } else { Reservation::Full(at) })
    }
}

#[async_trait]
impl AuditStore for RedisStore {
    async fn data_loss_since(&self) -> Result<Option<Timestamp>, StoreError> {
        self.detect_data_loss().await
    }

    async fn audit_counts(&self) -> Result<AuditCounts, StoreError> {
        self.total().await
    }
}

#[async_trait]
impl RetentionStore for RedisStore {
    async fn purge(&self, before: Timestamp, max: u16) -> Result<u64, StoreError> {
        self.purge_runs(before, max).await
    }

    async fn ended_with_texts(&self, before: Timestamp, max: u16) -> Result<Vec<RunId>, StoreError> {
        self.ended_before_with_texts(before, max).await
    }

    async fn purge_letters(&self, before: Timestamp, max: u16) -> Result<u64, StoreError> {
        self.purge_old_letters(before, max).await
    }

    async fn purge_run(&self, id: &RunId, before: Timestamp) -> Result<bool, StoreError> {
        self.purge_one(id, before).await
    }
}

#[async_trait]
impl SealingStore for RedisStore {
    async fn seal_stored(&self, max: u16) -> Result<u64, StoreError> {
        self.seal_some(max).await
    }
}
