//! What the run service reads and writes. In: a store, a bus, a clock. Out: the ports it takes of them.

use std::sync::Arc;

use ports::{
    Bus, CalendarStore, Clock, ConsentStore, EffectStore, GroupStore, LookupStore, OverrideStore,
    ReceiptStore, RunStore, SendingStore, SilenceStore, Store,
};

/// What the service reads and writes.
pub struct RunPorts {
    /// Runs and their definitions.
    pub runs: Arc<dyn RunStore>,
    /// The open codes of a phone, so that a new one differs from them.
    pub lookup: Arc<dyn LookupStore>,
    /// What recipients agreed to.
    pub consent: Arc<dyn ConsentStore>,
    /// Overrides of on-call schedules.
    pub overrides: Arc<dyn OverrideStore>,
    /// Whether texts go out of the account.
    pub sending: Arc<dyn SendingStore>,
    /// What is to be told of no run.
    pub effects: Arc<dyn EffectStore>,
    /// What became of the latest texts.
    pub receipts: Arc<dyn ReceiptStore>,
    /// Events about which nobody is texted.
    pub silences: Arc<dyn SilenceStore>,
    /// What is remembered of texts that belong together.
    pub groups: Arc<dyn GroupStore>,
    /// Copies of calendars.
    pub calendars: Arc<dyn CalendarStore>,
    /// Wake-ups and notifications.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl RunPorts {
    /// The ports of one store, one bus and one clock.
    pub fn new(store: Arc<dyn Store>, bus: Arc<dyn Bus>, clock: Arc<dyn Clock>) -> Self {
        Self {
            runs: store.clone(),
            lookup: store.clone(),
            consent: store.clone(),
            overrides: store.clone(),
            sending: store.clone(),
            effects: store.clone(),
            receipts: store.clone(),
            silences: store.clone(),
            groups: store.clone(),
            calendars: store,
            bus,
            clock,
        }
    }
}
