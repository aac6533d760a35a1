//! Codes that a recipient sends back to acknowledge. In: a message's id, or a reply. Out: a code, or what was meant.
//!
//! Never: decides whether an acknowledgement counts; a code means something only together with the number it came from.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::id::{self, MessageId};

/// Characters of a code.
const LENGTH: usize = 4;
/// Most words a reply may have and still be an acknowledgement.
const REPLY_WORDS_MAX: usize = 4;
/// Codes tried before a taken one is accepted. A phone has a handful of open codes, of 91,280.
const DERIVE_TRIES_MAX: u32 = 10_000;

/// What a code is made of. Both of each pair that is mistaken for one another are out (0 O Q D, 1 I L, 2 Z, 5 S,
/// 6 G, 8 B), and so are the vowels and Y.
const ALPHABET: &[u8; 17] = b"3479CFHJKMNPRTVWX";

/// A code of four characters, with at least one digit and one letter, so that neither a word nor a number is one.
///
/// Read in either case, printed in capitals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AckCode([u8; LENGTH]);

/// Why a text is not an acknowledgement code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an acknowledgement code: expected four of 3479CFHJKMNPRTVWX, at least one a digit and one a letter"
)]
pub struct NotACode;

impl AckCode {
    /// The code of a message: the first of the message's own sequence that is not taken.
    ///
    /// `taken` holds the codes that are open for the same phone. Where thousands are taken, one may be given twice.
    pub fn derive(message: &MessageId, taken: &[AckCode]) -> AckCode {
        let message = message.to_string();
        // A fixed code to fall back on, although ten thousand draws without a fresh one do not happen.
        let mut last = AckCode(*b"K7X4");
        for turn in 0..DERIVE_TRIES_MAX {
            let bytes = id::digest(&["ack", &message, &turn.to_string()]);
            let mut code = [0; LENGTH];
            for (character, byte) in code.iter_mut().zip(bytes) {
                *character = ALPHABET[usize::from(byte) % ALPHABET.len()];
            }
            let Some(drawn) = Self::checked(code) else { continue };
            if !taken.contains(&drawn) {
                return drawn;
            }
            last = drawn;
        }
        last
    }

    /// The code as it is texted.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn checked(code: [u8; LENGTH]) -> Option<Self> {
        let digits = code.iter().filter(|b| b.is_ascii_digit()).count();
        let fits = code.iter().all(|b| ALPHABET.contains(b)) && (1..LENGTH).contains(&digits);
        fits.then_some(Self(code))
    }
}

impl FromStr for AckCode {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        let code: [u8; LENGTH] = text.as_bytes().try_into().map_err(|_| NotACode)?;
        Self::checked(code.map(|b| b.to_ascii_uppercase())).ok_or(NotACode)
    }
}

impl TryFrom<String> for AckCode {
    type Error = NotACode;

    fn try_from(text: String) -> Result<Self, NotACode> {
        text.parse()
    }
}

impl From<AckCode> for String {
    fn from(code: AckCode) -> Self {
        code.as_str().to_owned()
    }
}

impl fmt::Display for AckCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AckCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a reply says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The recipient takes it on.
    Acknowledge {
        /// The code they sent; without one, only the latest open message to that phone can be meant.
        code: Option<AckCode>,
    },
    /// Anything else. Opt-out words are read before this, by the callback role.
    Other,
}

/// Words that acknowledge on their own.
const WORDS: &[&str] = &["ack", "acked", "acknowledge", "acknowledged", "ok", "okay"];
/// Words that may stand beside. Bare `YES` is the provider's opt-in keyword, so it needs a code, or another word.
const BESIDE: &[&str] = &["yes", "y", "please", "thanks", "thank", "you", "thx", "code"];

/// Reads a reply. At most four words, split at whatever is neither letter nor digit, every one of them known:
/// a code, an acknowledging word, `on it`, or one that may stand beside these. So a sentence that contains a code is [`Reply::Other`],
/// as is `ok not me`, and so are two different codes.
pub fn parse_reply(body: &str) -> Reply {
    let mut words = body.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).peekable();
    let (mut code, mut acknowledges, mut count) = (None, false, 0);
    while let Some(word) = words.next() {
        count += 1;
        let is_any = |known: &[&str]| known.iter().any(|k| word.eq_ignore_ascii_case(k));
        if let Ok(found) = word.parse::<AckCode>() {
            if code.is_some_and(|earlier| earlier != found) {
                return Reply::Other;
            }
            code = Some(found);
        } else if is_any(WORDS) {
            acknowledges = true;
        } else if is_any(&["on"]) && words.next_if(|next| next.eq_ignore_ascii_case("it")).is_some() {
            count += 1;
            acknowledges = true;
        } else if !is_any(BESIDE) {
            return Reply::Other;
        }
        if count > REPLY_WORDS_MAX {
            return Reply::Other;
        }
    }
    if acknowledges || code.is_some() { Reply::Acknowledge { code } } else { Reply::Other }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::RunId;

    fn message(number: u16) -> MessageId {
        MessageId { run: RunId::derive("monitor", "e-1", "paging", None), number }
    }

    #[test]
    fn a_message_has_one_code_and_steps_aside_for_those_taken() {
        let first = AckCode::derive(&message(1), &[]);
        assert_eq!(first, AckCode::derive(&message(1), &[]));
        assert_ne!(first, AckCode::derive(&message(2), &[]));
        let mut taken = vec![];
        for _ in 0..200 {
            let code = AckCode::derive(&message(1), &taken);
            assert!(!taken.contains(&code));
            taken.push(code);
        }
    }

    #[test]
    fn codes_use_the_whole_alphabet_at_every_place() {
        let codes: Vec<AckCode> = (0..4_000).map(|number| AckCode::derive(&message(number), &[])).collect();
        for place in 0..LENGTH {
            let used: std::collections::BTreeSet<u8> = codes.iter().map(|code| code.0[place]).collect();
            assert_eq!(used.len(), ALPHABET.len(), "place {place}");
        }
    }

    #[test]
    fn a_code_is_read_in_either_case_and_is_neither_word_nor_number() {
        let code: AckCode = "k7x4".parse().unwrap();
        assert_eq!((code.to_string(), format!("{code:?}")), ("K7X4".into(), "K7X4".into()));
        assert_eq!(serde_json::to_string(&code).unwrap(), "\"K7X4\"");
        assert_eq!(serde_json::from_str::<AckCode>("\"k7X4\"").unwrap(), code);
        for bad in ["", "K7X", "K7X44", "PFFT", "4397", "K0X4", "K1X4", "KAX4", "K5X4", "ké4"] {
            assert_eq!(bad.parse::<AckCode>(), Err(NotACode), "{bad}");
        }
    }

    #[test]
    fn short_replies_acknowledge() {
        let code = "K7X4".parse().ok();
        for body in [
            "ACK K7X4",
            "ack k7x4.",
            "K7X4",
            " k7x4 \n",
            "ok k7x4",
            "yes K7X4",
            "y: k7x4!",
            "\"K7X4\" on it, thanks",
        ] {
            assert_eq!(parse_reply(body), Reply::Acknowledge { code }, "{body}");
        }
        for body in ["ACK", "ack.", "Ok!", "acknowledged", "on it", "ok on it", "ok, thank you", "yes ok"] {
            assert_eq!(parse_reply(body), Reply::Acknowledge { code: None }, "{body}");
        }
    }

    #[test]
    fn anything_longer_or_unknown_is_not_an_acknowledgement() {
        for body in [
            "",
            "?",
            "yes",
            "Y",
            "thanks",
            "stop",
            "no",
            "ok not me",
            "not K7X4",
            "K7X4 M3P9",
            "why do I get K7X4 again",
            "the code K7X4 does not work for me",
            "ack ack ack ack ack",
            "on it on it ack",
            "on",
            "on K7X4 shift",
            "ok thank you please thanks",
        ] {
            assert_eq!(parse_reply(body), Reply::Other, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_reply_and_no_code_panics(body in any::<String>(), number in 1u16..) {
            parse_reply(&body);
            let _ = body.parse::<AckCode>();
            let code = AckCode::derive(&message(number), &[]);
            prop_assert_eq!(code.as_str().to_lowercase().parse(), Ok(code));
            let body = format!("ack {code}");
            prop_assert_eq!(parse_reply(&body), Reply::Acknowledge { code: Some(code) });
        }
    }
}
