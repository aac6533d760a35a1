//! What is to be done outside because of what happened to a run.
//!
//! In: a run, what its transition wrote into the timeline, and which destinations want what. Out: effects.
//! Never: decides what becomes of one; `effect` does.

mod names;
mod outcome_events;
mod sending;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    effect::{Act, Effect, OutcomeEvent, OutcomeKind},
    notice,
    run::Run,
    timeline::{DeadLetter, Effects, TimelineEvent},
};

pub use names::{DEAD_EFFECT, STREAM};
pub use sending::{SendingSeen, SendingState};

/// Why a ticket is not opened whose queue no destination has.
const NO_TRACKER: &str =
    "no destination of integrations.toml has the queue's name and keeps tickets: add one, then replay";

/// What one destination wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The destination's name. A ticket for a queue of this name is opened there.
    pub name: String,
    /// What it is told of.
    pub events: BTreeSet<OutcomeKind>,
    /// Of which workflows; of all if empty.
    pub workflows: BTreeSet<String>,
    /// Whether it keeps tickets.
    pub opens_tickets: bool,
}

/// All destinations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destinations(pub Vec<Subscription>);

impl Destinations {
    /// Adds what follows outside from what a transition did to a run: effects, and for a ticket that no destination opens
    /// a dead letter, whose replay opens it once there is one.
    pub fn complete(&self, run: &Run, done: &mut Effects) {
        let mut missed: Vec<Effect> = Vec::new();
        for (queue, event) in outcome_events::tickets_wanted(run, done) {
            let effect = Effect::new(&event, queue, Act::OpenTicket);
            let is_known = missed.iter().any(|known| known.id == effect.id);
            if self.tracker(queue).is_none() && run.ticket_at(queue).is_none() && !is_known {
                missed.push(effect);
            }
        }
        for effect in missed {
            let queue = effect.destination.clone();
            let letter = dead_letter(&effect, NO_TRACKER, effect.since);
            done.note_run(effect.since, TimelineEvent::TicketFailed { queue, reason: NO_TRACKER.to_owned() });
            done.dead_letters.push(letter);
        }
        done.outbound = self.effects(run, done);
    }

    /// What is to be done because of what a transition did to a run.
    pub fn effects(&self, run: &Run, done: &Effects) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.0.is_empty() || notice::WORKFLOWS.contains(&run.workflow()) {
            return effects;
        }
        for event in outcome_events::events(run, done) {
            let tickets = run.tickets().iter().filter(|_| event.kind.updates_tickets());
            let updated: Vec<&str> = tickets
                .filter_map(|ticket| self.tracker(&ticket.destination))
                .map(|tracker| &*tracker.name)
                .collect();
            // A ticket that is updated has told its destination.
            let is_told = |subscription: &&Subscription| !updated.contains(&&*subscription.name);
            for subscription in self.0.iter().filter(|one| one.wants(&event)).filter(is_told) {
                effects.push(Effect::new(&event, &subscription.name, Act::Notify));
            }
            effects.extend(updated.iter().map(|name| Effect::new(&event, name, Act::UpdateTicket)));
        }
        let wanted = outcome_events::tickets_wanted(run, done);
        effects.extend(wanted.into_iter().filter_map(|(queue, event)| {
            self.tracker(queue).map(|tracker| Effect::new(&event, &tracker.name, Act::OpenTicket))
        }));
        let opened = done.timeline.iter().filter_map(|entry| {
            let TimelineEvent::TicketOpened { queue, .. } = &entry.what else { return None };
            let event = outcome_events::resolved_before(run, entry);
            self.tracker(queue).map(|tracker| Effect::new(&event, &tracker.name, Act::UpdateTicket))
        });
        effects.extend(opened.filter(|_| run.is_resolved()));
        effects
    }

    /// What is to be done because of something that happened to no run.
    pub fn effects_of(&self, event: &OutcomeEvent) -> Vec<Effect> {
        let wanting = self.0.iter().filter(|subscription| subscription.wants(event));
        wanting.map(|subscription| Effect::new(event, &subscription.name, Act::Notify)).collect()
    }

    /// The destination that opens the tickets of a queue.
    pub fn tracker(&self, queue: &str) -> Option<&Subscription> {
        self.0.iter().find(|subscription| subscription.opens_tickets && subscription.name == queue)
    }
}

impl Subscription {
    fn wants(&self, event: &OutcomeEvent) -> bool {
        let of_workflow = |workflow: &String| self.workflows.is_empty() || self.workflows.contains(workflow);
        self.events.contains(&event.kind) && event.workflow.as_ref().is_none_or(of_workflow)
    }
}

/// The dead letter of an effect that is given up. It holds the effect, so that a replay tries it anew.
pub fn dead_letter(effect: &Effect, error: &str, now: Timestamp) -> DeadLetter {
    DeadLetter {
        id: effect.id.clone(),
        reason: DEAD_EFFECT.to_owned(),
        error: format!("{}: {error}", effect.destination),
        at: now,
        epoch: None,
        message: None,
        workflow: effect.event.workflow.clone(),
        source: effect.event.source.clone(),
        event_id: effect.event.event_id.clone(),
        attempts: effect.requests.max(effect.attempts),
        traceparent: None,
        event: serde_json::to_string(effect).ok(),
        origin: None,
    }
}

/// The effect that a dead letter holds, to be tried anew. What was requested before may have been done.
pub fn of_dead_letter(letter: &DeadLetter, now: Timestamp) -> Option<Effect> {
    let effect: Effect = serde_json::from_str(letter.event.as_deref()?).ok()?;
    (letter.reason == DEAD_EFFECT).then_some(Effect {
        since: now,
        attempts: 0,
        requests: 0,
        last_failure: None,
        is_in_doubt: true,
        ..effect
    })
}
