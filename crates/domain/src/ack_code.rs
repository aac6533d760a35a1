//! Codes that a recipient sends back to acknowledge. In: a message's id, or a text. Out: a code.
//!
//! Never: decides whether an acknowledgement counts; a code means something only together with the number it came from.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::id::{self, MessageId};

/// Characters of a code.
const LENGTH: usize = 4;
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

/// What keeps acknowledgement codes from being computed by others. A code is stored with its message, so the key need not
/// be: each process may draw its own.
#[derive(Clone, Default)]
pub struct CodeKey(String);

impl CodeKey {
    /// A key of random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey")
    }
}

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
    /// Without the key, nobody who knows or guesses an event's id can compute the code.
    pub fn derive(message: &MessageId, taken: &[AckCode], key: &CodeKey) -> AckCode {
        let message = message.to_string();
        // A fixed code to fall back on, although ten thousand draws without a fresh one do not happen.
        let mut last = AckCode(*b"K7X4");
        for turn in 0..DERIVE_TRIES_MAX {
            let bytes = id::digest(&[&key.0, "ack", &message, &turn.to_string()]);
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
        let first = AckCode::derive(&message(1), &[], &CodeKey::default());
        assert_eq!(first, AckCode::derive(&message(1), &[], &CodeKey::default()));
        let keyed = |random| AckCode::derive(&message(1), &[], &CodeKey::new([random; 32]));
        assert_eq!(keyed(1), keyed(1));
        assert_ne!(keyed(1), keyed(2), "e13: who lacks the key computes another code");
        assert_ne!(first, AckCode::derive(&message(2), &[], &CodeKey::default()));
        let mut taken = vec![];
        for _ in 0..200 {
            let code = AckCode::derive(&message(1), &taken, &CodeKey::default());
            assert!(!taken.contains(&code));
            taken.push(code);
        }
    }

    #[test]
    fn codes_use_the_whole_alphabet_at_every_place() {
        let codes: Vec<AckCode> =
            (0..4_000).map(|number| AckCode::derive(&message(number), &[], &CodeKey::default())).collect();
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

    proptest! {
        #[test]
        fn no_text_panics_and_every_code_is_read(body in any::<String>(), number in 1u16..) {
            let _ = body.parse::<AckCode>();
            let code = AckCode::derive(&message(number), &[], &CodeKey::default());
            prop_assert_eq!(code.as_str().to_lowercase().parse(), Ok(code));
        }
    }
}
