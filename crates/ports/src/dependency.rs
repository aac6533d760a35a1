//! Whether a role could do its work now.

use async_trait::async_trait;

/// Something that a role needs: a server, or a file.
#[async_trait]
pub trait Dependency: Send + Sync {
    /// Writes something without any effect, as a role would write.
    ///
    /// # Errors
    /// Why nothing can be written now. May take as long as a write; the caller has a time limit of its own.
    async fn check(&self) -> Result<(), String>;
}
