//! How a phase is stored. In: a phase. Out: the document of the first version, and back.
//!
//! Never: a new spelling without reading the old one: what stands here is what stores hold.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::MessagePhase;
use crate::{
    id::MessageId,
    policy::Rule,
    provider::{ProviderMessageId, ProviderStatus},
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredPhase {
    Queued {
        not_before: Timestamp,
    },
    Dispatching {
        started_at: Timestamp,
        lease_until: Timestamp,
    },
    InDoubt {
        started_at: Timestamp,
        asked: u8,
        ask_at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost_until: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        absent_since: Option<Timestamp>,
    },
    RetryWait {
        until: Timestamp,
    },
    Submitted {
        sid: ProviderMessageId,
        status: ProviderStatus,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    /// One name for two phases: the operator's word tells them apart.
    Held {
        started_at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent_says: Option<String>,
    },
    Told {
        by: MessageId,
        status: ProviderStatus,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
        #[serde(default, skip_serializing_if = "is_zero")]
        heard: u8,
    },
    Suppressed {
        rule: Rule,
    },
    Dead {
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    Expired,
    Cancelled,
}

fn is_zero(count: &u8) -> bool {
    *count == 0
}

impl From<StoredPhase> for MessagePhase {
    fn from(stored: StoredPhase) -> Self {
        match stored {
            StoredPhase::Queued { not_before } => Self::Queued { not_before },
            StoredPhase::Dispatching { started_at, lease_until } => {
                Self::Dispatching { started_at, lease_until }
            }
            StoredPhase::InDoubt { started_at, asked, ask_at, lost_until, absent_since } => {
                Self::InDoubt { started_at, asked, ask_at, lost_until, absent_since }
            }
            StoredPhase::RetryWait { until } => Self::RetryWait { until },
            StoredPhase::Submitted { sid, status, code } => Self::Submitted { sid, status, code },
            StoredPhase::Held { started_at, sent_says: None } => Self::NeedsReview { started_at },
            StoredPhase::Held { started_at, sent_says: Some(by) } => Self::SentUnconfirmed { started_at, by },
            StoredPhase::Told { by, status, code, heard } => Self::Told { by, status, code, heard },
            StoredPhase::Suppressed { rule } => Self::Suppressed { rule },
            StoredPhase::Dead { reason, code } => Self::Dead { reason, code },
            StoredPhase::Expired => Self::Expired,
            StoredPhase::Cancelled => Self::Cancelled,
        }
    }
}

impl From<MessagePhase> for StoredPhase {
    fn from(phase: MessagePhase) -> Self {
        match phase {
            MessagePhase::Queued { not_before } => Self::Queued { not_before },
            MessagePhase::Dispatching { started_at, lease_until } => {
                Self::Dispatching { started_at, lease_until }
            }
            MessagePhase::InDoubt { started_at, asked, ask_at, lost_until, absent_since } => {
                Self::InDoubt { started_at, asked, ask_at, lost_until, absent_since }
            }
            MessagePhase::RetryWait { until } => Self::RetryWait { until },
            MessagePhase::Submitted { sid, status, code } => Self::Submitted { sid, status, code },
            MessagePhase::NeedsReview { started_at } => Self::Held { started_at, sent_says: None },
            MessagePhase::SentUnconfirmed { started_at, by } => {
                Self::Held { started_at, sent_says: Some(by) }
            }
            MessagePhase::Told { by, status, code, heard } => Self::Told { by, status, code, heard },
            MessagePhase::Suppressed { rule } => Self::Suppressed { rule },
            MessagePhase::Dead { reason, code } => Self::Dead { reason, code },
            MessagePhase::Expired => Self::Expired,
            MessagePhase::Cancelled => Self::Cancelled,
        }
    }
}
