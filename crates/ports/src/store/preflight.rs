//! What is kept of preflights. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::preflight::{Admitted, Preflight, PreflightReport};

use super::values::StoreError;

/// What is kept of preflights: the last one, and the last sender that was let in.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait PreflightStore: Send + Sync {
    /// What is kept; nothing before the first preflight and the first start.
    async fn preflight(&self) -> Result<Preflight, StoreError>;

    /// Keeps a preflight instead of the one before.
    async fn keep_preflight(&self, report: &PreflightReport) -> Result<(), StoreError>;

    /// Notes a sender that was let in instead of the one before.
    async fn note_admitted(&self, admitted: &Admitted) -> Result<(), StoreError>;
}
