//! What a message has to do with a digest. In: nothing. Out: the types, as they are stored.
//!
//! Never: says what follows; `gathered` does.

use serde::{Deserialize, Serialize};

use crate::id::MessageId;

/// What a group decided about a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gathering {
    /// It goes by itself, or carries a digest.
    Passed,
    /// It waits for a digest of its group.
    Held {
        /// With what else waits for quiet hours to end.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        quiet: bool,
        /// The message whose text will be that digest, once that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carrier: Option<MessageId>,
    },
}

/// What a message tells of beside its own run: exactly that is acknowledged with its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// The messages that it stands for.
    pub members: Vec<MessageId>,
    /// What its recipient replied, in order. Their runs take it from here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<DigestReply>,
}

/// What the recipient of a digest said, of all that it tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestReply {
    /// The name of the person.
    pub by: String,
    /// How: `reply`, `link`.
    pub via: String,
    /// They hand the runs on instead of taking them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hands_over: bool,
}
