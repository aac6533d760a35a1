//! Resolving a doubt: when the provider is asked what became of a text, and how its answer is read.
//!
//! In: the message in doubt and what the provider lists. Out: one of three answers.
//! Never: takes a provider message that is already bound to another of ours.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::MessageId,
    limits::PROVIDER_ANSWER_MS_MAX,
    phone::E164,
    provider::{FailureClass, ProviderMessage, ProviderMessageId, ProviderStatus, Text},
    time::{after_ms, after_s},
};

/// The shortest time between two questions, in seconds. After an outage all of them are overdue, and asking at once
/// four times of a provider that does not answer is no better than asking once.
const ASK_GAP_S: i64 = 15;

/// When the provider is asked about a text in doubt, in seconds after the request, rising.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DoubtSchedule(pub Vec<u32>);

impl Default for DoubtSchedule {
    /// 20 s, in which a status callback usually resolves it; then 1, 3 and 10 min.
    fn default() -> Self {
        Self(vec![20, 60, 180, 600])
    }
}

impl DoubtSchedule {
    /// For urgent texts: 5, 20 and 60 s, then 3 and 10 min.
    pub fn urgent() -> Self {
        Self(vec![5, 20, 60, 180, 600])
    }
}

impl DoubtSchedule {
    /// When a doubt that has been asked about `asked` times is asked about next.
    pub fn ask_again_at(&self, started_at: Timestamp, asked: u8) -> Timestamp {
        let after = self.0.get(usize::from(asked)).or(self.0.last());
        after_s(started_at, i64::from(after.copied().unwrap_or(0)))
    }

    /// As [`DoubtSchedule::ask_again_at`], for a question that follows one answered at `now`.
    pub fn ask_after_answer(&self, started_at: Timestamp, asked: u8, now: Timestamp) -> Timestamp {
        self.ask_again_at(started_at, asked).max(after_s(now, ASK_GAP_S))
    }

    /// Whether every question has been asked.
    pub fn is_given_up(&self, asked: u8) -> bool {
        usize::from(asked) >= self.0.len()
    }
}

/// How far the provider's clock may be from ours, in seconds.
const CLOCK_SKEW_S: i64 = 120;

/// What the provider says became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DoubtAnswer {
    /// It has the text.
    Found {
        /// Its name for it.
        sid: ProviderMessageId,
        /// How far the provider got with it.
        status: ProviderStatus,
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
        /// What was seen instead of an answer.
        reason: String,
    },
}

/// The window of creation times to list at the provider, for a request made at `started_at`, or at any time from then
/// to `lost_until`.
pub fn window(started_at: Timestamp, lost_until: Option<Timestamp>) -> (Timestamp, Timestamp) {
    let last = lost_until.map_or(started_at, |until| until.max(started_at));
    let answered_at = after_ms(last, PROVIDER_ANSWER_MS_MAX as i64);
    (after_s(started_at, -CLOCK_SKEW_S), after_s(answered_at, CLOCK_SKEW_S))
}

/// The text in doubt, as the provider would list it.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    /// Whom it was sent to.
    pub number: &'a E164,
    /// What it says.
    pub text: &'a Text,
    /// The provider's ids of earlier attempts, which failed.
    pub failed_sids: &'a [ProviderMessageId],
}

/// Whether a listed text may be the one that is asked about, which is `message`: it is bound to no other message.
pub fn is_candidate(bound_to: Option<&MessageId>, message: &MessageId) -> bool {
    bound_to.is_none_or(|bound| bound == message)
}

/// Reads the provider's list. `unbound` leaves out what is bound to another message already; earlier attempts of this
/// one, which failed, are left out here.
///
/// Of several that match, the oldest is taken: requests are told apart by their order alone.
pub fn read_answer<'a>(
    sought: &Sought<'_>,
    unbound: impl IntoIterator<Item = &'a ProviderMessage>,
    classify: impl Fn(Option<u32>) -> FailureClass,
) -> DoubtAnswer {
    let wanted = normalised(&sought.text.0);
    let mut looked_at = 0u32;
    let mut matches: Vec<&ProviderMessage> = unbound
        .into_iter()
        .inspect(|_| looked_at += 1)
        .filter(|found| {
            found.to == *sought.number
                && !sought.failed_sids.contains(&found.sid)
                && is_same_text(&normalised(&found.body.0), &wanted)
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

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const OURS: &str = "HIGH: “db-1” is down. Reply K7X4.";

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_800_000_000 + second)
    }

    fn listed(name: u32, body: &str, created: i64) -> ProviderMessage {
        ProviderMessage {
            sid: format!("SM{name:032x}").parse().unwrap(),
            status: ProviderStatus::Failed,
            error_code: Some(30_003),
            to: "+14155550100".parse().unwrap(),
            from: None,
            service: None,
            body: Text(body.into()),
            created_at: at(created),
            segments: None,
        }
    }

    fn read_answer_to(
        text: &str,
        listed: &[ProviderMessage],
        classify: impl Fn(Option<u32>) -> FailureClass,
    ) -> DoubtAnswer {
        let (number, text) = ("+14155550100".parse().unwrap(), Text(text.into()));
        read_answer(&Sought { number: &number, text: &text, failed_sids: &[] }, listed, classify)
    }

    /// Which of the listed messages is taken, by the last digits of its name.
    fn taken(text: &str, listed: &[ProviderMessage]) -> Option<u32> {
        match read_answer_to(text, listed, |_| FailureClass::Recipient) {
            DoubtAnswer::Found { sid, status, code, class, .. } => {
                assert_eq!(
                    (status, code, class),
                    (ProviderStatus::Failed, Some(30_003), FailureClass::Recipient)
                );
                u32::from_str_radix(&sid.as_str()[2..], 16).ok()
            }
            DoubtAnswer::NotFound { .. } => None,
            DoubtAnswer::NoAnswer { reason } => panic!("the list was there: {reason}"),
        }
    }

    #[test]
    fn a_text_is_known_again_whatever_smart_encoding_and_spacing_made_of_it() {
        for body in [
            OURS,
            "HIGH: \"db-1\" is down. Reply K7X4.",
            "  HIGH: \u{201e}db-1\u{201d}\u{a0}is   down.\nReply K7X4. ",
            "Sent from your Twilio trial account - HIGH: \"db-1\" is down. Reply K7X4.",
        ] {
            assert_eq!(taken(OURS, &[listed(1, body, 0)]), Some(1), "{body}");
        }
    }

    #[test]
    fn another_text_or_another_phone_is_no_match() {
        for body in
            ["", "HIGH: \"db-2\" is down. Reply K7X4.", "high: \"db-1\" is down. reply k7x4.", "K7X4."]
        {
            assert_eq!(taken(OURS, &[listed(1, body, 0)]), None, "{body}");
        }
        assert_eq!(
            taken("is down.", &[listed(1, "db-1 is down.", 0)]),
            None,
            "one that ends as ours is longer"
        );
        let elsewhere = ProviderMessage { to: "+14155550199".parse().unwrap(), ..listed(1, OURS, 0) };
        assert_eq!(taken(OURS, &[elsewhere]), None);
        assert_eq!(taken(OURS, &[]), None);
    }

    #[test]
    fn of_several_the_oldest_is_taken_and_of_one_second_the_same_one_always() {
        let (a, b, c) = (listed(3, OURS, 2), listed(2, OURS, 1), listed(1, "another", 0));
        assert_eq!(taken(OURS, &[a.clone(), b.clone(), c]), Some(2));
        let twin = listed(9, OURS, 1);
        assert_eq!(taken(OURS, &[twin.clone(), b.clone()]), Some(2));
        assert_eq!(taken(OURS, &[b, twin]), Some(2));
    }

    #[test]
    fn the_evidence_counts_and_shows_neither_text_nor_number() {
        let answer =
            read_answer_to(OURS, &[listed(1, OURS, 0), listed(2, "x", 0)], |_| FailureClass::Recipient);
        let DoubtAnswer::Found { evidence, .. } = answer else { panic!("it is listed") };
        assert_eq!(evidence, "1 of 2 listed messages have the same text; the oldest is taken");
        let DoubtAnswer::NotFound { evidence } = read_answer_to(OURS, &[], |_| FailureClass::Recipient)
        else {
            panic!("nothing is listed")
        };
        assert_eq!(evidence, "none of 0 listed messages has the same text");
    }

    #[test]
    fn the_provider_is_asked_four_times_at_growing_intervals() {
        let schedule = DoubtSchedule::default();
        assert_eq!(
            [0, 1, 2, 3, 4, u8::MAX].map(|asked| schedule.ask_again_at(at(0), asked)),
            [20, 60, 180, 600, 600, 600].map(at)
        );
        assert_eq!([3, 4, u8::MAX].map(|asked| schedule.is_given_up(asked)), [false, true, true]);
    }

    #[test]
    fn a_question_follows_an_answer_after_a_while() {
        let schedule = DoubtSchedule::default();
        assert_eq!(schedule.ask_after_answer(at(0), 1, at(40)), at(60));
        assert_eq!(schedule.ask_after_answer(at(0), 1, at(50)), at(65));
        assert_eq!(schedule.ask_after_answer(at(0), 3, at(9_000)), at(9_015));
    }

    #[test]
    fn the_window_holds_the_request_and_both_clocks() {
        assert_eq!(window(at(0), None), (at(-120), at(130)));
        assert_eq!(window(at(0), Some(at(500))), (at(-120), at(630)));
        assert_eq!(window(Timestamp::MIN, None).0, Timestamp::MIN);
        assert_eq!(window(Timestamp::MAX, None).1, Timestamp::MAX);
    }
}
