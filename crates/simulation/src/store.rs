//! A store in memory. In: calls. Out: answers by the contract, which the conformance suite checks.
//!
//! Never: awaits anything, so that a simulated run is one order of events and no other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::{
    consent::{Consent, ConsentEntry},
    effect::Effect,
    event::{ContentHash, EventKey},
    id::{MessageId, RunId},
    limits::{LIST_MAX, REPLY_ROUTES_MAX, TIMELINE_MAX},
    oncall::Override,
    phone::E164,
    provider::ProviderMessageId,
    rate_limit::{RateRequest, Reservation, acquire},
    run::Run,
    timeline::{DeadLetter, Entry, Outcome, ReplyRoute},
    workflow::WorkflowDefinition,
};
use jiff::Timestamp;
use ports::{
    AuditStore, Change, Changed, ConsentStore, DeadLetterStore, DueStore, EffectEnd, EffectStore,
    LookupStore, Opened, OpeningEvent, OutcomeStore, OverrideStore, RateLimitStore, RetentionStore, RunStore,
    SealingStore, StoreError, Versioned,
    store::{
        AuditCounts, ConsentPage, DeadLetterFilter, EffectCounts, EventCounts, Listed, Resolution, RunFilter,
    },
};

use crate::rows::{Row, State};

/// A store that lives as long as the process.
#[derive(Default)]
pub struct MemoryStore(Mutex<State>);

impl MemoryStore {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events are about to be published.
    pub(crate) fn accept(&self, keys: impl Iterator<Item = EventKey>) {
        let mut state = self.state();
        for key in keys {
            if state.pending.insert(key) {
                state.events.accepted += 1;
            }
        }
    }

    /// An event has ended.
    pub(crate) fn conclude(&self, key: &EventKey) {
        let mut state = self.state();
        if state.pending.remove(key) {
            state.events.concluded += 1;
        }
    }

    /// All runs, by id.
    pub(crate) fn all_runs(&self) -> Vec<Run> {
        self.state().runs.values().map(|row| row.run.clone()).collect()
    }

    /// Loses every run, as a failover does that lost its writes, and says so.
    pub(crate) fn lose_runs(&self, at: Timestamp) {
        let mut state = self.state();
        state.lose_runs();
        state.data_loss_since = Some(at);
    }
}

fn matches(run: &Run, filter: &RunFilter) -> bool {
    filter.phase.is_none_or(|phase| phase == run.phase())
        && filter.workflow.as_ref().is_none_or(|workflow| *workflow == run.workflow())
        && filter.source.as_ref().is_none_or(|source| *source == run.event().source)
        && (!filter.unfinished || run.index().is_unfinished)
        && (!filter.needs_review || run.index().needs_review)
}

#[async_trait]
impl RunStore for MemoryStore {
    async fn open_run(&self, change: Change, event: OpeningEvent) -> Result<Opened, StoreError> {
        let OpeningEvent { happened_at, content } = event;
        let mut state = self.state();
        if *state.contents.entry(change.run.event().clone()).or_insert(content) != content {
            return Ok(Opened::Conflict);
        }
        if state.runs.contains_key(change.run.id()) {
            return Ok(Opened::Known);
        }
        if let Some(resolution) = state.resolution_of(&change).filter(|known| known.at > happened_at) {
            return Ok(Opened::AlreadyResolved { by: resolution.by.clone() });
        }
        Ok(Opened::New { timer: state.write(change, happened_at, 1) })
    }

    async fn content_of(&self, event: &EventKey) -> Result<Option<ContentHash>, StoreError> {
        Ok(self.state().contents.get(event).copied())
    }

    async fn load_run(&self, id: &RunId) -> Result<Option<Versioned<Arc<Run>>>, StoreError> {
        let state = self.state();
        Ok(state.runs.get(id).map(|row| Versioned { value: Arc::new(row.run.clone()), version: row.version }))
    }

    async fn change_run(&self, change: Change, version: u64) -> Result<Changed, StoreError> {
        let mut state = self.state();
        let happened_at = match state.runs.get(change.run.id()) {
            Some(row) if row.version == version => row.happened_at,
            Some(_) | None => return Ok(Changed::Conflict),
        };
        Ok(Changed::Stored { timer: state.write(change, happened_at, version + 1) })
    }

    async fn resolve(&self, resolution: &Resolution) -> Result<Vec<RunId>, StoreError> {
        let mut state = self.state();
        let key = (resolution.workflow.clone(), resolution.marker.clone());
        if state.resolutions.get(&key).is_none_or(|known| known.at < resolution.at) {
            state.resolutions.insert(key, resolution.clone());
        }
        let is_ended = |row: &&Row| {
            row.run.workflow() == resolution.workflow
                && row.run.subject() == Some(&resolution.subject)
                && (row.run.index().is_resolvable || row.run.index().awaits_late_resolution)
                && row.happened_at < resolution.at
        };
        Ok(state.runs.values().filter(is_ended).map(|row| row.run.id().clone()).collect())
    }

    async fn open_runs(&self, workflow: &str, subject: &str) -> Result<Vec<RunId>, StoreError> {
        let state = self.state();
        let is_open = |row: &&Row| {
            row.run.workflow() == workflow
                && row.run.subject() == Some(subject)
                && row.run.index().is_resolvable
        };
        Ok(state.runs.values().filter(is_open).map(|row| row.run.id().clone()).collect())
    }

    async fn list_runs(&self, filter: &RunFilter, max: u16) -> Result<Vec<Listed<Run>>, StoreError> {
        let state = self.state();
        let mut rows: Vec<&Row> = state.runs.values().collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.run.opened_at(), row.opened)));
        let after = match &filter.after {
            None => 0,
            Some(id) => match rows.iter().position(|row| row.run.id() == id) {
                Some(at) => at + 1,
                None => return Ok(Vec::new()),
            },
        };
        let runs = rows.into_iter().skip(after).map(|row| &row.run).filter(|run| matches(run, filter));
        Ok(runs.take(usize::from(max.min(LIST_MAX))).cloned().map(Ok).collect())
    }

    async fn timeline(&self, id: &RunId) -> Result<Vec<Entry>, StoreError> {
        let state = self.state();
        let lines = state.runs.get(id).map(|row| row.timeline.clone()).unwrap_or_default();
        Ok(lines[lines.len().saturating_sub(usize::from(TIMELINE_MAX))..].to_vec())
    }

    async fn keep_workflow(&self, hash: &str, definition: &WorkflowDefinition) -> Result<(), StoreError> {
        self.state().workflows.entry(hash.to_owned()).or_insert_with(|| definition.clone());
        Ok(())
    }

    async fn workflow(&self, hash: &str) -> Result<Option<WorkflowDefinition>, StoreError> {
        Ok(self.state().workflows.get(hash).cloned())
    }
}

#[async_trait]
impl DueStore for MemoryStore {
    async fn take_due(
        &self,
        shard: Option<u8>,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<RunId>, StoreError> {
        let is_meant = |id: &RunId| shard.is_none_or(|shard| shard == id.shard());
        Ok(self.state().take_due(is_meant, now, hidden_until, usize::from(max)))
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.state().next_due())
    }
}

#[async_trait]
impl LookupStore for MemoryStore {
    async fn message_of_sid(&self, sid: &ProviderMessageId) -> Result<Option<MessageId>, StoreError> {
        Ok(self.state().sids.get(sid).cloned())
    }

    async fn claim_sid(&self, sid: &ProviderMessageId, message: &MessageId) -> Result<MessageId, StoreError> {
        Ok(self.state().sids.entry(sid.clone()).or_insert_with(|| message.clone()).clone())
    }

    async fn reply_routes(&self, number: &E164, now: Timestamp) -> Result<Vec<ReplyRoute>, StoreError> {
        let state = self.state();
        let is_open = |route: &&ReplyRoute| route.number == *number && route.expires_at > now;
        let mut routes: Vec<ReplyRoute> = state.routes.iter().filter(is_open).cloned().collect();
        routes.sort_by_key(|route| std::cmp::Reverse(route.expires_at));
        routes.truncate(usize::from(REPLY_ROUTES_MAX));
        Ok(routes)
    }
}

#[async_trait]
impl ConsentStore for MemoryStore {
    async fn consent(&self, number: &E164) -> Result<Consent, StoreError> {
        let mut consent = Consent::default();
        self.consent_log(number).await?.iter().for_each(|entry| consent.apply(entry));
        Ok(consent)
    }

    async fn record_consent(&self, entry: &ConsentEntry) -> Result<(), StoreError> {
        self.state().add_consent(entry.clone());
        Ok(())
    }

    async fn consent_log(&self, number: &E164) -> Result<Vec<ConsentEntry>, StoreError> {
        let state = self.state();
        let mut log: Vec<_> = state.consent.iter().filter(|entry| entry.number == *number).cloned().collect();
        log.sort_by_key(|entry| entry.at);
        Ok(log)
    }

    async fn consent_page(&self, after: Option<&str>, max: u16) -> Result<ConsentPage, StoreError> {
        let (state, from) = (self.state(), after.and_then(|after| after.parse().ok()).unwrap_or(0_usize));
        let entries: Vec<_> =
            state.consent.iter().skip(from).take(usize::from(max)).cloned().map(Ok).collect();
        let to = from + entries.len();
        Ok(ConsentPage { entries, next: (to < state.consent.len()).then(|| to.to_string()) })
    }
}

#[async_trait]
impl DeadLetterStore for MemoryStore {
    async fn add_dead_letter(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let mut state = self.state();
        state.next += 1;
        let next = state.next;
        state.letters.entry(letter.id.clone()).or_insert_with(|| (next, letter.clone()));
        Ok(())
    }

    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        max: u16,
    ) -> Result<Vec<Listed<DeadLetter>>, StoreError> {
        let state = self.state();
        let is_meant = |letter: &DeadLetter| {
            filter.reason.as_ref().is_none_or(|reason| *reason == letter.reason)
                && filter.workflow.as_ref().is_none_or(|name| letter.workflow.as_ref() == Some(name))
                && filter.source.as_ref().is_none_or(|name| letter.source.as_ref() == Some(name))
                && filter.since.is_none_or(|since| letter.at >= since)
                && filter.until.is_none_or(|until| letter.at < until)
        };
        let mut found: Vec<_> = state.letters.values().filter(|(_, letter)| is_meant(letter)).collect();
        found.sort_by_key(|(added, letter)| (letter.at, *added));
        Ok(found.into_iter().take(usize::from(max)).map(|(_, letter)| Ok(letter.clone())).collect())
    }

    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, StoreError> {
        Ok(self.state().letters.get(id).map(|(_, letter)| letter.clone()))
    }

    async fn remove_dead_letter(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.state().letters.remove(id).is_some())
    }
}

#[async_trait]
impl EffectStore for MemoryStore {
    async fn add_effect(&self, effect: &Effect) -> Result<(), StoreError> {
        self.state().add_effect(effect.clone());
        Ok(())
    }

    async fn take_effects(
        &self,
        destination: &str,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<Effect>, StoreError> {
        let mut state = self.state();
        let is_due =
            |(due, effect): &&mut (Timestamp, Effect)| *due <= now && effect.destination == destination;
        let mut due: Vec<_> = state.effects.values_mut().filter(is_due).collect();
        due.sort_by_key(|(due, _)| *due);
        let taken = due.into_iter().take(max.into()).map(|(due, effect)| {
            *due = hidden_until;
            effect.epoch += 1;
            effect.clone()
        });
        Ok(taken.collect())
    }

    async fn some_effects(&self, max: u16) -> Result<Vec<Effect>, StoreError> {
        Ok(self.state().effects.values().take(max.into()).map(|(_, effect)| effect.clone()).collect())
    }

    async fn effects_of_run(&self, run: &RunId, destination: &str) -> Result<Vec<Effect>, StoreError> {
        let state = self.state();
        let effects = state.effects.values().map(|(_, effect)| effect);
        let is_of = |effect: &&Effect| effect.run() == Some(run) && effect.destination == destination;
        Ok(effects.filter(is_of).cloned().collect())
    }

    async fn postpone_effect(&self, effect: &Effect, due: Timestamp) -> Result<(), StoreError> {
        if let Some(row) = self.state().effects.get_mut(&effect.id).filter(|row| row.1.epoch == effect.epoch)
        {
            *row = (due, effect.clone());
        }
        Ok(())
    }

    async fn end_effect(&self, effect: &Effect, end: EffectEnd) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.effects.get(&effect.id).is_none_or(|row| row.1.epoch != effect.epoch) {
            return Ok(());
        }
        state.effects.remove(&effect.id);
        match end {
            EffectEnd::Delivered => state.effect_counts.delivered += 1,
            EffectEnd::Dead(letter) => {
                state.effect_counts.dead += 1;
                state.next += 1;
                let next = state.next;
                state.letters.entry(letter.id.clone()).or_insert((next, *letter));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl OutcomeStore for MemoryStore {
    async fn outcomes(&self, after: u64, max: u16) -> Result<Vec<(u64, Outcome)>, StoreError> {
        let state = self.state();
        let later = state.outcomes.range(after.saturating_add(1)..).take(usize::from(max));
        Ok(later.map(|(cursor, outcome)| (*cursor, outcome.clone())).collect())
    }
}

#[async_trait]
impl OverrideStore for MemoryStore {
    async fn overrides(&self, now: Timestamp) -> Result<Vec<Override>, StoreError> {
        Ok(self.state().overrides.iter().filter(|entry| entry.until > now).cloned().collect())
    }

    async fn add_override(&self, entry: &Override) -> Result<(), StoreError> {
        let mut state = self.state();
        state.overrides.retain(|known| known != entry);
        state.overrides.push(entry.clone());
        Ok(())
    }

    async fn end_override(&self, held: &Override, kept: Option<&Override>) -> Result<bool, StoreError> {
        let mut state = self.state();
        let place = state.overrides.iter().position(|known| known == held);
        if let Some(place) = place {
            state.overrides.splice(place..=place, kept.cloned());
        }
        Ok(place.is_some())
    }
}

#[async_trait]
impl RateLimitStore for MemoryStore {
    async fn acquire(&self, request: &RateRequest, now: Timestamp) -> Result<Reservation, StoreError> {
        let mut state = self.state();
        let until = state.paces.get(&request.queue).copied().unwrap_or(Timestamp::MIN);
        let (reservation, next) = acquire(&request.limit, request.cost, until, now);
        state.paces.insert(request.queue.clone(), next);
        Ok(reservation)
    }
}

#[async_trait]
impl AuditStore for MemoryStore {
    async fn data_loss_since(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.state().data_loss_since)
    }

    async fn audit_counts(&self) -> Result<AuditCounts, StoreError> {
        let state = self.state();
        let mut counts = AuditCounts::default();
        for row in state.runs.values() {
            *counts.runs.entry(row.run.phase().as_str().to_owned()).or_default() += 1;
            for message in row.run.messages() {
                *counts.messages.entry(message.phase().name().to_owned()).or_default() += 1;
            }
            if row.due.is_none() && row.run.index().needs_due_row {
                counts.forgotten += 1;
            }
        }
        let waiting = state.effects.len() as u64;
        counts.effects = EffectCounts { waiting, ..state.effect_counts };
        for (_, letter) in state.letters.values() {
            *counts.dead_letters.entry(letter.reason.clone()).or_default() += 1;
        }
        counts.events = EventCounts { pending: state.pending.len() as u64, ..state.events };
        Ok(counts)
    }
}

#[async_trait]
impl RetentionStore for MemoryStore {
    async fn purge(&self, before: Timestamp, max: u16) -> Result<u64, StoreError> {
        Ok(self.state().purge(before, usize::from(max), None) as u64)
    }

    async fn ended_with_texts(&self, before: Timestamp, max: u16) -> Result<Vec<RunId>, StoreError> {
        Ok(self.state().ended_with_texts(before, usize::from(max)))
    }

    async fn purge_letters(&self, before: Timestamp, max: u16) -> Result<u64, StoreError> {
        Ok(self.state().purge_letters(before, usize::from(max)) as u64)
    }

    async fn purge_run(&self, id: &RunId, before: Timestamp) -> Result<bool, StoreError> {
        Ok(self.state().purge(before, 1, Some(id)) > 0)
    }
}

/// It lives in memory.
#[async_trait]
impl SealingStore for MemoryStore {
    async fn seal_stored(&self, _max: u16) -> Result<u64, StoreError> {
        Ok(0)
    }
}
