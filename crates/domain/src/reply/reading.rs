//! What a reply can mean, and of which messages. In: a meaning, and the open codes that it is about. Out: a reading.
//!
//! Never: reads a text.

use std::collections::BTreeSet;

use super::{open_code::OpenCode, saying::Saying};
use crate::id::{MessageId, RunId};

/// Most runs that a text which acknowledges nothing leaves a line in.
pub(super) const NOTED_RUNS_MAX: usize = 10;

/// What a reply means, and which messages it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What it means.
    pub meaning: Meaning,
    /// The messages that it acknowledges, or in whose timelines it leaves a line; one of each run.
    pub messages: Vec<MessageId>,
}

/// What a reply can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// Somebody takes it on.
    Acknowledge,
    /// Somebody hands it on to the next step.
    HandOver,
    /// Somebody takes one of several runs on, without saying which.
    Ambiguous,
    /// Somebody takes the only open run on without its code, and its workflow asks for the code.
    NeedsCode,
    /// Somebody takes something on, and nothing is open.
    NothingOpen,
    /// It holds a code, of no run that was sent to this phone.
    UnknownCode,
    /// Somebody says that they do not take it on.
    Negated,
    /// The code stands in a copy of our own text, and nothing is said about it.
    Quoted,
    /// A machine answered for a person.
    Automatic,
    /// Anything else.
    NotUnderstood,
}

impl Meaning {
    /// Why such a reply changes nothing; `None` for one that does.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Acknowledge | Self::HandOver => None,
            Self::Ambiguous => Some("without a code it could mean several runs"),
            Self::NeedsCode => Some("it names no code, and its workflow asks for one"),
            Self::NothingOpen => Some("no run waits for this phone"),
            Self::UnknownCode => Some("its code is of no text to this phone"),
            Self::Negated => Some("it says no"),
            Self::Quoted => Some("it only quotes the text"),
            Self::Automatic => Some("it is an automatic answer"),
            Self::NotUnderstood => Some("it was not understood"),
        }
    }
}

/// A reply that acknowledges nothing is about the codes it names, else about every run that waits.
pub(super) fn about(meaning: Meaning, named: &[(usize, Saying)], open: &[OpenCode]) -> Reading {
    let mut messages = if named.is_empty() {
        one_of_each_run(open.iter().filter(|open| open.is_active))
    } else {
        one_of_each_run(named.iter().map(|(at, _)| &open[*at]))
    };
    messages.truncate(NOTED_RUNS_MAX);
    Reading { meaning, messages }
}

/// One message of each run, the first.
pub(super) fn one_of_each_run<'a>(open: impl Iterator<Item = &'a OpenCode>) -> Vec<MessageId> {
    let mut seen: BTreeSet<&RunId> = BTreeSet::new();
    open.filter(|open| seen.insert(&open.message.run)).map(|open| open.message.clone()).collect()
}
