//! A phone number as a keyed hash: by it lines of a log, runs and lists are brought together, and no number is read.
//!
//! In: numbers, and the installation's key. Out: hashes.
//! Never: leaves the key out: there are so few phone numbers that each plain hash of one can be looked up.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    id::{is_short, short},
    phone::E164,
};

/// Fewest characters of a key.
pub const RECIPIENT_KEY_CHARS_MIN: usize = 32;

/// What hashes are keyed with: the same in every process of an installation.
#[derive(Clone, PartialEq, Eq)]
pub struct RecipientKey(String);

impl RecipientKey {
    /// A key, unless it is so short that it can be guessed.
    pub fn new(secret: String) -> Option<Self> {
        (secret.chars().count() >= RECIPIENT_KEY_CHARS_MIN).then_some(Self(secret))
    }

    /// The hash of a number.
    pub fn hash(&self, number: &E164) -> RecipientHash {
        RecipientHash(short(&[&self.0, "recipient", number.as_str()]))
    }
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecipientKey(***)")
    }
}

/// The keyed hash of a number: 80 bits in 16 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecipientHash(String);

/// Why a text is not the hash of a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the hash of a recipient: expected 16 letters and digits, as `recipient_hash` in the log")]
pub struct NotARecipientHash;

impl fmt::Display for RecipientHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RecipientHash {
    type Err = NotARecipientHash;

    fn from_str(text: &str) -> Result<Self, NotARecipientHash> {
        is_short(text).then(|| Self(text.to_owned())).ok_or(NotARecipientHash)
    }
}

impl TryFrom<String> for RecipientHash {
    type Error = NotARecipientHash;

    fn try_from(text: String) -> Result<Self, NotARecipientHash> {
        text.parse()
    }
}

impl From<RecipientHash> for String {
    fn from(hash: RecipientHash) -> Self {
        hash.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_its_number_and_key_alone_and_neither_is_read_in_it() {
        let key = |first: char| RecipientKey::new(format!("{first}{}", "x".repeat(31))).unwrap();
        let number = |text: &str| text.parse::<E164>().unwrap();
        let hash = key('a').hash(&number("+14155550101"));
        assert_eq!(hash, key('a').hash(&number("+14155550101")));
        assert_ne!(hash, key('b').hash(&number("+14155550101")));
        assert_ne!(hash, key('a').hash(&number("+14155550102")));
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(format!("{:?}", key('a')), "RecipientKey(***)");
    }

    #[test]
    fn a_key_that_can_be_guessed_and_what_is_no_hash_are_refused() {
        assert_eq!(RecipientKey::new("x".repeat(31)), None);
        for text in ["", "+14155550101", "k2v9x0a7dq0v8x1", "k2v9x0a7dq0v8x1u", "K2V9X0A7DQ0V8X1Z"] {
            assert_eq!(text.parse::<RecipientHash>(), Err(NotARecipientHash), "{text}");
        }
    }
}
