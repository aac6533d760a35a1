//! A message that is held for a digest, carries one, or is told of by one. In: what its group decided. Out: the message as
//! it stands then.
//!
//! Never: sends anything, or decides who waits.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Message, MessageContext, MessagePhase};
use crate::{
    ack_code::AckCode,
    id::MessageId,
    provider::{ProviderStatus, Text},
    timeline::{Effects, TimelineEvent},
};

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

impl Message {
    /// What its group decided; absent where no group was asked.
    pub fn gathering(&self) -> Option<&Gathering> {
        self.gathering.as_ref()
    }

    pub(crate) fn set_gathering(&mut self, gathering: Gathering) {
        self.gathering = Some(gathering);
    }

    /// Whether it waits for a digest of its group.
    pub fn is_held(&self) -> bool {
        matches!(self.gathering, Some(Gathering::Held { .. })) && self.is_waiting()
    }

    /// What it tells of beside its own run.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_deref()
    }

    pub(crate) fn digest_mut(&mut self) -> Option<&mut Digest> {
        self.digest.as_deref_mut()
    }

    /// The message whose digest told of it.
    pub fn told_by(&self) -> Option<&MessageId> {
        match &self.phase {
            MessagePhase::Told { by, .. } => Some(by),
            _ => None,
        }
    }

    /// It carries the digest of these messages from now on, with this text.
    pub(crate) fn carry(
        &mut self,
        members: Vec<MessageId>,
        text: Text,
        segments: u8,
        ack: Option<AckCode>,
        now: Timestamp,
    ) {
        self.take_text(text, segments);
        self.ack = ack;
        self.digest = Some(Box::new(Digest { members, replies: Vec::new() }));
        self.gathering = Some(Gathering::Passed);
        self.wait(MessagePhase::Queued { not_before: now });
    }

    /// It goes with its own text after all.
    pub(crate) fn pass(&mut self) {
        self.gathering = Some(Gathering::Passed);
    }

    pub(super) fn told(
        &mut self,
        by: &MessageId,
        status: ProviderStatus,
        code: Option<u32>,
        ctx: &MessageContext<'_>,
        fx: &mut Effects,
    ) {
        let (is_new, heard, known) = match &self.phase {
            MessagePhase::Told { heard, status, .. } => (false, *heard, Some(*status)),
            _ if self.is_held() => (true, 0, None),
            _ => return,
        };
        if known.is_some_and(|known| known.rank() >= status.rank()) {
            return;
        }
        if is_new {
            let poll_at = ctx.poll.first(ctx.deliver_within_s, ctx.now);
            self.wait(MessagePhase::Told { by: by.clone(), status, code, heard });
            self.poll_at = poll_at;
            self.quiet_since = None;
            self.forget_more_numbers();
            fx.note(ctx.now, self.number, TimelineEvent::Told { by: by.clone() });
        } else {
            self.phase = MessagePhase::Told { by: by.clone(), status, code, heard };
        }
        if status == ProviderStatus::Delivered || status.is_failure() {
            self.poll_at = None;
            fx.note(ctx.now, self.number, TimelineEvent::DigestStatus { status, code });
        }
    }

    /// How many replies to the digest it has taken, and from now on takes.
    pub(crate) fn hear(&mut self, replies: usize) -> usize {
        let MessagePhase::Told { heard, .. } = &mut self.phase else { return replies };
        usize::from(std::mem::replace(heard, replies.min(usize::from(u8::MAX)) as u8))
    }
}
