//! Settling doubt: when the provider is asked what became of a text, and how its answer is read.
//!
//! In: the message in doubt and what the provider lists. Out: one of three answers.
//! Never: takes a provider message that is already bound to another of ours.

use jiff::Timestamp;

use crate::{
    carrier::{CarrierMessage, CarrierStatus, FailureClass, MessageSid},
    limits::CARRIER_ANSWER_MS_MAX,
    message::Message,
    moment::{after_ms, after_s},
};

/// When the provider is asked, in seconds after the request: the answer's longest time and 30 s, then 1, 3 and 10 min.
const ASK_AFTER_S: [i64; 4] = [40, 60, 180, 600];
const _: () = assert!(ASK_AFTER_S[0] * 1_000 >= CARRIER_ANSWER_MS_MAX as i64 + 30_000);

/// The shortest time between two questions, in seconds. After an outage all of them are overdue, and asking at once
/// four times of a provider that does not answer is no better than asking once.
const ASK_GAP_S: i64 = ASK_AFTER_S[1] - ASK_AFTER_S[0];

/// How far the provider's clock may be from ours, in seconds.
const CLOCK_SKEW_S: i64 = 120;

/// What the provider says became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoubtAnswer {
    /// It has the text.
    Found {
        /// Its name for it.
        sid: MessageSid,
        /// Its status.
        status: CarrierStatus,
        /// The error code of a failure.
        code: Option<u32>,
        /// What that code asks of us.
        class: FailureClass,
        /// What the match rests on.
        evidence: String,
    },
    /// It does not.
    NotFound {
        /// What was looked at.
        evidence: String,
    },
    /// It could not be asked.
    NoAnswer {
        /// Why.
        reason: String,
    },
}

/// When a doubt that has been asked about `asked` times is asked about next.
pub fn ask_again_at(started_at: Timestamp, asked: u8) -> Timestamp {
    let last = ASK_AFTER_S.len() - 1;
    after_s(started_at, ASK_AFTER_S[usize::from(asked).min(last)])
}

/// As [`ask_again_at`], for a question that follows one answered at `now`.
pub fn ask_after_answer(started_at: Timestamp, asked: u8, now: Timestamp) -> Timestamp {
    ask_again_at(started_at, asked).max(after_s(now, ASK_GAP_S))
}

/// Whether every question has been asked.
pub fn is_given_up(asked: u8) -> bool {
    usize::from(asked) >= ASK_AFTER_S.len()
}

/// The window of creation times to list at the provider, for a request made at `started_at`.
pub fn window(started_at: Timestamp) -> (Timestamp, Timestamp) {
    let answered_at = after_ms(started_at, CARRIER_ANSWER_MS_MAX as i64);
    (after_s(started_at, -CLOCK_SKEW_S), after_s(answered_at, CLOCK_SKEW_S))
}

/// Reads the provider's list. `unbound` leaves out what is bound to another message already.
///
/// Of several that match, the oldest is taken: requests are told apart by their order alone.
pub fn read_answer<'a>(
    message: &Message,
    unbound: impl IntoIterator<Item = &'a CarrierMessage>,
    classify: impl Fn(Option<u32>) -> FailureClass,
) -> DoubtAnswer {
    let wanted = normalised(&message.text.0);
    let mut looked_at = 0u32;
    let mut matches: Vec<&CarrierMessage> = unbound
        .into_iter()
        .inspect(|_| looked_at += 1)
        .filter(|found| {
            found.to == message.recipient.number && is_same_text(&normalised(&found.body.0), &wanted)
        })
        .collect();
    matches.sort_by(|a, b| (a.created_at, &a.sid).cmp(&(b.created_at, &b.sid)));
    match matches.first() {
        Some(found) => DoubtAnswer::Found {
            sid: found.sid.clone(),
            status: found.status,
            code: found.error_code,
            class: classify(found.error_code),
            evidence: format!(
                "{} of {looked_at} listed messages have the same text; the oldest is taken",
                matches.len()
            ),
        },
        None => DoubtAnswer::NotFound {
            evidence: format!("none of {looked_at} listed messages has the same text"),
        },
    }
}

/// Whether the provider's text is ours, but for the prefix of a trial account, which ends in a dash.
/// A longer text that merely ends as ours does is another one.
fn is_same_text(found: &str, wanted: &str) -> bool {
    found.strip_suffix(wanted).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with(" - "))
}

/// The text without what the provider may change: spaces, and look-alikes that smart encoding replaces.
fn normalised(text: &str) -> String {
    crate::gsm7::fold(text).split_whitespace().collect::<Vec<_>>().join(" ")
}
