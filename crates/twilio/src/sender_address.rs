//! What a text may come from. In: the `From` that somebody wrote. Out: whether Twilio could know it.
//!
//! Never: says whether the account has it: `callout preflight` asks.

use std::str::FromStr;

use domain::phone::E164;

/// Longest alphanumeric sender ID, in characters (Twilio's Messages resource, `From`).
const SENDER_ID_CHARS_MAX: usize = 11;
/// Digits of a short code, over all countries.
const SHORT_CODE_DIGITS: std::ops::RangeInclusive<usize> = 3..=8;

/// A number in E.164 form, a short code, or an alphanumeric sender ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderAddress(String);

/// Why a text is no address that texts come from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a number such as \"+14155550100\", a short code of 3 to 8 digits, or a \
     sender ID of at most {SENDER_ID_CHARS_MAX} letters and digits, with a letter"
)]
pub struct NotSenderAddress;

impl SenderAddress {
    /// As it was written.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl FromStr for SenderAddress {
    type Err = NotSenderAddress;

    fn from_str(text: &str) -> Result<Self, NotSenderAddress> {
        let is_short_code =
            || SHORT_CODE_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b" +-_&".contains(&byte);
        let is_sender_id = || {
            text.len() <= SENDER_ID_CHARS_MAX
                && text == text.trim()
                && text.bytes().all(fits)
                && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        };
        let is_one = text.parse::<E164>().is_ok_and(|number| number.as_str() == text)
            || is_short_code()
            || is_sender_id();
        if is_one { Ok(Self(text.to_owned())) } else { Err(NotSenderAddress) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_short_codes_and_sender_ids_are_addresses() {
        for text in ["+14155550100", "+4915112345678", "72404", "123", "ACME", "ACME Alerts", "24-7 ops"] {
            assert_eq!(text.parse().map(SenderAddress::into_string), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_cannot_be_one_is_none() {
        let wrong = [
            "",
            " ",
            "x!!",
            "+",
            "+1",
            "+1 415 555 0100",
            "4155550100",
            "12",
            "24-7",
            "ACME Alerts 2",
            " ACME",
            "Müller",
        ];
        for text in wrong.into_iter().chain(["whatsapp:+14155550100", "MG00000000000000000000000000000000"]) {
            assert_eq!(text.parse::<SenderAddress>(), Err(NotSenderAddress), "{text}");
        }
    }
}
