//! The list of accepted events: what a broker that lost everything is filled again from.

use async_trait::async_trait;
use domain::event::{Event, EventKey};
use jiff::Timestamp;

use crate::store::StoreError;

/// An accepted event that has not ended.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingEvent {
    /// The event.
    pub event: Event,
    /// How often it was published again.
    pub republished: u32,
}

/// Holds events between their acceptance and their end. Every method is repeatable, and durable when it returns.
#[async_trait]
pub trait EventLedger: Send + Sync {
    /// Writes events down before they are published. One that is on the list already stays as it is.
    async fn accept(&self, events: &[Event], now: Timestamp) -> Result<(), StoreError>;

    /// Takes events off the list: they have ended in the store. One that is not on it was published to the broker by its
    /// producer, and is counted as such.
    async fn conclude(&self, keys: &[EventKey]) -> Result<(), StoreError>;

    /// Some of the events that have not ended in time, in no order: 30 s after they were accepted, and later each time
    /// they were published again, at least every hour.
    async fn overdue(&self, now: Timestamp) -> Result<Vec<PendingEvent>, StoreError>;

    /// Notes that an event was published again.
    async fn postpone(&self, pending: &PendingEvent, now: Timestamp) -> Result<(), StoreError>;

    /// Whether this process is the one that looks for overdue events for so long, in milliseconds.
    async fn claim_sweep(&self, for_ms: u32) -> Result<bool, StoreError>;
}
