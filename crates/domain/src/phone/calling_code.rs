//! Which country a number is of, as far as its first digits say. In: a number. Out: its country calling code.
//!
//! Never: tells countries apart that share a code, such as the United States and Canada.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::E164;

/// A country calling code of ITU-T E.164, annex: 1 to 3 digits, for example 1, 49 or 353.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallingCode(u16);

/// Calling codes of two digits (ITU-T Operational Bulletin 1196, annex to E.164); those of one digit are 1 and 7, and
/// all others have three.
const TWO_DIGITS: &[u16] = &[
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
    60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];

/// Why a text is not a country calling code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a country calling code: write `+` and its digits, for example +1, +49 or +353")]
pub struct NotCallingCode;

impl CallingCode {
    /// The code that begins with these digits.
    fn leading(digits: &str) -> Option<Self> {
        let first = |length: usize| digits.get(..length)?.parse::<u16>().ok();
        let code = match (first(1)?, first(2)) {
            (one @ (1 | 7), _) => one,
            (_, Some(two)) if TWO_DIGITS.contains(&two) => two,
            _ => first(3)?,
        };
        (code > 0 && !digits.starts_with('0')).then_some(Self(code))
    }

    /// That of a number. A number is never without one: what no plan assigns counts as a code of three digits.
    pub fn of(number: &E164) -> Self {
        Self::leading(number.as_str().trim_start_matches('+')).unwrap_or(Self(0))
    }
}

impl FromStr for CallingCode {
    type Err = NotCallingCode;

    fn from_str(text: &str) -> Result<Self, NotCallingCode> {
        let code = text.strip_prefix('+').and_then(Self::leading);
        // Not more than the code: `+1415` is an area of it.
        code.filter(|code| code.to_string() == text).ok_or(NotCallingCode)
    }
}

impl TryFrom<String> for CallingCode {
    type Error = NotCallingCode;

    fn try_from(text: String) -> Result<Self, NotCallingCode> {
        text.parse()
    }
}

impl From<CallingCode> for String {
    fn from(code: CallingCode) -> Self {
        code.to_string()
    }
}

impl fmt::Display for CallingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("+{}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_s_code_is_the_shortest_that_is_assigned() {
        for (number, code) in [
            ("+14155550100", "+1"),
            ("+79161234567", "+7"),
            ("+4915112345678", "+49"),
            ("+353861234567", "+353"),
            ("+96170123456", "+961"),
            ("+8801711234567", "+880"),
        ] {
            assert_eq!(CallingCode::of(&number.parse().unwrap()).to_string(), code, "{number}");
        }
    }

    #[test]
    fn a_code_is_written_as_such() {
        assert_eq!("+49".parse::<CallingCode>().map(|code| code.to_string()), Ok("+49".to_owned()));
        for wrong in ["49", "+", "+1415", "+4", "+0", "+049", "+35", "DE", "+4 9", ""] {
            assert_eq!(wrong.parse::<CallingCode>(), Err(NotCallingCode), "{wrong}");
        }
    }
}
