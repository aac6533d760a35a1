//! What cannot proceed, until it is replayed or discarded. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::timeline::DeadLetter;

use super::values::{DeadLetterFilter, Listed, StoreError};

/// What cannot proceed, until it is replayed or discarded.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait DeadLetterStore: Send + Sync {
    /// Adds a dead letter that belongs to no run. One with a known id changes nothing.
    async fn add_dead_letter(&self, letter: &DeadLetter) -> Result<(), StoreError>;

    /// Dead letters that match and were neither replayed nor discarded, oldest first, at most `max`.
    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        max: u16,
    ) -> Result<Vec<Listed<DeadLetter>>, StoreError>;

    /// The dead letter with this id, unless it was replayed or discarded.
    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetter>, StoreError>;

    /// Takes a dead letter off the list. Returns whether it was on it: of two takers one gets `true`.
    async fn remove_dead_letter(&self, id: &str) -> Result<bool, StoreError>;
}
