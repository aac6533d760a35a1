//! Effects: what is to be done outside because of what happened to a run.
//!
//! In: a run, what its transition wrote into the timeline, and which destinations want what. Out: effects, to be stored
//! with the run. Never: holds a text, a whole number or a secret.

mod answer;
mod outcome_event;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use answer::{EffectAnswer, EffectNext};
pub use outcome_event::{OutcomeEvent, OutcomeKind};

use crate::{
    id::{RunId, short},
    notice,
    run::Run,
    timeline::{DeadLetter, Effects, TimelineEvent},
};

/// The reason of dead letters that hold an effect.
pub const DEAD_EFFECT: &str = "effect";

/// One thing to be done at one destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Names it: a repetition of what it came from makes the same effect. Begins with the run's id, if it has a run.
    pub id: String,
    /// The name of the destination.
    pub destination: String,
    /// What is to be done.
    pub act: Act,
    /// What happened.
    pub event: OutcomeEvent,
    /// Since when it is tried: when it happened, or when it was replayed.
    pub since: Timestamp,
    /// Requests made so far that are counted.
    #[serde(default)]
    pub attempts: u16,
    /// The answer to the last request was lost: it may have been carried out.
    #[serde(default)]
    pub is_in_doubt: bool,
    /// Which taking of it this is. Whoever took it earlier changes nothing any more.
    #[serde(default)]
    pub epoch: u32,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Tell of it.
    Tell,
    /// Open a ticket for the run, once.
    OpenTicket,
    /// Say at the run's ticket what happened since.
    UpdateTicket,
}

/// A ticket as the service that keeps it names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The destination that opened it.
    pub destination: String,
    /// Its key there.
    pub key: String,
    /// Where a person reads it, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

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
    pub keeps_tickets: bool,
}

/// All destinations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destinations(pub Vec<Subscription>);

impl Destinations {
    /// What is to be done because of what a transition did to a run.
    pub fn effects(&self, run: &Run, done: &Effects) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.0.is_empty() || notice::WORKFLOWS.contains(&run.workflow()) {
            return effects;
        }
        for event in OutcomeEvent::of(run, done) {
            for subscription in self.0.iter().filter(|subscription| subscription.wants(&event)) {
                effects.push(event.effect_for(subscription, Act::Tell));
            }
            let tickets = run.tickets().iter().filter(|_| event.kind.updates_tickets());
            let keeper = |destination: &str| self.keeper(destination);
            effects.extend(
                tickets
                    .filter_map(|ticket| keeper(&ticket.destination))
                    .map(|subscription| event.effect_for(subscription, Act::UpdateTicket)),
            );
        }
        let wanted = done.timeline.iter().filter_map(|entry| {
            let TimelineEvent::TicketWanted { queue } = &entry.what else { return None };
            Some((queue, entry.at))
        });
        effects.extend(wanted.filter_map(|(queue, at)| {
            let event = OutcomeEvent::about(OutcomeKind::TicketWanted, run, at);
            self.keeper(queue).map(|subscription| event.effect_for(subscription, Act::OpenTicket))
        }));
        effects
    }

    /// The destination that keeps the tickets of a queue.
    pub fn keeper(&self, queue: &str) -> Option<&Subscription> {
        self.0.iter().find(|subscription| subscription.keeps_tickets && subscription.name == queue)
    }
}

impl Subscription {
    fn wants(&self, event: &OutcomeEvent) -> bool {
        let of_workflow = |workflow: &String| self.workflows.is_empty() || self.workflows.contains(workflow);
        self.events.contains(&event.kind) && event.workflow.as_ref().is_none_or(of_workflow)
    }
}

impl Effect {
    /// The dead letter of an effect that is given up. It holds the effect, so that a replay tries it anew.
    pub fn dead_letter(&self, error: &str, now: Timestamp) -> DeadLetter {
        DeadLetter {
            id: self.id.clone(),
            reason: DEAD_EFFECT.to_owned(),
            error: format!("{}: {error}", self.destination),
            at: now,
            epoch: None,
            message: None,
            workflow: self.event.workflow.clone(),
            source: self.event.source.clone(),
            event_id: self.event.event_id.clone(),
            attempts: self.attempts,
            traceparent: None,
            event: serde_json::to_string(self).ok(),
            origin: None,
        }
    }

    /// The effect that a dead letter holds, to be tried anew. What was requested before may have been done.
    pub fn of_dead_letter(letter: &DeadLetter, now: Timestamp) -> Option<Self> {
        let effect: Self = serde_json::from_str(letter.event.as_deref()?).ok()?;
        (letter.reason == DEAD_EFFECT).then_some(Self {
            since: now,
            attempts: 0,
            is_in_doubt: true,
            ..effect
        })
    }

    /// The run that it is about.
    pub fn run(&self) -> Option<&RunId> {
        self.event.run.as_ref()
    }
}

impl OutcomeEvent {
    fn effect_for(&self, subscription: &Subscription, act: Act) -> Effect {
        let run = self.run.as_ref().map_or("x", RunId::as_str);
        // A run has one ticket at a destination, whatever asks for it.
        let name = match act {
            Act::OpenTicket => short(&["ticket", &subscription.name]),
            Act::Tell => short(&["tell", &subscription.name, &self.id]),
            Act::UpdateTicket => short(&["update", &subscription.name, &self.id]),
        };
        Effect {
            id: format!("{run}-{}", &name[..12]),
            destination: subscription.name.clone(),
            act,
            event: self.clone(),
            since: self.at,
            attempts: 0,
            is_in_doubt: false,
            epoch: 0,
        }
    }
}
