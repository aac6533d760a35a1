//! Rate limits that all processes share. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::{rate_limit::RateRequest, rate_limit::Reservation};
use jiff::Timestamp;

use super::values::StoreError;

/// Rate limits that all processes share.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait RateLimitStore: Send + Sync {
    /// Reserves capacity under a rate limit. See [`domain::rate_limit`].
    async fn acquire(&self, request: &RateRequest, now: Timestamp) -> Result<Reservation, StoreError>;
}
