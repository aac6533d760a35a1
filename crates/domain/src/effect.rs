//! Effects: what is to be done outside because of what happened to a run.
//!
//! In: events, and answers of destinations. Out: effects, to be stored with the run, and what follows an answer.
//! Never: holds a text, a whole number or a secret.

mod answer;
mod cloud_event;
mod outcome_event;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use answer::{EffectAnswer, EffectNext};
pub use outcome_event::{OutcomeEvent, OutcomeKind};

use crate::id::{RunId, short};

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
    /// Requests that failed, by which the next time is chosen.
    #[serde(default)]
    pub attempts: u16,
    /// Requests made so far, those included that found the destination busy.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requests: u16,
    /// Why the last request did not do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
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
    /// Send the outcome event.
    #[serde(rename = "tell")]
    Notify,
    /// Open a ticket for the run, once.
    OpenTicket,
    /// Say at the run's ticket what happened since.
    UpdateTicket,
}

impl Act {
    /// Its name, for spans.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::OpenTicket => "open ticket",
            Self::UpdateTicket => "update ticket",
        }
    }
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u16) -> bool {
    *number == 0
}

impl Effect {
    /// What is to be done at a destination because of an event.
    pub fn new(event: &OutcomeEvent, destination: &str, act: Act) -> Self {
        let run = event.run.as_ref().map_or("x", RunId::as_str);
        // A run has one ticket at a destination, whatever asks for it.
        let name = match act {
            Act::OpenTicket => short(&["ticket", destination]),
            Act::Notify => short(&["tell", destination, &event.id]),
            Act::UpdateTicket => short(&["update", destination, &event.id]),
        };
        Self {
            id: format!("{run}-{}", &name[..12]),
            destination: destination.to_owned(),
            act,
            event: event.clone(),
            since: event.at,
            attempts: 0,
            requests: 0,
            last_failure: None,
            is_in_doubt: false,
            epoch: 0,
        }
    }

    /// The effect, once one more request was made for it.
    #[must_use]
    pub fn requested(self) -> Self {
        // Effects of earlier versions have failures alone.
        let requests = self.requests.max(self.attempts).saturating_add(1);
        Self { requests, ..self }
    }

    /// The run that it is about.
    pub fn run(&self) -> Option<&RunId> {
        self.event.run.as_ref()
    }
}
