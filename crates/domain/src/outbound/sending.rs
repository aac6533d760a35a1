//! Whether texts go out of the account, as all senders together know it. In: what one sender saw, and what is noted.
//! Out: what to note, and what is told of it.
//!
//! Never: tells of trouble that passes by itself: a stopped account waits for a person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    effect::{OutcomeEvent, OutcomeKind},
    id::short,
};

/// Whether the provider takes texts of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendingSeen {
    /// It refuses the whole account, with this code.
    Stopped(Option<u32>),
    /// It takes them.
    Going,
}

/// What is noted of it, for all senders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendingState {
    /// What the sender saw that noted it.
    pub seen: SendingSeen,
    /// When it saw that, to the millisecond.
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub since: Timestamp,
    /// Whether the effects that tell of it are stored. Until then every sender that sees the same stores them.
    #[serde(rename = "is_told")]
    pub is_announced: bool,
}

impl SendingState {
    /// What is to be told once a sender saw this: a change, or one whose effects may not be stored. `None`: nothing.
    pub fn to_tell(noted: Option<&Self>, seen: SendingSeen, now: Timestamp) -> Option<Self> {
        let is_stopped = |seen| matches!(seen, SendingSeen::Stopped(_));
        match noted {
            // Without a note texts go out.
            None => is_stopped(seen).then_some(Self { seen, since: now, is_announced: false }),
            Some(noted) if is_stopped(noted.seen) == is_stopped(seen) => {
                (!noted.is_announced).then(|| noted.clone())
            }
            Some(_) => Some(Self { seen, since: now, is_announced: false }),
        }
    }

    /// What tells it from every other note.
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.kind().as_str(), self.since.as_millisecond(), self.is_announced)
    }

    fn kind(&self) -> OutcomeKind {
        match self.seen {
            SendingSeen::Stopped(_) => OutcomeKind::SendingStopped,
            SendingSeen::Going => OutcomeKind::SendingResumed,
        }
    }

    /// The event that tells of it, which is the same from every sender.
    pub fn event(&self) -> OutcomeEvent {
        let kind = self.kind();
        let code = match self.seen {
            SendingSeen::Stopped(code) => code,
            SendingSeen::Going => None,
        };
        OutcomeEvent {
            id: short(&["", kind.as_str(), &self.since.as_millisecond().to_string()]),
            kind,
            at: self.since,
            run: None,
            workflow: None,
            source: None,
            event_id: None,
            subject: None,
            phase: None,
            step: None,
            message: None,
            by: None,
            detail: code.map(|code| format!("code {code}")),
            ticket: None,
            approval: None,
        }
    }
}
