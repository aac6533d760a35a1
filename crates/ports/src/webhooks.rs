//! What a provider posts to us: statuses of our texts, and texts of recipients.

use domain::provider::{InboundText, StatusReport};

/// A request as it came over HTTP.
pub struct WebhookPost<'a> {
    /// Path and query as they were requested. Headers that a proxy or a caller may set are never used for the URL.
    pub path_and_query: &'a str,
    /// A header's value by its lower-case name, where it is text.
    pub header: &'a (dyn Fn(&str) -> Option<&'a str> + Sync),
    /// The whole body.
    pub body: &'a [u8],
}

/// Why a post was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// It carries no signature of the provider, or one for another URL, secret or body.
    #[error(
        "the signature does not match: check the auth token, and that public_url is what the provider calls"
    )]
    Forged,
    /// It is signed, but comes from a sender that is no phone: it was never paged, and cannot be answered. To ask the
    /// provider for it again would bring the same.
    #[error("the sender is no phone number: {kind}")]
    NoPhone {
        /// What it is instead, a word of a small set.
        kind: &'static str,
    },
    /// It is signed, but not what the provider sends. Names the field, never its value.
    #[error("{0}")]
    Malformed(String),
}

/// Turns a provider's posts into the domain's words. Verifies first, and never stores or decides.
pub trait ProviderWebhooks: Send + Sync {
    /// Where the provider posts statuses, below the public URL.
    fn status_path(&self) -> &'static str;

    /// Where the provider posts recipients' texts, below the public URL.
    fn inbound_path(&self) -> &'static str;

    /// Reads a status of one of our texts.
    ///
    /// # Errors
    /// When it is not signed by the provider, or cannot be read.
    fn status(&self, post: &WebhookPost<'_>) -> Result<StatusReport, WebhookError>;

    /// Reads a recipient's text.
    ///
    /// # Errors
    /// When it is not signed by the provider, or cannot be read.
    fn inbound(&self, post: &WebhookPost<'_>) -> Result<InboundText, WebhookError>;

    /// Content type and body of the answer to a recipient's text that makes the provider send nothing back.
    fn no_reply(&self) -> (&'static str, &'static str);
}
