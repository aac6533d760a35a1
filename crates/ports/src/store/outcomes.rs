//! How runs ended, for the outside. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::timeline::Outcome;

use super::values::StoreError;

/// How runs ended, for the outside.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait OutcomeStore: Send + Sync {
    /// Outcomes of runs, in the order they were stored, those after `after` in that order; at most `max`.
    async fn outcomes(&self, after: u64, max: u16) -> Result<Vec<(u64, Outcome)>, StoreError>;
}
