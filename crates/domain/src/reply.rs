//! Which message a reply acknowledges. In: the code that was sent back, and the open codes of that phone. Out: the
//! message that is meant, or why none is.
//!
//! Never: looks at a phone's codes for another phone; the caller reads those of the sender alone.

use crate::{ack_code::AckCode, id::MessageId};

/// A code that a phone was asked to send back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCode {
    /// The code.
    pub code: AckCode,
    /// The message that carried it.
    pub message: MessageId,
    /// Whether its run still waits for somebody.
    pub is_active: bool,
}

/// What an acknowledging reply means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyTarget<'a> {
    /// It acknowledges the run of this message.
    Message(&'a MessageId),
    /// It could mean any of these; none is acknowledged.
    Ambiguous(Vec<&'a MessageId>),
    /// It names no text of ours.
    Unknown,
}

/// Finds the message that an acknowledging reply means. `open` is in the order of expiry, the latest first.
///
/// A code is bound to its phone; should two texts share one, the later is meant. A word without a code is good enough
/// only where a single run can be meant.
pub fn target<'a>(code: Option<&AckCode>, open: &'a [OpenCode]) -> ReplyTarget<'a> {
    if let Some(code) = code {
        let named = open.iter().find(|open| open.code == *code);
        return named.map_or(ReplyTarget::Unknown, |open| ReplyTarget::Message(&open.message));
    }
    if let [only] = open {
        return ReplyTarget::Message(&only.message);
    }
    let active: Vec<&MessageId> =
        open.iter().filter(|open| open.is_active).map(|open| &open.message).collect();
    match active.as_slice() {
        [] => ReplyTarget::Unknown,
        [only] => ReplyTarget::Message(only),
        _ => ReplyTarget::Ambiguous(active),
    }
}
