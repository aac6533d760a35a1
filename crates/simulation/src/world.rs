//! What surrounds the simulated processes: clock, chance, store, bus, provider, events, a log.
//!
//! In: a seed or a script. Out: a world that has gone quiet.
//! Never: decides for a role; it only lets time pass.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use axum::Router;
use domain::{
    directory::Contact,
    event::Event,
    source_quota::Quota,
    workflow::{Lane, Workflow},
};
use jiff::SignedDuration;
use ports::{Bus as _, Clock, DueStore as _};
use tokio_util::sync::CancellationToken;

use crate::{
    bus::MemoryBus,
    chance::{Chance, Fault},
    clock::SimClock,
    desk::Desk,
    provider::Provider,
    store::MemoryStore,
};

/// What else happens in a world.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habits {
    /// Recipients answer now and then.
    pub(crate) replies: bool,
    /// Replies are answered, and those who were paged hear that it is over.
    pub(crate) notices: bool,
    /// Tickets are opened and others are told.
    pub(crate) has_desk: bool,
    /// With each process that dies, the store loses its runs.
    pub(crate) loses_runs: bool,
    /// Events per second within the quota of a source, and segments per second of the sending number.
    pub(crate) rates: Option<(u32, u32)>,
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) chance: Chance,
    pub(crate) store: MemoryStore,
    pub(crate) bus: Arc<MemoryBus>,
    pub(crate) provider: Provider,
    pub(crate) desk: Desk,
    pub(crate) me: Weak<World>,
    pub(crate) workflows: Vec<Workflow>,
    pub(crate) contacts: BTreeMap<String, Contact>,
    pub(crate) log: Mutex<Vec<String>>,
    /// The callback receivers, each with the token that is cancelled when its process dies.
    pub(crate) receivers: Mutex<Vec<(CancellationToken, Router)>>,
    pub(crate) stop: CancellationToken,
    pub(crate) habits: Habits,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Pages are critical, notes standard, and workflows that leave doubts to review bulk.
pub(crate) fn lane_of(kind: &str) -> Lane {
    match kind.split('.').next() {
        Some("page") => Lane::Critical,
        Some("held") => Lane::Bulk,
        _ => Lane::Standard,
    }
}

impl World {
    pub(crate) async fn wait_ms(&self, ms: u64) {
        if ms > 0 {
            self.clock.sleep_until(self.clock.now() + SignedDuration::from_millis(ms as i64)).await;
        }
    }

    /// A line of the log, with the time.
    pub(crate) fn note(&self, what: String) {
        locked(&self.log).push(format!("{:>9} ms  {what}", self.clock.elapsed().as_millis()));
    }

    /// The log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        locked(&self.log).clone()
    }

    /// A living callback receiver.
    pub(crate) fn receiver(&self) -> Option<Router> {
        locked(&self.receivers).first().map(|(_, router)| router.clone())
    }

    /// A source sends an event, perhaps twice.
    pub(crate) async fn send(&self, event: &Event) {
        self.note(format!("event {} of {}", event.key.id, event.kind));
        self.store.accept(std::iter::once(event.key.clone()));
        let copies = if self.chance.fires(Fault::EventDoubled) { 2 } else { 1 };
        for _ in 0..copies {
            let published = self.bus.publish_events(std::slice::from_ref(event), Quota::Within).await;
            assert!(published.is_ok(), "a bus in memory takes everything");
        }
    }

    /// Lets time pass until nothing is to be done any more. `false`: that did not come about in time.
    pub(crate) async fn run_until_quiet(&self, most: Duration) -> bool {
        let end = self.clock.now() + SignedDuration::try_from(most).unwrap_or(SignedDuration::ZERO);
        while self.clock.now() < end {
            self.wait_ms(5_000).await;
            let due = self.store.next_due().await.ok().flatten();
            let mut waiting = 0;
            for queue in ports::Queue::ALL {
                waiting += self.bus.depth(queue).await.unwrap_or_default();
            }
            if due.is_none() && waiting == 0 {
                return true;
            }
        }
        false
    }

    /// Ends every process.
    pub(crate) fn shut_down(&self) {
        self.stop.cancel();
    }
}
