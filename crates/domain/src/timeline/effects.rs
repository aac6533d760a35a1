//! What a transition asks its caller to do. In: nothing. Out: [`Effects`], which the runtime stores and then performs.
//!
//! Never: does any of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DeadLetter, Entry, TimelineEvent};
use crate::{
    ack_code::AckCode,
    consent::ConsentEntry,
    effect::Effect,
    id::{MessageId, RunId},
    originator::Receipt,
    phone::E164,
    provider::ProviderMessageId,
    run_phase::RunPhase,
};

/// Work for another role. A wake-up only: its consumer reads the current state from the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Send this message, unless its epoch has moved on.
    Dispatch {
        /// The message.
        message: MessageId,
        /// Its epoch when the command was given.
        epoch: u32,
    },
    /// Ask the provider what became of this message.
    ResolveDoubt {
        /// The message.
        message: MessageId,
        /// Its epoch when the command was given.
        epoch: u32,
    },
    /// Ask the provider for the status of this message.
    PollStatus {
        /// The message.
        message: MessageId,
        /// Its epoch when the command was given.
        epoch: u32,
    },
    /// Look at this run's deadlines.
    LookNow {
        /// The run.
        run: RunId,
    },
}

/// How a run ended, for the outside: tickets, webhooks, watchers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The run.
    pub run: RunId,
    /// The phase in which the run ended.
    pub phase: RunPhase,
    /// When it happened, to the millisecond.
    pub at: Timestamp,
    /// The queue that gets a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// Leads a reply from a phone back to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyRoute {
    /// The phone that was texted.
    pub number: E164,
    /// The code that its text asked for.
    pub code: AckCode,
    /// The message that carried it.
    pub message: MessageId,
    /// Until when a reply is looked for.
    pub expires_at: Timestamp,
}

/// What a transition asks for. The runtime stores all but the commands with the new state, then publishes those.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// New lines of the timeline.
    pub timeline: Vec<Entry>,
    /// Wake-ups to publish once the state is stored. Losing one only delays: the due row repeats it.
    pub commands: Vec<Command>,
    /// Wake-ups that repeat others, or ask for a status that a callback should bring. They are left out where the queue that
    /// they would join is long: what they repeat is most likely in it, and the due row repeats them.
    pub repeats: Vec<Command>,
    /// Ends of runs.
    pub outcomes: Vec<Outcome>,
    /// What is to be done outside. The runtime adds it, as the destinations want it.
    pub outbound: Vec<Effect>,
    /// New dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// The ids of dead letters of the run that are put away.
    pub discarded: Vec<String>,
    /// New ways back from a reply.
    pub reply_routes: Vec<ReplyRoute>,
    /// What the provider told us of a recipient's consent.
    pub consent: Vec<ConsentEntry>,
    /// Provider names bound to messages of the run.
    pub sids: Vec<(ProviderMessageId, u16)>,
    /// What became of attempts. Losing one only makes a score less exact.
    pub receipts: Vec<Receipt>,
}

impl Effects {
    /// Adds a line about a message.
    pub fn note(&mut self, at: Timestamp, message: u16, what: TimelineEvent) {
        self.timeline.push(Entry { at, message: Some(message), what });
    }

    /// Adds a line about the run itself.
    pub fn note_run(&mut self, at: Timestamp, what: TimelineEvent) {
        self.timeline.push(Entry { at, message: None, what });
    }
}
