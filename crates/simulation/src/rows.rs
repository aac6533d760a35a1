//! What the store in memory holds. In: changes. Out: rows, found by their id or by what is due.
//!
//! Never: asks for the time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{
    agent_stop::AgentStop,
    approval::Approval,
    consent::ConsentEntry,
    effect::{Effect, OutcomeEvent},
    event::{ContentHash, EventKey},
    group::{Group, GroupKey},
    id::{MessageId, RunId},
    oncall::Override,
    originator::ReceiptTally,
    outbound::SendingState,
    preflight::Preflight,
    provider::ProviderMessageId,
    run::Run,
    silence::Silence,
    status::Heartbeat,
    timeline::{DeadLetter, Entry, Outcome, ReplyRoute},
    token::Token,
    workflow::WorkflowDefinition,
};
use jiff::Timestamp;
use ports::{
    Change, GivenAnswer, TimerSlot, Versioned,
    store::{EffectCounts, EventCounts, Resolution},
};

use crate::kept_calendar::KeptCalendar;

/// Everything that is stored.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) runs: BTreeMap<RunId, Row>,
    /// The due rows, earliest first.
    dues: BTreeSet<(Timestamp, RunId)>,
    pub(crate) opened: u64,
    pub(crate) timers: BTreeSet<TimerSlot>,
    pub(crate) sids: BTreeMap<ProviderMessageId, MessageId>,
    pub(crate) routes: Vec<ReplyRoute>,
    pub(crate) consent: Vec<ConsentEntry>,
    pub(crate) workflows: BTreeMap<String, WorkflowDefinition>,
    pub(crate) letters: BTreeMap<String, (u64, DeadLetter)>,
    pub(crate) next: u64,
    pub(crate) outcomes: BTreeMap<u64, Outcome>,
    /// Effects that wait, with the time at which each is due.
    pub(crate) effects: BTreeMap<String, (Timestamp, Effect)>,
    pub(crate) effect_counts: EffectCounts,
    pub(crate) overrides: Vec<Override>,
    pub(crate) silences: BTreeMap<String, Silence>,
    /// What is remembered of texts that belong together, at its version.
    pub(crate) groups: BTreeMap<GroupKey, Versioned<Group>>,
    pub(crate) calendars: BTreeMap<(String, String), KeptCalendar>,
    pub(crate) sending: Option<SendingState>,
    /// Receipts by the slice of time in which they came.
    pub(crate) receipts: BTreeMap<i64, ReceiptTally>,
    pub(crate) preflight: Preflight,
    pub(crate) heartbeats: BTreeMap<String, Heartbeat>,
    pub(crate) resolutions: BTreeMap<(String, String), Resolution>,
    pub(crate) paces: BTreeMap<String, Timestamp>,
    /// What each event that opened a run said.
    pub(crate) contents: BTreeMap<EventKey, ContentHash>,
    pub(crate) pending: BTreeSet<EventKey>,
    pub(crate) events: EventCounts,
    pub(crate) data_loss_since: Option<Timestamp>,
    pub(crate) tokens: Vec<Token>,
    /// Agents that are stopped, by label.
    pub(crate) agent_stops: BTreeMap<Option<String>, AgentStop>,
    pub(crate) approvals: BTreeMap<String, Versioned<Approval>>,
    pub(crate) answers: BTreeMap<String, (Timestamp, GivenAnswer)>,
    /// The outcome events of the API's stream, by position.
    pub(crate) log: BTreeMap<u64, OutcomeEvent>,
}

/// A run with everything that is stored with it.
pub(crate) struct Row {
    pub(crate) run: Run,
    pub(crate) version: u64,
    pub(crate) due: Option<Timestamp>,
    pub(crate) happened_at: Timestamp,
    pub(crate) opened: u64,
    pub(crate) timeline: Vec<Entry>,
    pub(crate) outcomes: Vec<u64>,
    pub(crate) letters: Vec<String>,
    pub(crate) sids: Vec<ProviderMessageId>,
}

impl State {
    /// Stores a run that may be stored. Returns the timer that its due row needs.
    pub(crate) fn write(
        &mut self,
        change: Change,
        happened_at: Timestamp,
        version: u64,
    ) -> Option<TimerSlot> {
        let Change { run, due, needs_timer, marker: _, effects } = change;
        let run = Arc::unwrap_or_clone(run);
        let id = run.id().clone();
        let timer = due
            .filter(|_| needs_timer)
            .map(|due| TimerSlot::of(&id, due))
            .filter(|slot| self.timers.insert(*slot));
        let opened = self.opened;
        self.opened += 1;
        let row = self.runs.entry(id.clone()).or_insert_with(|| Row {
            run: run.clone(),
            version,
            due,
            happened_at,
            opened,
            timeline: Vec::new(),
            outcomes: Vec::new(),
            letters: Vec::new(),
            sids: Vec::new(),
        });
        (row.run, row.version) = (run, version);
        if let Some(old) = std::mem::replace(&mut row.due, due) {
            self.dues.remove(&(old, id.clone()));
        }
        self.dues.extend(due.map(|due| (due, id)));
        row.timeline.extend(effects.timeline);
        for outcome in effects.outcomes {
            self.next += 1;
            row.outcomes.push(self.next);
            self.outcomes.insert(self.next, outcome);
        }
        let outbound = effects.outbound;
        for letter in effects.dead_letters {
            row.letters.push(letter.id.clone());
            self.next += 1;
            self.letters.entry(letter.id.clone()).or_insert((self.next, letter));
        }
        effects.discarded.iter().for_each(|letter| _ = self.letters.remove(letter));
        for (sid, number) in effects.sids {
            row.sids.push(sid.clone());
            self.sids.entry(sid).or_insert_with(|| row.run.message_id(number));
        }
        self.routes.extend(effects.reply_routes);
        effects.consent.into_iter().for_each(|entry| self.add_consent(entry));
        outbound.into_iter().for_each(|effect| self.add_effect(effect));
        timer
    }

    /// Takes runs that are due, earliest first, and hides them from other takers for a while.
    pub(crate) fn take_due(
        &mut self,
        is_meant: impl Fn(&RunId) -> bool,
        now: Timestamp,
        hidden_until: Timestamp,
        max: usize,
    ) -> Vec<RunId> {
        self.timers.retain(|slot| slot.at() > now);
        let due = self.dues.iter().take_while(|(due, _)| *due <= now).filter(|(_, id)| is_meant(id));
        let taken: Vec<(Timestamp, RunId)> = due.take(max).cloned().collect();
        for (due, id) in &taken {
            self.dues.remove(&(*due, id.clone()));
            self.dues.insert((hidden_until, id.clone()));
            if let Some(row) = self.runs.get_mut(id) {
                row.due = Some(hidden_until);
            }
        }
        taken.into_iter().map(|(_, id)| id).collect()
    }

    /// The earliest due time of all runs.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.dues.first().map(|(due, _)| *due)
    }

    /// Removes ended runs, the first that ended first.
    pub(crate) fn purge(&mut self, before: Timestamp, max: usize, only: Option<&RunId>) -> usize {
        let is_over = |row: &&Row| {
            let ended = row.run.closed_at().is_some_and(|closed_at| closed_at < before);
            row.due.is_none() && ended && only.is_none_or(|only| only == row.run.id())
        };
        let mut over: Vec<(Option<Timestamp>, RunId)> = self
            .runs
            .values()
            .filter(is_over)
            .map(|row| (row.run.closed_at(), row.run.id().clone()))
            .collect();
        over.sort();
        over.truncate(max);
        for (_, id) in &over {
            let Some(row) = self.runs.remove(id) else { continue };
            row.outcomes.iter().for_each(|cursor| _ = self.outcomes.remove(cursor));
            row.letters.iter().for_each(|letter| _ = self.letters.remove(letter));
            row.sids.iter().for_each(|sid| _ = self.sids.remove(sid));
            self.routes.retain(|route| route.message.run != *id);
        }
        over.len()
    }

    /// Ended runs that hold texts which may go.
    pub(crate) fn ended_with_texts(&self, before: Timestamp, max: usize) -> Vec<RunId> {
        let is_wanted = |row: &&Row| {
            let ended = row.run.closed_at().is_some_and(|closed_at| closed_at < before);
            ended && row.due.is_none() && row.run.index().holds_texts
        };
        self.runs.values().filter(is_wanted).take(max).map(|row| row.run.id().clone()).collect()
    }

    /// Removes letters of no run. Returns how many went.
    pub(crate) fn purge_letters(&mut self, before: Timestamp, max: usize) -> usize {
        let is_old = |(_, letter): &&(u64, DeadLetter)| !letter.is_of_run() && letter.at < before;
        let old: Vec<String> =
            self.letters.values().filter(is_old).take(max).map(|(_, letter)| letter.id.clone()).collect();
        old.iter().for_each(|id| _ = self.letters.remove(id));
        old.len()
    }

    /// Loses every run.
    pub(crate) fn lose_runs(&mut self) {
        self.runs.clear();
        self.dues.clear();
    }

    pub(crate) fn add_effect(&mut self, effect: Effect) {
        if !self.effects.contains_key(&effect.id) {
            self.effect_counts.due += 1;
            self.effects.insert(effect.id.clone(), (effect.since, effect));
        }
    }

    pub(crate) fn add_consent(&mut self, entry: ConsentEntry) {
        let is_same = |known: &ConsentEntry| {
            known.number == entry.number
                && known.change == entry.change
                && known.source == entry.source
                && known.evidence == entry.evidence
        };
        if !self.consent.iter().any(is_same) {
            self.consent.push(entry);
        }
    }

    pub(crate) fn resolution_of(&self, change: &Change) -> Option<&Resolution> {
        let marker = change.marker.as_ref().filter(|_| change.run.closed_at().is_none())?;
        self.resolutions.get(&(change.run.workflow().to_owned(), marker.clone()))
    }
}
