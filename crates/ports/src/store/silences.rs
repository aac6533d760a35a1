//! Events about which nobody is texted for a while. A port; its contract is in the comments, and the `conformance` suite
//! checks it.

use async_trait::async_trait;
use domain::silence::Silence;
use jiff::Timestamp;

use super::values::StoreError;

/// Events about which nobody is texted for a while.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait SilenceStore: Send + Sync {
    /// Silences that end after `now`, by their ids.
    async fn silences(&self, now: Timestamp) -> Result<Vec<Silence>, StoreError>;

    /// Adds a silence, and forgets those that ended before `now`. One whose id is known changes nothing.
    async fn add_silence(&self, silence: &Silence, now: Timestamp) -> Result<(), StoreError>;

    /// Removes a silence. Returns whether it was there; after an error the call that removed it may say that it was not.
    async fn remove_silence(&self, id: &str) -> Result<bool, StoreError>;
}
