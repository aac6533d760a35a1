//! A test page as it is asked for. In: nothing. Out: the value.

use serde::{Deserialize, Serialize};

/// A test page that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTestPage {
    /// The contact's name in the configuration.
    pub contact: String,
    /// Whether the contact is asked to reply.
    pub wants_reply: bool,
    /// How long text and reply may take, in seconds; 1 to [`TEST_PAGE_WITHIN_S_MAX`].
    pub within_s: u32,
    /// What names it: asked for twice under one name, it is sent once. Each is another one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// The longest wait for a receipt and a reply, in seconds: an hour.
pub const TEST_PAGE_WITHIN_S_MAX: u32 = 3_600;
