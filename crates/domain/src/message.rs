//! One text to one recipient for one step, and how it may change.
//!
//! In: what the step composed. Out: where the message stands; `transition` holds how that changes.
//! Never: has a provider's name before the provider gave one.

mod digest;
mod doubt;
mod due;
mod event;
mod gathered;
mod phase;
mod reported;
mod transition;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use digest::{Digest, DigestReply, Gathering};
pub use event::{MessageContext, MessageEvent, ReviewVerdict};
pub use phase::MessagePhase;

use crate::{
    ack_code::AckCode,
    consent::ConsentChange,
    directory::Recipient,
    link_secret::LinkSecret,
    originator::OriginatorName,
    provider::{ProviderMessageId, ProviderStatus, Text},
    timeline::Failure,
};

/// One text to one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    number: u16,
    step: u8,
    recipient: Recipient,
    /// An absent text is stored as an empty one.
    #[serde(with = "stored_text")]
    text: Option<Text>,
    segments: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ack: Option<AckCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<LinkSecret>,
    phase: MessagePhase,
    epoch: u32,
    attempt: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_attempt_at: Option<Timestamp>,
    #[serde(default, rename = "nudge_at", skip_serializing_if = "Option::is_none")]
    rewake_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    poll_at: Option<Timestamp>,
    /// How often the provider has been asked for its status.
    #[serde(default, skip_serializing_if = "is_zero")]
    polls: u16,
    #[serde(default, rename = "excused", skip_serializing_if = "is_zero")]
    uncounted_attempts: u16,
    #[serde(default, rename = "spent", skip_serializing_if = "Vec::is_empty")]
    failed_sids: Vec<ProviderMessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slot_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    recipient_charged: bool,
    /// Whom its latest attempt came from; absent where there was no choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<OriginatorName>,
    /// Those that the provider refused for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused_from: Vec<OriginatorName>,
    /// Its recipient wants no more texts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    opted_out: bool,
    /// Since when it waits for quiet hours to end. Kept until its next request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quiet_since: Option<Timestamp>,
    /// Which start of a step it belongs to; absent where that is the step's own number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<u16>,
    /// When it was made; absent where no other number of its recipient could follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_at: Option<Timestamp>,
    /// The number of the message that it follows, which was not delivered to another number of its recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    follows: Option<u16>,
    /// Its recipient has acknowledged, and its step waits for others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    acknowledged: bool,
    /// What its group decided; absent where none was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gathering: Option<Gathering>,
    /// What it tells of beside its own run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Box<Digest>>,
}

/// A text that could not be composed is stored as an empty one, as the first version did.
mod stored_text {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::provider::Text;

    pub(super) fn serialize<S: Serializer>(text: &Option<Text>, serializer: S) -> Result<S::Ok, S::Error> {
        text.as_ref().map_or("", |text| &text.0).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Text>, D::Error> {
        let text = Text::deserialize(deserializer)?;
        Ok((!text.0.is_empty()).then_some(text))
    }
}

fn is_zero(count: &u16) -> bool {
    *count == 0
}

impl Message {
    /// A message that waits for its text and for the policy.
    pub(crate) fn new(
        number: u16,
        step: u8,
        recipient: Recipient,
        ack: Option<AckCode>,
        now: Timestamp,
    ) -> Self {
        Self {
            number,
            step,
            recipient,
            text: None,
            segments: 0,
            ack,
            link: None,
            phase: MessagePhase::Queued { not_before: now },
            epoch: 0,
            attempt: 0,
            first_attempt_at: None,
            rewake_at: None,
            poll_at: None,
            polls: 0,
            uncounted_attempts: 0,
            failed_sids: Vec::new(),
            slot_at: None,
            recipient_charged: false,
            from: None,
            refused_from: Vec::new(),
            opted_out: false,
            quiet_since: None,
            start: None,
            made_at: None,
            follows: None,
            acknowledged: false,
            gathering: None,
            digest: None,
        }
    }

    /// The same in this start of its step.
    pub(crate) fn of_start(self, start: u16) -> Self {
        Self { start: (start != u16::from(self.step)).then_some(start), ..self }
    }

    /// The same, where other numbers of its recipient may follow.
    pub(crate) fn made_at(self, now: Timestamp) -> Self {
        Self { made_at: Some(now), ..self }
    }

    /// The same text under its own number to the next number of its recipient, which it leaves to that message.
    pub(crate) fn pass_to_next_number(&mut self, number: u16, now: Timestamp) -> Option<Self> {
        let mut more_numbers = std::mem::take(&mut self.recipient.more_numbers);
        if more_numbers.is_empty() {
            return None;
        }
        let next = more_numbers.remove(0);
        let recipient = Recipient { number: next, more_numbers, ..self.recipient.clone() };
        let mut message = Self::new(number, self.step, recipient, self.ack, now).of_start(self.start());
        message.text.clone_from(&self.text);
        message.segments = self.segments;
        message.link.clone_from(&self.link);
        message.follows = Some(self.number);
        message.gathering = Some(Gathering::Passed);
        message.digest.clone_from(&self.digest);
        Some(message.made_at(now))
    }

    /// Skips the number that this message would have gone to: another text of the step goes there.
    pub(crate) fn take_more_numbers(&mut self, skipped: &Self) {
        self.recipient.more_numbers.clone_from(&skipped.recipient.more_numbers);
    }

    /// Forgets the numbers that could have followed.
    pub(crate) fn forget_more_numbers(&mut self) {
        self.recipient.more_numbers.clear();
    }

    /// Its recipient acknowledged, or another text to the same person did.
    pub(crate) fn take_acknowledgement(&mut self) {
        self.acknowledged = true;
    }

    /// Its number within the run, from 1.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The step it belongs to, from 0.
    pub fn step(&self) -> u8 {
        self.step
    }

    /// Which start of a step it belongs to, from 0.
    pub fn start(&self) -> u16 {
        self.start.unwrap_or(u16::from(self.step))
    }

    /// When it was made; absent where no other number of its recipient could follow.
    pub(crate) fn was_made_at(&self) -> Option<Timestamp> {
        self.made_at
    }

    /// The number of the message to the same person that it follows, as that one was not delivered.
    pub fn follows(&self) -> Option<u16> {
        self.follows
    }

    /// Whether its recipient has acknowledged while its step waits for others.
    pub fn is_acknowledged(&self) -> bool {
        self.acknowledged
    }

    /// The person and the number that it goes to.
    pub fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// What it says; absent where it could not be composed, and once it was kept for long enough.
    pub fn text(&self) -> Option<&Text> {
        self.text.as_ref()
    }

    /// How many segments its text takes.
    pub fn segments(&self) -> u8 {
        self.segments
    }

    /// What a reply must name to acknowledge; absent where no step of the workflow waits for an acknowledgement.
    pub fn ack(&self) -> Option<AckCode> {
        self.ack
    }

    /// What its link ends in; absent where its text has none.
    pub fn link(&self) -> Option<&LinkSecret> {
        self.link.as_ref()
    }

    /// Gives it a link.
    pub(crate) fn take_link(&mut self, link: LinkSecret) {
        self.link = Some(link);
    }

    /// Forgets what it said.
    pub(crate) fn remove_text(&mut self) {
        self.text = None;
    }

    /// It waits for quiet hours to end, from now on if it did not before.
    pub(crate) fn note_quiet(&mut self, now: Timestamp) {
        self.quiet_since.get_or_insert(now);
    }

    /// Since when it waits for quiet hours to end; absent where it does not.
    pub fn quiet_since(&self) -> Option<Timestamp> {
        self.quiet_since
    }

    /// Its recipient opted out after it was composed, or in again.
    pub(crate) fn take_consent_change(&mut self, change: ConsentChange) {
        self.opted_out = change == ConsentChange::OptOut;
    }

    /// What it says, for others than its recipient: without the secret of its link, which would acknowledge for them.
    pub fn shown_text(&self) -> Option<String> {
        let text = self.text.as_ref()?;
        Some(self.link.as_ref().map_or_else(|| text.0.to_string(), |link| link.hidden_in(&text.0)))
    }

    /// Where it stands.
    pub fn phase(&self) -> &MessagePhase {
        &self.phase
    }

    /// Rises at every claim, retry, replay and cancel; a command with another epoch is stale.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Requests made to the provider.
    pub fn attempt(&self) -> u16 {
        self.attempt
    }

    /// Whom it should not come from again: those that were refused for it, and the one whose attempt was not delivered.
    pub(crate) fn spent_originators(&self) -> Vec<&OriginatorName> {
        let undelivered = self.from.as_ref().filter(|_| !self.failed_sids.is_empty());
        self.refused_from.iter().chain(undelivered).collect()
    }

    /// Whom the latest attempt came from; absent where there was no choice.
    pub(crate) fn from(&self) -> Option<&OriginatorName> {
        self.from.as_ref()
    }

    /// When the first request was made; absent before, and again after a replay.
    pub fn first_attempt_at(&self) -> Option<Timestamp> {
        self.first_attempt_at
    }

    /// When its wake-up is repeated if nothing happens.
    pub fn rewake_at(&self) -> Option<Timestamp> {
        self.rewake_at
    }

    /// When the provider is asked for a status that no callback has brought.
    pub fn poll_at(&self) -> Option<Timestamp> {
        self.poll_at
    }

    /// Attempts that do not count against the retry policy.
    pub fn uncounted_attempts(&self) -> u16 {
        self.uncounted_attempts
    }

    /// The provider's names of earlier attempts that it took and could not deliver.
    pub fn failed_sids(&self) -> &[ProviderMessageId] {
        &self.failed_sids
    }

    /// The sender's slot that it waits for and has paid for.
    pub fn slot_at(&self) -> Option<Timestamp> {
        self.slot_at
    }

    /// Whether the recipient's hourly quota was charged for it.
    pub fn recipient_charged(&self) -> bool {
        self.recipient_charged
    }

    /// The provider's name for it, once bound.
    pub fn sid(&self) -> Option<&ProviderMessageId> {
        match &self.phase {
            MessagePhase::Submitted { sid, .. } => Some(sid),
            MessagePhase::Queued { .. }
            | MessagePhase::Dispatching { .. }
            | MessagePhase::InDoubt { .. }
            | MessagePhase::RetryWait { .. }
            | MessagePhase::NeedsReview { .. }
            | MessagePhase::SentUnconfirmed { .. }
            | MessagePhase::Told { .. }
            | MessagePhase::Suppressed { .. }
            | MessagePhase::Dead { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => None,
        }
    }

    /// Whether it arrived, or the digest that tells of it did.
    pub fn is_delivered(&self) -> bool {
        let delivered = ProviderStatus::Delivered;
        matches!(&self.phase, MessagePhase::Submitted { status, .. } | MessagePhase::Told { status, .. }
            if *status == delivered)
    }

    /// Whether an answer to it can be expected: it may still arrive, or has, and its recipient did not opt out since.
    pub fn may_be_answered(&self) -> bool {
        self.is_alive() && !self.opted_out
    }

    /// Whether it may still arrive, or has.
    pub fn is_alive(&self) -> bool {
        match &self.phase {
            MessagePhase::Queued { .. }
            | MessagePhase::Dispatching { .. }
            | MessagePhase::InDoubt { .. }
            | MessagePhase::RetryWait { .. }
            | MessagePhase::NeedsReview { .. }
            | MessagePhase::SentUnconfirmed { .. } => true,
            MessagePhase::Submitted { status, .. } | MessagePhase::Told { status, .. } => {
                !status.is_failure()
            }
            MessagePhase::Suppressed { .. }
            | MessagePhase::Dead { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => false,
        }
    }

    /// Whether it waits for a worker to send it.
    pub fn is_waiting(&self) -> bool {
        matches!(self.phase, MessagePhase::Queued { .. } | MessagePhase::RetryWait { .. })
    }

    /// Whether an operator must say what became of it.
    pub fn needs_review(&self) -> bool {
        matches!(self.phase, MessagePhase::NeedsReview { .. })
    }

    /// Whether it waits to be sent again after the provider refused it.
    pub fn is_retry(&self) -> bool {
        matches!(self.phase, MessagePhase::RetryWait { .. })
    }

    /// Attempts that count against the retry policy.
    pub fn counted_attempts(&self) -> u16 {
        self.attempt.saturating_sub(self.uncounted_attempts)
    }

    /// Whether nothing more can happen to it but a late status.
    pub fn is_final(&self) -> bool {
        match &self.phase {
            MessagePhase::Submitted { status, .. } | MessagePhase::Told { status, .. } => {
                status.is_final() || self.poll_at.is_none()
            }
            MessagePhase::NeedsReview { .. } | MessagePhase::SentUnconfirmed { .. } => true,
            MessagePhase::Queued { .. }
            | MessagePhase::Dispatching { .. }
            | MessagePhase::InDoubt { .. }
            | MessagePhase::RetryWait { .. } => false,
            MessagePhase::Suppressed { .. }
            | MessagePhase::Dead { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => true,
        }
    }

    /// What became of it, if somebody has to look after it.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match &self.phase {
            MessagePhase::Dead { .. } => Some(Failure::Undeliverable),
            MessagePhase::Submitted { status, .. } | MessagePhase::Told { status, .. } => {
                (status.is_failure() && self.is_final()).then_some(Failure::Undeliverable)
            }
            MessagePhase::NeedsReview { .. } => Some(Failure::NeedsReview),
            MessagePhase::Queued { .. }
            | MessagePhase::Dispatching { .. }
            | MessagePhase::InDoubt { .. }
            | MessagePhase::RetryWait { .. }
            | MessagePhase::SentUnconfirmed { .. }
            | MessagePhase::Suppressed { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => None,
        }
    }

    /// Whether something is still to be done or expected, or an operator must say what became of it.
    pub fn is_unfinished(&self) -> bool {
        !self.is_final() || self.needs_review()
    }
}
