//! What an escalation worker uses, and nothing else.

use std::sync::Arc;

use ports::{Bus, Clock, DeadLetterStore, DueStore, RetentionStore, SealingStore};
use runtime::{DeadLetters, RunService};

/// The ports of an escalation worker.
#[derive(Clone)]
pub struct EscalationPorts {
    /// Ticks runs.
    pub runs: Arc<RunService>,
    /// Which runs are due.
    pub due: Arc<dyn DueStore>,
    /// Removes what was kept for long enough.
    pub retention: Arc<dyn RetentionStore>,
    /// Encrypts what was stored before there was a key.
    pub sealing: Arc<dyn SealingStore>,
    /// The index of dead letters.
    pub letters: Arc<dyn DeadLetterStore>,
    /// Where deliveries go that are no work of ours.
    pub dead_letters: DeadLetters,
    /// Timers, "look now", and what the broker gave up.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}
