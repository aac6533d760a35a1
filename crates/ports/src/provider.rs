//! The provider that carries the text.

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    phone::E164,
    provider::{FailureClass, ProviderMessage, ProviderMessageId, Submission, SubmitOutcome},
};
use jiff::Timestamp;

/// Sends texts and answers for them. Implementations never retry and never decide.
#[async_trait]
pub trait SmsProvider: Send + Sync {
    /// Makes exactly one request, and says which of the three outcomes it had.
    ///
    /// Answers within [`SmsProvider::answer_max`], whatever the network does. No redirects, no client retries.
    async fn submit(&self, submission: &Submission) -> SubmitOutcome;

    /// Asks for one message by the provider's name. `None` if the provider does not know it.
    async fn fetch(&self, sid: &ProviderMessageId) -> Result<Option<ProviderMessage>, ProviderError>;

    /// Lists what we sent to `to` and the provider created between `from` and `until`, both included,
    /// following pages until the window is exhausted. An error if [`LOOK_UP_MAX`] messages do not exhaust it.
    async fn look_up(
        &self,
        to: &E164,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<ProviderMessage>, ProviderError>;

    /// Sets the maximum of open requests; returns once their count is at or below it.
    async fn allow(&self, in_flight_max: u16);

    /// What a failure code of a status callback asks of us.
    fn classify(&self, error_code: Option<u32>) -> FailureClass;

    /// The longest time [`SmsProvider::submit`] may take. Leases outlive it.
    fn answer_max(&self) -> Duration;
}

/// Most messages one look-up reads.
pub const LOOK_UP_MAX: usize = 1_000;

/// Why a question to the provider has no answer. Reading is repeatable, so the caller asks again later.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider answered, with a refusal.
    #[error("the provider refused with HTTP {status}, code {code:?}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The provider's error code, where it gave one.
        code: Option<u32>,
    },
    /// No usable answer came.
    #[error("no usable answer from the provider: {0}")]
    NoAnswer(String),
}
