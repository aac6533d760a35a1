//! Twilio's SIDs: two letters that say what is named, and 32 hex digits. In: texts. Out: whether they are SIDs.
//!
//! Never: says whether what a SID names exists.

use domain::provider::ProviderMessageId;

/// What a SID can name, apart from a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidKind {
    /// An account, `AC`.
    Account,
    /// An API key, `SK`.
    ApiKey,
    /// A messaging service, `MG`.
    MessagingService,
}

impl SidKind {
    /// Whether a text is such a SID.
    pub fn matches(self, text: &str) -> bool {
        let prefix = match self {
            Self::Account => "AC",
            Self::ApiKey => "SK",
            Self::MessagingService => "MG",
        };
        has_shape(text, prefix)
    }

    /// What such a SID looks like, for an error.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Account => "AC and 32 hex digits",
            Self::ApiKey => "SK and 32 hex digits",
            Self::MessagingService => "MG and 32 hex digits",
        }
    }
}

/// Why a text is not the SID of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a message SID: expected SM or MM and 32 hex digits")]
pub struct InvalidMessageSid;

/// The name of a message: `SM`, or `MM` with pictures.
///
/// # Errors
/// When the text has another shape.
pub fn message_sid(text: &str) -> Result<ProviderMessageId, InvalidMessageSid> {
    if !has_shape(text, "SM") && !has_shape(text, "MM") {
        return Err(InvalidMessageSid);
    }
    text.parse().map_err(|_| InvalidMessageSid)
}

fn has_shape(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_sid_is_sm_or_mm_and_32_hex_digits() {
        let text = format!("SM{}", "0f".repeat(16));
        for right in [text.clone(), text.to_uppercase(), text.replace("SM", "MM")] {
            assert_eq!(message_sid(&right).unwrap().as_str(), right);
        }
        for wrong in [&text[1..], &text[..33], &text.replace('f', "g"), &text.replace("SM", "AC"), ""] {
            assert_eq!(message_sid(wrong), Err(InvalidMessageSid), "{wrong}");
        }
    }

    #[test]
    fn a_sid_of_another_kind_does_not_match() {
        let sid = |prefix: &str| format!("{prefix}{}", "0f".repeat(16));
        let kinds = [("AC", SidKind::Account), ("SK", SidKind::ApiKey), ("MG", SidKind::MessagingService)];
        for (prefix, kind) in kinds {
            for other in ["AC", "SK", "MG", "SM"] {
                assert_eq!(kind.matches(&sid(other)), other == prefix, "{kind:?} {other}");
            }
            assert!(!kind.matches(&sid(prefix)[..33]));
        }
    }
}
