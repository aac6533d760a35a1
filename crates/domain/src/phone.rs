//! Phone numbers. In: text from events, contacts and callbacks. Out: [`E164`], which cannot be malformed.
//!
//! Never: prints a whole number; `Debug` and `Display` mask it, [`E164::as_str`] is for the wire alone.

mod calling_code;
mod free_text;
mod zones;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use calling_code::{CallingCode, NotCallingCode};
pub use free_text::{identifier_without_numbers, without_numbers};
pub use zones::zones_of;

/// A phone number in E.164 form: `+`, then 7 to 15 digits, the first not zero.
///
/// Holding one proves that it parsed. `Debug` and `Display` print `+1…11`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(Box<str>);

/// Fewest digits accepted: the shortest national numbering plans with their country code.
const DIGITS_MIN: usize = 7;
/// Most digits E.164 allows (ITU-T E.164, section 6.2.1).
const DIGITS_MAX: usize = 15;

impl E164 {
    /// The whole number, for the provider and the store. Never for a log.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country's digit and the last two: enough to recognise, too little to call.
    pub fn masked(&self) -> String {
        format!("{}…{}", &self.0[..2], &self.0[self.0.len() - 2..])
    }
}

/// Fewest digits that [`without_numbers`] takes for a phone number: shorter ones are counters and dates.
const MASKED_DIGITS_MIN: usize = 8;

/// Why a text is not a phone number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a phone number in E.164 form: write `+`, the country code and the number, digits only, for example +14155550100"
)]
pub struct NotE164;

impl FromStr for E164 {
    type Err = NotE164;

    fn from_str(text: &str) -> Result<Self, NotE164> {
        let digits = text.strip_prefix('+').ok_or(NotE164)?;
        let length_fits = (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len());
        if length_fits && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.into()))
        } else {
            Err(NotE164)
        }
    }
}

impl TryFrom<String> for E164 {
    type Error = NotE164;

    fn try_from(text: String) -> Result<Self, NotE164> {
        text.parse()
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.0.into()
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_plus_and_seven_to_fifteen_digits() {
        for good in ["+14155550100", "+4915112345678", "+1234567", "+123456789012345"] {
            assert_eq!(good.parse::<E164>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "+",
            "14155550100",
            "+0123456789",
            "+123456",
            "+1234567890123456",
            "+1 415 555 0100",
            "+1415555010x",
            "+१२३४५६७",
        ] {
            assert_eq!(bad.parse::<E164>(), Err(NotE164), "{bad:?}");
        }
    }

    #[test]
    fn printing_masks_the_number() {
        let number: E164 = "+14155550199".parse().unwrap();
        assert_eq!(format!("{number} {number:?}"), "+1…99 +1…99");
    }
}
