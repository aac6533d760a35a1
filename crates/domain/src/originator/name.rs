//! The name of an originator. In: text of the configuration. Out: a name that may stand in metrics and timelines.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::limits::ORIGINATOR_NAME_BYTES_MAX;

/// A configured name of an originator: 1 to 32 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OriginatorName(Box<str>);

/// Why a text is not the name of an originator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a name: write 1 to {ORIGINATOR_NAME_BYTES_MAX} letters, digits, `-` and `_`, for example us-toll-free"
)]
pub struct NotOriginatorName;

impl OriginatorName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for OriginatorName {
    /// That of an installation's only originator.
    fn default() -> Self {
        Self("default".into())
    }
}

impl FromStr for OriginatorName {
    type Err = NotOriginatorName;

    fn from_str(text: &str) -> Result<Self, NotOriginatorName> {
        let fits = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let fits = fits && (1..=ORIGINATOR_NAME_BYTES_MAX).contains(&text.len());
        if fits { Ok(Self(text.into())) } else { Err(NotOriginatorName) }
    }
}

impl TryFrom<String> for OriginatorName {
    type Error = NotOriginatorName;

    fn try_from(text: String) -> Result<Self, NotOriginatorName> {
        text.parse()
    }
}

impl From<OriginatorName> for String {
    fn from(name: OriginatorName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for OriginatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        assert!("us-toll_free2".parse::<OriginatorName>().is_ok());
        for wrong in ["", "a b", "ü", "+1", &"x".repeat(33)] {
            assert_eq!(wrong.parse::<OriginatorName>(), Err(NotOriginatorName), "{wrong}");
        }
    }
}
