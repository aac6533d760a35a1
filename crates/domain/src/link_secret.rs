//! The part of a link that nobody can guess. In: a message's id, and a key. Out: the link.
//!
//! It is stored with the message, as the message's code is, so that no key has to be shared or kept.
//! Never: printed.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::{
    ack_code::CodeKey,
    id::{MessageId, digest, short},
};

/// What the path of every link begins with.
pub const LINK_PATH: &str = "/a/";

/// The part of a link that nobody can guess: 16 characters of 5 bits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LinkSecret(String);

impl fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSecret(***)")
    }
}

impl LinkSecret {
    /// The secret of a message.
    pub fn derive(message: &MessageId, key: &CodeKey) -> Self {
        Self(short(&[key.expose(), "link", &message.to_string()]))
    }

    /// The link of a message below the address that the provider calls.
    pub fn url(&self, base: &str, message: &MessageId) -> String {
        format!("{}{LINK_PATH}{message}/{}", base.trim_end_matches('/'), self.0)
    }

    /// The text without the secret.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        text.replace(&self.0, "...")
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        // Of equal lengths, so that the time tells nothing of either.
        let hash = |text: &str| digest(&["link", text]);
        bool::from(hash(&self.0).ct_eq(&hash(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RunId;

    #[test]
    fn a_link_names_its_message_and_nobody_without_the_key_can_make_it() {
        let message = MessageId { run: RunId::derive("monitor", "e-1", "paging", None), number: 2 };
        let secret = LinkSecret::derive(&message, &CodeKey::new([1; 32]));
        let url = secret.url("https://callout.example/", &message);
        assert_eq!(url, format!("https://callout.example/a/{message}/{}", secret.0));
        assert!(secret.is(&secret.0) && !secret.is(&secret.0[1..]) && !secret.is(""));
        assert_ne!(secret, LinkSecret::derive(&message, &CodeKey::new([2; 32])));
        let other = MessageId { number: 3, ..message };
        assert_ne!(secret, LinkSecret::derive(&other, &CodeKey::new([1; 32])));
        assert_eq!(format!("{secret:?}"), "LinkSecret(***)");
    }
}
