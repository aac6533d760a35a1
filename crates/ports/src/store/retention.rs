//! Removes what has been kept for long enough. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::id::RunId;
use jiff::Timestamp;

use super::values::StoreError;

/// Removes what has been kept for long enough.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// Forgets what may be forgotten: closed runs that ended before `before`, with all that belongs to them.
    /// Returns how many runs went; at most `max`, so that nobody waits for long.
    async fn purge(&self, before: Timestamp, max: u16) -> Result<u64, StoreError>;

    /// Up to `max` runs that hold texts which may go ([`domain::run::RunIndex::holds_texts`]), need nothing more, and
    /// ended before `before`.
    async fn ended_with_texts(&self, before: Timestamp, max: u16) -> Result<Vec<RunId>, StoreError>;

    /// Forgets dead letters that belong to no run ([`domain::timeline::DeadLetter::is_of_run`]) and became letters
    /// before `before`. Returns how many went, at most `max`.
    async fn purge_letters(&self, before: Timestamp, max: u16) -> Result<u64, StoreError>;

    /// The same as [`RetentionStore::purge`] for one run. Returns whether it went.
    async fn purge_run(&self, id: &RunId, before: Timestamp) -> Result<bool, StoreError>;
}
