//! Virtual phones. In: how each behaves, and the texts that reach it. Out: what it shows, and what it answers.
//!
//! Never: posts a webhook; `inbound` does that for a text that a phone sends.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Texts kept for one phone, in each direction.
const TEXTS_MAX: usize = 1_000;

/// What becomes of a text to this phone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Behaviour {
    /// It arrives.
    #[default]
    On,
    /// `undelivered` with 30003.
    Off,
    /// `undelivered` with 30006.
    Landline,
    /// It fails in the way given.
    Fails {
        /// `failed` never leaves Twilio, `undelivered` fails at the carrier.
        status: FailedStatus,
        /// The error code.
        code: u32,
    },
    /// It arrives, but no receipt comes back: `sent` is the last status.
    Silent,
    /// It stays `queued` until its validity ends.
    NeverLeaves,
}

/// The two statuses of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedStatus {
    /// It never left Twilio.
    Failed,
    /// The carrier could not deliver it.
    Undelivered,
}

/// An answer that a phone gives by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyRule {
    /// Answers texts that contain this; an empty text is in every one.
    #[serde(default)]
    pub when_contains: String,
    /// The answer. `{code}` becomes the code that the text asks for.
    pub body: String,
    /// How long the person takes, in milliseconds.
    #[serde(default)]
    pub after_ms: u64,
}

/// One text, as the phone shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhoneText {
    /// Its SID; absent for automatic replies.
    pub sid: Option<String>,
    /// The sender's number.
    pub from: String,
    /// The receiver's number.
    pub to: String,
    /// The whole text.
    pub body: String,
    /// When it was sent or received.
    pub at: Timestamp,
    /// Written by Twilio itself, in answer to a keyword.
    pub automatic: bool,
}

/// One phone.
#[derive(Debug, Default)]
pub(crate) struct Phone {
    pub(crate) behaviour: Behaviour,
    pub(crate) replies: Vec<ReplyRule>,
    pub(crate) received: VecDeque<PhoneText>,
    pub(crate) sent: VecDeque<PhoneText>,
}

impl Phone {
    pub(crate) fn receive(&mut self, text: PhoneText) {
        push(&mut self.received, text);
    }

    pub(crate) fn send(&mut self, text: PhoneText) {
        push(&mut self.sent, text);
    }

    /// The first rule that answers a text, with the answer filled in.
    pub(crate) fn reply_to(&self, text: &str) -> Option<ReplyRule> {
        let rule = self.replies.iter().find(|rule| text.contains(&rule.when_contains))?;
        let body = rule.body.replace("{code}", code_in(text).unwrap_or_default());
        Some(ReplyRule { body, ..rule.clone() })
    }

    /// Who texted last, other than Twilio itself.
    pub(crate) fn last_sender(&self) -> Option<&str> {
        self.received.iter().rev().find(|text| !text.automatic).map(|text| text.from.as_str())
    }
}

fn push(texts: &mut VecDeque<PhoneText>, text: PhoneText) {
    if texts.len() == TEXTS_MAX {
        texts.pop_front();
    }
    texts.push_back(text);
}

/// The code that a text asks for: the word after its last `Reply `, or after `Reply ACK `.
fn code_in(text: &str) -> Option<&str> {
    // ASCII case folding keeps byte positions, so they fit the original.
    let folded = text.to_ascii_lowercase();
    let after = folded.rfind("reply ")? + "reply ".len();
    let mut words =
        text[after..].split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let first = words.next().filter(|word| !word.is_empty())?;
    if first.eq_ignore_ascii_case("ack") { words.next().filter(|word| !word.is_empty()) } else { Some(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_word_after_reply() {
        for (text, code) in [
            ("DB down. Reply 7K2P to acknowledge.", Some("7K2P")),
            ("DB down. Reply ACK 7K2P.", Some("7K2P")),
            ("Reply quickly. reply \"x9\" please", Some("x9")),
            ("No code here", None),
            ("Reply ", None),
            ("Grüße, Reply ACK", None),
        ] {
            assert_eq!(code_in(text), code, "{text}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_answers() {
        let rule =
            |when: &str, body: &str| ReplyRule { when_contains: when.into(), body: body.into(), after_ms: 0 };
        let phone = Phone { replies: vec![rule("DB", "ACK {code}"), rule("", "what?")], ..Phone::default() };
        assert_eq!(phone.reply_to("DB down. Reply 7K2P").unwrap().body, "ACK 7K2P");
        assert_eq!(phone.reply_to("hello").unwrap().body, "what?");
    }
}
