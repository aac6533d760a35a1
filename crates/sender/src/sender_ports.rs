//! What a sender uses, and nothing else.

use std::sync::Arc;

use ports::{AuditStore, Bus, Clock, ConsentStore, LookupStore, RateLimitStore, SmsProvider};
use runtime::{DeadLetters, RunService};

/// The ports of a sender.
pub struct SenderPorts {
    /// Opens and changes runs.
    pub runs: Arc<RunService>,
    /// Which message a provider's id belongs to, when a doubt is resolved.
    pub lookup: Arc<dyn LookupStore>,
    /// What a recipient agreed to, read once more before the request.
    pub consent: Arc<dyn ConsentStore>,
    /// Rate limits that all senders share.
    pub rates: Arc<dyn RateLimitStore>,
    /// Whether the store may have lost writes.
    pub audit: Arc<dyn AuditStore>,
    /// Work, wake-ups and notifications.
    pub bus: Arc<dyn Bus>,
    /// The provider that carries texts.
    pub provider: Arc<dyn SmsProvider>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where deliveries go that are no work of ours.
    pub dead_letters: DeadLetters,
}
