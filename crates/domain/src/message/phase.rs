//! Where a message stands. In: nothing. Out: the phases, with what holds in each, and their names.
//!
//! Never: decides when a phase changes; the transitions do.

mod stored;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::MessageId,
    policy::Rule,
    provider::{ProviderMessageId, ProviderStatus},
};

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "stored::StoredPhase", into = "stored::StoredPhase")]
pub enum MessagePhase {
    /// Waits to be sent.
    Queued {
        /// Not before this time.
        not_before: Timestamp,
    },
    /// The intent is stored; the request may be on the wire.
    Dispatching {
        /// When the claim was stored; the request follows at once.
        started_at: Timestamp,
        /// Until when the claim holds.
        lease_until: Timestamp,
    },
    /// No usable answer came: neither sent nor failed.
    InDoubt {
        /// When the request was made.
        started_at: Timestamp,
        /// How often the provider has been asked.
        asked: u8,
        /// When it is asked next.
        ask_at: Timestamp,
        /// Until when a request may have been made without a trace: the store lost writes. Absent for other doubts.
        lost_until: Option<Timestamp>,
        /// When the provider's list was first read whole and had no such text.
        absent_since: Option<Timestamp>,
    },
    /// Certainly not sent; waits to be sent again.
    RetryWait {
        /// The earliest time of the next request.
        until: Timestamp,
    },
    /// The provider has it. A SID exists only from here on.
    Submitted {
        /// Its name there.
        sid: ProviderMessageId,
        /// Its status there.
        status: ProviderStatus,
        /// The error code of a failure.
        code: Option<u32>,
    },
    /// Whether it went out stayed unknown; an operator must find out. Stored and shown as `held`.
    NeedsReview {
        /// When the request was made.
        started_at: Timestamp,
    },
    /// An operator says that it went out, without knowing the provider's id for it.
    SentUnconfirmed {
        /// When the request was made.
        started_at: Timestamp,
        /// The operator who said so.
        by: String,
    },
    /// The digest of another message tells its recipient of it.
    Told {
        /// The message whose text is that digest.
        by: MessageId,
        /// The status of that text.
        status: ProviderStatus,
        /// The error code of a failure.
        code: Option<u32>,
        /// How many replies to it were taken.
        heard: u8,
    },
    /// A rule forbids it.
    Suppressed {
        /// The rule that forbids it.
        rule: Rule,
    },
    /// A permanent failure.
    Dead {
        /// Why, in one word.
        reason: String,
        /// The provider's code, where it gave one.
        code: Option<u32>,
    },
    /// Too late to be of use.
    Expired,
    /// Withdrawn before it was sent.
    Cancelled,
}

impl MessagePhase {
    /// The phase in the words of the design; a submitted message goes by the provider's status.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Dispatching { .. } => "dispatching",
            Self::InDoubt { .. } => "in_doubt",
            Self::RetryWait { .. } => "retry_wait",
            Self::Submitted { status, .. } => match status {
                ProviderStatus::Accepted | ProviderStatus::Queued | ProviderStatus::Sending => "submitted",
                ProviderStatus::Sent => "sent",
                ProviderStatus::Delivered => "delivered",
                ProviderStatus::Undelivered => "undelivered",
                ProviderStatus::Failed => "failed",
            },
            Self::NeedsReview { .. } => "held",
            Self::SentUnconfirmed { .. } => "sent",
            Self::Told { .. } => "told",
            Self::Suppressed { .. } => "suppressed",
            Self::Dead { .. } => "dead",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}
