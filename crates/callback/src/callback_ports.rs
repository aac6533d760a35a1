//! What the receiver uses, and nothing else.

use std::sync::Arc;

use ports::{ConsentStore, LookupStore, ProviderWebhooks};
use runtime::RunService;

/// The ports of the receiver.
#[derive(Clone)]
pub struct CallbackPorts {
    /// Changes runs.
    pub runs: Arc<RunService>,
    /// From a provider's id or a phone to the message it means.
    pub lookup: Arc<dyn LookupStore>,
    /// Where opt-outs and opt-ins are recorded.
    pub consent: Arc<dyn ConsentStore>,
    /// Reads the provider's posts.
    pub webhooks: Arc<dyn ProviderWebhooks>,
}
