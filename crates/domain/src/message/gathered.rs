//! A message that is held for a digest, carries one, or is told of by one. In: what its group decided. Out: the message as
//! it stands then.
//!
//! Never: sends anything, or decides who waits.

use jiff::Timestamp;

use super::{Digest, Gathering, Message, MessageContext, MessagePhase};
use crate::{
    ack_code::AckCode,
    id::MessageId,
    provider::{ProviderStatus, Text},
    timeline::{Effects, TimelineEvent},
};

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
        if let MessagePhase::Told { by, .. } = &self.phase { Some(by) } else { None }
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
        let (is_new, heard, known) = if let MessagePhase::Told { heard, status, .. } = &self.phase {
            (false, *heard, Some(*status))
        } else if self.is_held() {
            (true, 0, None)
        } else {
            return;
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
