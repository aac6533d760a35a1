//! What cannot proceed until an operator replays it. In: nothing. Out: the letter, and what its fields mean.
//!
//! Never: holds a text of a message, or a whole number.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    broker_origin::BrokerOrigin,
    id::{MessageId, digest},
};

/// The reasons of dead letters.
pub const DEAD_REASONS: [&str; 11] = [
    "refused",
    "composition",
    "unroutable",
    "invalid_event",
    "too_large",
    "unreadable",
    "conflict",
    "effect",
    "misrouted",
    "expired",
    "poison",
];

/// What cannot proceed, kept with its reason until it is replayed or discarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Names it: the message's id and epoch, or the digest of a poison event.
    pub id: String,
    /// Why, one of [`DEAD_REASONS`].
    pub reason: String,
    /// What was seen, without secrets, text or numbers.
    pub error: String,
    /// When it became a dead letter.
    pub at: Timestamp,
    /// The epoch at which the message died, if it was one; absent in letters of the first version, whose id ends in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// The message that died, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// The workflow, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The event's source, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The event's id within its source, if it was an event that could not be worked on and has one, valid or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Attempts made.
    #[serde(default)]
    pub attempts: u16,
    /// W3C trace context of the event's producer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The event itself, if it was one that could not be worked on. Bounded by the event limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// How it came, if a producer published it to the broker itself. Absent in letters of the first versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Box<BrokerOrigin>>,
}

impl DeadLetter {
    /// The id of the letter of an event. The same event of another broker user is another letter, whose replay asks about
    /// that user.
    pub fn id_of_event(kind: char, event: &str, origin: Option<&BrokerOrigin>) -> String {
        let user = origin.and_then(|origin| origin.user.as_deref());
        let name = user.map_or_else(|| digest(&[event]), |user| digest(&[event, user]));
        name[..12].iter().fold(kind.to_string(), |id, byte| format!("{id}{byte:02x}"))
    }

    /// Whether it goes with a run at the latest: a message of that died.
    pub fn is_of_run(&self) -> bool {
        self.message.is_some()
    }

    /// Whether nothing tells who published the event: it was refused by a version that did not keep that.
    pub fn is_of_unknown_publisher(&self) -> bool {
        self.reason == "unreadable" && self.origin.is_none()
    }

    /// The epoch at which the message died, if it was one.
    pub fn died_at_epoch(&self) -> Option<u32> {
        // Letters of the first version name it in their id alone.
        self.epoch.or_else(|| self.id.rsplit('.').next()?.parse().ok())
    }
}
