//! [`Store`] on SQLite.
//!
//! In: calls from any task. Out: commands for the writer, questions for the readers, or an answer from memory.
//! Never: decides anything; each command's own module does.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    consent::{Consent, ConsentEntry},
    effect::Effect,
    event::{ContentHash, EventKey},
    id::{MessageId, RunId},
    oncall::Override,
    phone::E164,
    provider::ProviderMessageId,
    rate_limit::{RateRequest, Reservation},
    run::Run,
    time::ceil_ms,
    timeline::{DeadLetter, Entry, Outcome, ReplyRoute},
    workflow::WorkflowDefinition,
};
use jiff::Timestamp;
use ports::{
    AuditStore, Change, Changed, Clock, ConsentStore, DeadLetterStore, DueStore, EffectEnd, EffectStore,
    LookupStore, Opened, OpeningEvent, OutcomeStore, OverrideStore, RateLimitStore, RetentionStore, RunStore,
    SealingStore, StoreError, Versioned,
    store::{AuditCounts, ConsentPage, DeadLetterFilter, Listed, Resolution, RunFilter},
};
use rusqlite::params;
use sealing::{Kind, Lookup, Sealer};

use crate::{
    audit_counts,
    change::{ChangeRun, OpenRun},
    consent::{self, ConsentRow},
    document::{Sealed, json},
    due::{self, TakeDue},
    effect_row::EffectRow,
    purge::{self, Purge},
    read,
    readers::Readers,
    resolve::Resolve,
    run_row::DeadLetterRow,
    run_row::event_name,
    seal_stored::SealStored,
    state::State,
    writer::WriterHandle,
};

/// [`Store`] on a writer, readers and state in memory.
pub(crate) struct EmbeddedStore {
    pub(crate) writer: WriterHandle,
    pub(crate) readers: Readers,
    pub(crate) state: Arc<State>,
    /// Since when writes may be missing, where the database is a restored backup.
    pub(crate) data_loss_since: Option<Timestamp>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl EmbeddedStore {
    /// What opens documents, for a reader's thread.
    pub(crate) fn sealer(&self) -> Sealer {
        self.state.sealer.clone()
    }
}

#[async_trait]
impl RunStore for EmbeddedStore {
    async fn open_run(&self, change: Change, event: OpeningEvent) -> Result<Opened, StoreError> {
        Ok(self.writer.write(OpenRun::new(change, event, self.state.clone())?).await?)
    }

    async fn content_of(&self, event: &EventKey) -> Result<Option<ContentHash>, StoreError> {
        let name = event_name(event);
        if self.readers.are_open() && !self.state.known_runs.may_have(&name) {
            return Ok(None);
        }
        Ok(self.readers.read(move |connection| read::content_of(connection, &name)).await?)
    }

    async fn load_run(&self, id: &RunId) -> Result<Option<Versioned<Arc<Run>>>, StoreError> {
        if let Some(known) = self.state.runs.get(id) {
            return Ok(Some(known));
        }
        if self.readers.are_open() && !self.state.known_runs.may_have(id.as_str()) {
            return Ok(None);
        }
        let (id, sealer) = (id.clone(), self.sealer());
        Ok(self.readers.read(move |connection| read::run(connection, &sealer, &id)).await?)
    }

    async fn change_run(&self, change: Change, version: u64) -> Result<Changed, StoreError> {
        Ok(self.writer.write(ChangeRun::new(change, version, self.state.clone())?).await?)
    }

    async fn resolve(&self, resolution: &Resolution) -> Result<Vec<RunId>, StoreError> {
        Ok(self.writer.write(Resolve::new(resolution, &self.state.sealer)?).await?)
    }

    async fn open_runs(&self, workflow: &str, subject: &str) -> Result<Vec<RunId>, StoreError> {
        let (workflow, subjects) = (workflow.to_owned(), self.state.sealer.forms(Lookup::Subject, subject));
        let open = move |connection: &rusqlite::Connection| read::open_runs(connection, &workflow, &subjects);
        Ok(self.readers.read(open).await?)
    }

    async fn list_runs(&self, filter: &RunFilter, max: u16) -> Result<Vec<Listed<Run>>, StoreError> {
        let (filter, sealer) = (filter.clone(), self.sealer());
        Ok(self.readers.read(move |connection| read::runs(connection, &sealer, &filter, max)).await?)
    }

    async fn timeline(&self, id: &RunId) -> Result<Vec<Entry>, StoreError> {
        let id = id.clone();
        Ok(self.readers.read(move |connection| read::timeline(connection, &id)).await?)
    }

    async fn keep_workflow(&self, hash: &str, definition: &WorkflowDefinition) -> Result<(), StoreError> {
        let (hash, doc) = (hash.to_owned(), json(definition, "workflow", &definition.name)?);
        let keep = move |connection: &rusqlite::Connection| {
            connection
                .prepare_cached("INSERT OR IGNORE INTO workflow (hash, doc) VALUES (?1, ?2)")?
                .execute([&hash, &doc])?;
            Ok(())
        };
        Ok(self.writer.write(keep).await?)
    }

    async fn workflow(&self, hash: &str) -> Result<Option<WorkflowDefinition>, StoreError> {
        let hash = hash.to_owned();
        Ok(self.readers.read(move |connection| read::workflow(connection, &hash)).await?)
    }
}

#[async_trait]
impl DueStore for EmbeddedStore {
    async fn take_due(
        &self,
        _shard: Option<u8>,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<RunId>, StoreError> {
        // One index holds the due rows of all shards, so all of them are as near.
        Ok(self.writer.write(TakeDue { now, hidden_until, max, state: self.state.clone() }).await?)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.readers.read(due::next).await?)
    }
}

#[async_trait]
impl LookupStore for EmbeddedStore {
    async fn message_of_sid(&self, sid: &ProviderMessageId) -> Result<Option<MessageId>, StoreError> {
        let sid = sid.clone();
        Ok(self.readers.read(move |connection| read::message_of_sid(connection, &sid)).await?)
    }

    async fn claim_sid(&self, sid: &ProviderMessageId, message: &MessageId) -> Result<MessageId, StoreError> {
        let (sid, message) = (sid.clone(), message.to_string());
        let claim = move |connection: &rusqlite::Connection| {
            connection
                .prepare_cached("INSERT OR IGNORE INTO sid (sid, message) VALUES (?1, ?2)")?
                .execute([sid.as_str(), &message])?;
            read::message_of_sid(connection, &sid)
        };
        let owner = self.writer.write(claim).await?;
        owner.ok_or_else(|| StoreError::Corrupt("a name that was just bound is not there".to_owned()))
    }

    async fn reply_routes(&self, number: &E164, now: Timestamp) -> Result<Vec<ReplyRoute>, StoreError> {
        let (number, sealer) = (number.clone(), self.sealer());
        Ok(self.readers.read(move |connection| read::reply_routes(connection, &sealer, &number, now)).await?)
    }
}

#[async_trait]
impl ConsentStore for EmbeddedStore {
    async fn consent(&self, number: &E164) -> Result<Consent, StoreError> {
        let (sealer, numbers) = (self.sealer(), self.state.sealer.forms(Lookup::Number, number.as_str()));
        if !numbers.iter().any(|number| self.state.known_numbers.may_have(number)) {
            return Ok(Consent::default());
        }
        Ok(self.readers.read(move |connection| consent::of_number(connection, &sealer, &numbers)).await?)
    }

    async fn record_consent(&self, entry: &ConsentEntry) -> Result<(), StoreError> {
        let (row, state) = (ConsentRow::of(entry, &self.state.sealer)?, self.state.clone());
        let append = move |connection: &_| row.insert(connection, &state.known_numbers);
        Ok(self.writer.write(append).await?)
    }

    async fn consent_log(&self, number: &E164) -> Result<Vec<ConsentEntry>, StoreError> {
        let (sealer, numbers) = (self.sealer(), self.state.sealer.forms(Lookup::Number, number.as_str()));
        Ok(self.readers.read(move |connection| consent::log(connection, &sealer, &numbers)).await?)
    }

    async fn consent_page(&self, after: Option<&str>, max: u16) -> Result<ConsentPage, StoreError> {
        let unknown = || StoreError::Corrupt("no place in the consent log".to_owned());
        let after = after.map_or(Some(i64::MIN), |after| after.parse().ok()).ok_or_else(unknown)?;
        let sealer = self.sealer();
        Ok(self.readers.read(move |connection| consent::page(connection, &sealer, after, max)).await?)
    }
}

#[async_trait]
impl DeadLetterStore for EmbeddedStore {
    async fn add_dead_letter(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let row = DeadLetterRow::of(letter, &self.state.sealer)?;
        Ok(self.writer.write(move |connection: &_| row.insert(connection, None)).await?)
    }

    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        max: u16,
    ) -> Result<Vec<Listed<DeadLetter>>, StoreError> {
        let (filter, sealer) = (filter.clone(), self.sealer());
        Ok(self.readers.read(move |connection| read::dead_letters(connection, &sealer, &filter, max)).await?)
    }

    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        let (id, sealer) = (id.to_owned(), self.sealer());
        Ok(self.readers.read(move |connection| read::dead_letter(connection, &sealer, &id)).await?)
    }

    async fn remove_dead_letter(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        let remove = move |connection: &rusqlite::Connection| {
            let gone = connection.prepare_cached("DELETE FROM dead_letter WHERE id = ?1")?.execute([&id])?;
            Ok(gone > 0)
        };
        Ok(self.writer.write(remove).await?)
    }
}

#[async_trait]
impl EffectStore for EmbeddedStore {
    async fn add_effect(&self, effect: &Effect) -> Result<(), StoreError> {
        let row = EffectRow::of(effect, &self.state.sealer)?;
        Ok(self.writer.write(move |connection: &_| row.insert(connection)).await?)
    }

    async fn take_effects(
        &self,
        destination: &str,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<Effect>, StoreError> {
        self.take_outbound(destination, now, hidden_until, max).await
    }

    async fn some_effects(&self, max: u16) -> Result<Vec<Effect>, StoreError> {
        let sealer = self.sealer();
        let read = move |connection: &rusqlite::Connection| {
            // The oldest first, so that what waits for long is among them.
            let sql = "SELECT id, doc FROM effect ORDER BY since_ms LIMIT ?1";
            read::sealed(connection, Sealed::new(&sealer, Kind::Effect), sql, [max])
        };
        Ok(self.readers.read(read).await?)
    }

    async fn effects_of_run(&self, run: &RunId, destination: &str) -> Result<Vec<Effect>, StoreError> {
        // The ids of a run's effects begin with its own and a hyphen, behind which a full stop comes.
        let of_run = (format!("{run}-"), format!("{run}."), destination.to_owned());
        let sealer = self.sealer();
        let read = move |connection: &rusqlite::Connection| {
            let sql = "SELECT id, doc FROM effect WHERE id >= ?1 AND id < ?2 AND destination = ?3";
            read::sealed(connection, Sealed::new(&sealer, Kind::Effect), sql, of_run)
        };
        Ok(self.readers.read(read).await?)
    }

    async fn postpone_effect(&self, effect: &Effect, due: Timestamp) -> Result<(), StoreError> {
        self.postpone_outbound(effect, due).await
    }

    async fn end_effect(&self, effect: &Effect, end: EffectEnd) -> Result<(), StoreError> {
        self.end_outbound(effect, end).await
    }
}

#[async_trait]
impl OutcomeStore for EmbeddedStore {
    async fn outcomes(&self, after: u64, max: u16) -> Result<Vec<(u64, Outcome)>, StoreError> {
        Ok(self.readers.read(move |connection| read::outcomes(connection, after, max)).await?)
    }
}

#[async_trait]
impl OverrideStore for EmbeddedStore {
    async fn overrides(&self, now: Timestamp) -> Result<Vec<Override>, StoreError> {
        Ok(self.readers.read(move |connection| read::overrides(connection, now)).await?)
    }

    async fn add_override(&self, entry: &Override) -> Result<(), StoreError> {
        let (until_ms, doc) = (ceil_ms(entry.until), json(entry, "override of", &entry.schedule)?);
        let add = move |connection: &rusqlite::Connection| {
            // The latest that is added counts, so the same one again goes to the end, and repeating that changes nothing.
            connection.prepare_cached("DELETE FROM override WHERE doc = ?1")?.execute([&doc])?;
            connection
                .prepare_cached("INSERT INTO override (until_ms, doc) VALUES (?1, ?2)")?
                .execute(params![until_ms, doc])?;
            Ok(())
        };
        Ok(self.writer.write(add).await?)
    }

    async fn end_override(&self, held: &Override, kept: Option<&Override>) -> Result<bool, StoreError> {
        let doc = json(held, "override of", &held.schedule)?;
        let row =
            |kept: &Override| json(kept, "override of", &kept.schedule).map(|doc| (ceil_ms(kept.until), doc));
        let kept = kept.map(row).transpose()?;
        let end = move |connection: &rusqlite::Connection| {
            let ended = match &kept {
                Some((until_ms, kept)) => connection
                    .prepare_cached("UPDATE override SET until_ms = ?2, doc = ?3 WHERE doc = ?1")?
                    .execute(params![doc, until_ms, kept])?,
                None => connection.prepare_cached("DELETE FROM override WHERE doc = ?1")?.execute([&doc])?,
            };
            Ok(ended > 0)
        };
        Ok(self.writer.write(end).await?)
    }
}

#[async_trait]
impl RateLimitStore for EmbeddedStore {
    async fn acquire(&self, request: &RateRequest, now: Timestamp) -> Result<Reservation, StoreError> {
        Ok(self.state.rate_limits.acquire(request, now))
    }
}

#[async_trait]
impl AuditStore for EmbeddedStore {
    async fn data_loss_since(&self) -> Result<Option<Timestamp>, StoreError> {
        // What was acknowledged is on disk, unless somebody put an older copy there.
        Ok(self.data_loss_since)
    }

    async fn audit_counts(&self) -> Result<AuditCounts, StoreError> {
        Ok(self.readers.read(audit_counts::audit_counts).await?)
    }
}

#[async_trait]
impl RetentionStore for EmbeddedStore {
    async fn purge(&self, before: Timestamp, max: u16) -> Result<u64, StoreError> {
        let purge = Purge { before, max, only: None, now: self.clock.now(), state: self.state.clone() };
        Ok(self.writer.write(purge).await?.len() as u64)
    }

    async fn ended_with_texts(&self, before: Timestamp, max: u16) -> Result<Vec<RunId>, StoreError> {
        Ok(self.readers.read(move |connection| purge::ended_with_texts(connection, before, max)).await?)
    }

    async fn purge_letters(&self, before: Timestamp, max: u16) -> Result<u64, StoreError> {
        Ok(self.writer.write(move |connection: &_| purge::letters(connection, before, max)).await?)
    }

    async fn purge_run(&self, id: &RunId, before: Timestamp) -> Result<bool, StoreError> {
        let only = Some(id.to_string());
        let purge = Purge { before, max: 1, only, now: self.clock.now(), state: self.state.clone() };
        Ok(!self.writer.write(purge).await?.is_empty())
    }
}

#[async_trait]
impl SealingStore for EmbeddedStore {
    async fn seal_stored(&self, max: u16) -> Result<u64, StoreError> {
        if !self.state.sealer.has_former() {
            return Ok(0);
        }
        Ok(self.writer.write(SealStored { max, state: self.state.clone() }).await?.sealed)
    }
}
