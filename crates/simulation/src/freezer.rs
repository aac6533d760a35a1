//! Processes that are paused for longer than the bus keeps their connection.
//!
//! In: the moment of a pause. Out: waits for its end, and the loss of deliveries on the way.
//! Never: pauses anything but what waits here; timers of a paused process fire, and find it paused.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use jiff::SignedDuration;
use ports::Clock as _;
use tokio::sync::Notify;

use crate::clock::SimClock;

/// How long a frozen process is paused.
const FROZEN: SignedDuration = SignedDuration::from_secs(75);
/// After how long the bus takes back what it handed to a process that does not answer.
const HEARTBEAT_MISSED: SignedDuration = SignedDuration::from_secs(20);

/// Whether one process is paused.
#[derive(Default)]
pub(crate) struct Freezer {
    is_frozen: AtomicBool,
    // A watch channel would wake its waiters in an order that no seed determines.
    thaws: Notify,
}

impl Freezer {
    /// Waits while the process is paused.
    pub(crate) async fn thawed(&self) {
        let thaws = self.thaws.notified();
        if self.is_frozen() {
            thaws.await;
        }
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.is_frozen.load(Ordering::Acquire)
    }

    /// Pauses the process. `lose_deliveries` is called when the bus takes back what it handed out.
    pub(crate) fn freeze(
        self: Arc<Self>,
        clock: Arc<SimClock>,
        lose_deliveries: impl Fn() + Send + Sync + 'static,
    ) {
        self.is_frozen.store(true, Ordering::Release);
        tokio::spawn(async move {
            let frozen_at = clock.now();
            clock.sleep_until(frozen_at + HEARTBEAT_MISSED).await;
            lose_deliveries();
            clock.sleep_until(frozen_at + FROZEN).await;
            // What came since then came on the connection that is gone.
            lose_deliveries();
            self.is_frozen.store(false, Ordering::Release);
            self.thaws.notify_waiters();
        });
    }
}
