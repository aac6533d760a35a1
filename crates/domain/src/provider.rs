//! What passes between us and the provider that carries the text, in our words.
//!
//! In: what the provider's adapter saw on the wire. Out: values that the message transitions decide on.
//! Never: names Twilio's parameters, URLs or wire types; those stay in the adapter.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    id::MessageId,
    limits::{PROVIDER_MESSAGE_ID_BYTES_MAX, REQUEST_BEGINS_MS_MAX},
    originator::OriginatorName,
    phone::E164,
};

/// The provider's name for one message: 1 to 64 visible ASCII characters. What they mean is the provider's matter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProviderMessageId(Box<str>);

/// Why a text is not a provider's name for a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a provider's message id: expected 1 to {PROVIDER_MESSAGE_ID_BYTES_MAX} visible ASCII characters"
)]
pub struct InvalidProviderMessageId;

impl ProviderMessageId {
    /// The name as the provider writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderMessageId {
    type Err = InvalidProviderMessageId;

    fn from_str(text: &str) -> Result<Self, InvalidProviderMessageId> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_visible && (1..=PROVIDER_MESSAGE_ID_BYTES_MAX).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidProviderMessageId)
        }
    }
}

impl TryFrom<String> for ProviderMessageId {
    type Error = InvalidProviderMessageId;

    fn try_from(text: String) -> Result<Self, InvalidProviderMessageId> {
        text.parse()
    }
}

impl From<ProviderMessageId> for String {
    fn from(sid: ProviderMessageId) -> Self {
        sid.0.into()
    }
}

impl fmt::Display for ProviderMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProviderMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message's status at the provider.
///
/// Ordered by [`ProviderStatus::rank`]; status is merged by rank and never goes backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderStatus {
    /// Stored by the provider, sender not chosen yet.
    Accepted,
    /// Waiting for the sender's send rate.
    Queued,
    /// Being handed upstream.
    Sending,
    /// The upstream carrier took it. May be the last status ever seen.
    Sent,
    /// A receipt says that it arrived.
    Delivered,
    /// A receipt says that it did not arrive.
    Undelivered,
    /// It was never sent.
    Failed,
}

impl ProviderStatus {
    /// How far along the status is, 0 to 4. A lower rank never replaces a higher one.
    pub fn rank(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Queued => 1,
            Self::Sending => 2,
            Self::Sent => 3,
            Self::Delivered | Self::Undelivered | Self::Failed => 4,
        }
    }

    /// Its name in metrics, timelines and logs, as the provider writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
        }
    }

    /// Whether no further status is expected.
    pub fn is_final(self) -> bool {
        self.rank() == 4
    }

    /// Whether the text is known not to have arrived.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Undelivered | Self::Failed)
    }
}

/// What a failure code asks of us. The code table is data of the adapter, with a safe default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Transient and certainly not processed: retry soon, with backoff.
    RetrySoon,
    /// Retry after a longer delay.
    RetryLater,
    /// The outcome is unknown: reconcile before sending again.
    Ambiguous,
    /// Permanent for this recipient.
    Recipient,
    /// The recipient has opted out; never retry until they opt in again.
    OptedOut,
    /// Permanent until our request, content, sender or registration changes.
    Configuration,
    /// The number or the service that it came from may not text there until its registration changes: another one may.
    Originator,
    /// The whole account is stopped: page someone.
    Account,
    /// Nothing to do.
    Informational,
}

impl FailureClass {
    /// Its name in metrics and in the table of codes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RetrySoon => "retry_soon",
            Self::RetryLater => "retry_later",
            Self::Ambiguous => "ambiguous",
            Self::Recipient => "recipient",
            Self::OptedOut => "opted_out",
            Self::Configuration => "configuration",
            Self::Originator => "originator",
            Self::Account => "account",
            Self::Informational => "informational",
        }
    }
}

/// One request to send one text.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Our id, carried back by every status callback.
    pub message: MessageId,
    /// Which attempt this is, from 1; carried back as well.
    pub attempt: u16,
    /// Whom it comes from.
    pub originator: OriginatorName,
    /// The recipient.
    pub to: E164,
    /// The whole text.
    pub body: Text,
    /// Pictures to attach; makes an MMS.
    pub media: Vec<url::Url>,
    /// How long the text stays useful, in seconds; the provider drops it afterwards.
    pub validity_s: u32,
}

/// The text of a message. `Debug` prints its length alone, so that it cannot reach a log.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub Box<str>);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} characters>", self.0.chars().count())
    }
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// The provider took it and named it.
    Sent {
        /// Its name there.
        sid: ProviderMessageId,
        /// Its first status.
        status: ProviderStatus,
    },
    /// The provider certainly did not take it.
    NotSent(Refusal),
    /// The result is unknown: ask before sending again.
    InDoubt {
        /// What was seen, without secrets, text or numbers.
        reason: String,
    },
}

impl SubmitOutcome {
    /// The outcome of a request that must not begin any more, because so much time passed since its claim that others
    /// may take it for lost: its process was paused. `None`: it may begin.
    pub fn of_late_request(claimed_at: Timestamp, now: Timestamp) -> Option<Self> {
        let is_late = now.duration_since(claimed_at) > SignedDuration::from_millis(REQUEST_BEGINS_MS_MAX);
        is_late.then(|| {
            let reason = "the process was paused before the request".to_owned();
            Self::NotSent(Refusal {
                code: None,
                class: FailureClass::RetrySoon,
                of_originator: false,
                retry_after_ms: None,
                reason,
            })
        })
    }
}

/// Why the provider did not take a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The provider's error code, where it gave one.
    pub code: Option<u32>,
    /// What the code asks of us.
    pub class: FailureClass,
    /// Whether it is about the originator, so that another one may be taken.
    pub of_originator: bool,
    /// How long the provider asked us to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// What was seen, without secrets, text or numbers.
    pub reason: String,
}

/// A message as the provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderMessage {
    /// Its name there.
    pub sid: ProviderMessageId,
    /// How far the provider got with it.
    pub status: ProviderStatus,
    /// The error code of a failure.
    pub error_code: Option<u32>,
    /// The recipient.
    pub to: E164,
    /// The sending number; absent until the provider chose one.
    pub from: Option<String>,
    /// The messaging service it went through.
    pub service: Option<String>,
    /// The whole text; empty once redacted.
    pub body: Text,
    /// When the provider created it, to the second.
    pub created_at: Timestamp,
    /// How many segments it was split into, where known.
    pub segments: Option<u8>,
}

/// A status of one of our texts, as the provider reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// Our id of the message, which comes back with every report; absent if the text was not sent by us.
    pub message: Option<MessageId>,
    /// The provider's id of the text.
    pub sid: ProviderMessageId,
    /// The status; absent for a word that says nothing about an outbound text.
    pub status: Option<ProviderStatus>,
    /// The provider's own word for it, at most 32 characters.
    pub raw_status: String,
    /// The error code of a failure.
    pub code: Option<u32>,
    /// The beginning of what stood where the code should, if it was no number.
    pub unread_code: Option<String>,
    /// What that code asks of us.
    pub class: FailureClass,
}

/// A text that a recipient sent to one of our numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct InboundText {
    /// The provider's id of the text; the same in every repetition of the post.
    pub sid: ProviderMessageId,
    /// The phone it came from.
    pub from: E164,
    /// The whole text; empty for a picture alone.
    pub body: String,
    /// What the text asks of the provider, if it is one of its keywords.
    pub keyword: Option<InboundKeyword>,
}

/// Words by which a recipient changes what they agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboundKeyword {
    /// No more texts.
    Stop,
    /// Texts again.
    Start,
    /// Who is this? The provider answers.
    Help,
}

impl fmt::Debug for InboundText {
    /// The length of the text alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboundText")
            .field("sid", &self.sid)
            .field("from", &self.from)
            .field("characters", &self.body.chars().count())
            .field("keyword", &self.keyword)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_s_name_is_short_and_visible_and_prints_as_it_is() {
        for text in ["7", "SM0f", "b5/a~!", &"x".repeat(64)] {
            let sid: ProviderMessageId = text.parse().unwrap();
            assert_eq!((sid.to_string(), format!("{sid:?}")), (text.to_owned(), text.to_owned()));
        }
        for wrong in ["", "a b", "a\n", "ü", "\u{7f}", &"x".repeat(65)] {
            assert_eq!(wrong.parse::<ProviderMessageId>(), Err(InvalidProviderMessageId), "{wrong}");
        }
    }

    #[test]
    fn a_text_that_is_printed_says_its_length_alone() {
        assert_eq!(format!("{:?}", Text("Disk full: db-1".into())), "<15 characters>");
    }

    #[test]
    fn a_request_begins_only_while_its_answer_can_come_before_the_claim_lapses() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let late = |ms| SubmitOutcome::of_late_request(at(0), at(ms));
        assert_eq!((late(0), late(REQUEST_BEGINS_MS_MAX)), (None, None));
        let Some(SubmitOutcome::NotSent(refusal)) = late(REQUEST_BEGINS_MS_MAX + 1) else {
            panic!("it may not begin")
        };
        assert_eq!(refusal.class, FailureClass::RetrySoon);
    }
}
