//! What a store keeps beside a run to find, list and count it. In: a run. Out: the facts, computed in one place.
//!
//! Never: a fact that two stores could derive differently.

use std::collections::BTreeMap;

use super::Run;
use crate::message::Message;

/// Facts of a run that stores index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunIndex {
    /// It must have a due row: it is not closed, or one of its messages waits for something.
    pub needs_due_row: bool,
    /// Something is still to be done for it, to be expected, or to be found out by an operator.
    pub is_unfinished: bool,
    /// One of its messages needs an operator's review.
    pub needs_review: bool,
    /// A resolving event of its subject ends it.
    pub is_resolvable: bool,
    /// It is over, and a resolving event of its subject is told to its ticket.
    pub awaits_late_resolution: bool,
    /// It holds texts or fields of its event that may go once it has ended: no operator needs them for a review.
    pub holds_texts: bool,
    /// Messages by the name of their phase, in the order of the names.
    pub tally: BTreeMap<&'static str, u16>,
}

impl Run {
    /// The facts that stores index.
    pub fn index(&self) -> RunIndex {
        let mut tally: BTreeMap<&'static str, u16> = BTreeMap::new();
        for message in &self.messages {
            let count = tally.entry(message.phase().name()).or_default();
            *count = count.saturating_add(1);
        }
        RunIndex {
            needs_due_row: self.closed_at.is_none()
                || self.ack_hold.is_some()
                || self.messages.iter().any(|message| message.next_due().is_some()),
            is_unfinished: self.is_unfinished(),
            needs_review: self.messages.iter().any(Message::needs_review),
            is_resolvable: self.is_resolvable(),
            awaits_late_resolution: self.awaits_late_resolution(),
            holds_texts: self.holds_texts(),
            tally,
        }
    }
}
