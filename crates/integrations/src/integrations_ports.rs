//! What the role uses, and nothing else.

use std::sync::Arc;

use ports::{Clock, EffectStore, RunStore};
use runtime::RunService;
use url::Url;

/// The ports of the role.
pub struct IntegrationsPorts {
    /// Takes tickets into runs.
    pub runs: Arc<RunService>,
    /// Timelines, for tickets.
    pub timelines: Arc<dyn RunStore>,
    /// What is to be done.
    pub effects: Arc<dyn EffectStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where others reach the API, so that tickets can name their run there.
    pub api_url: Option<Url>,
}
