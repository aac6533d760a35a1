//! The answer to one delivery.
//!
//! In: an item that was handed out. Out: it is gone, or it comes back. Never: loses an item: whatever is not answered,
//! for whatever reason, goes back to its queue when the receipt is dropped.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use ports::{Acker, BusError, Queue};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Core,
    events::Ack,
    work_queue::{Content, Item},
};

/// Answers one delivery.
pub(super) struct EmbeddedAcker {
    core: Arc<Core>,
    queue: Queue,
    /// What goes back if it is not answered.
    item: Option<Item>,
    /// The delivery's place among those that may be unanswered at once.
    _place: OwnedSemaphorePermit,
}

impl EmbeddedAcker {
    pub(super) fn new(core: Arc<Core>, queue: Queue, item: &Item, place: OwnedSemaphorePermit) -> Self {
        let content = match &item.content {
            // The consumer gets the body; should the event come back, it is read again.
            Content::Event { key, .. } => Content::Event { key: *key, body: None },
            Content::Command(command) => Content::Command(command.clone()),
            Content::Timer(slot) => Content::Timer(*slot),
        };
        let again = Item { content, redelivered: true, published_ms: item.published_ms };
        Self { core, queue, item: Some(again), _place: place }
    }

    /// There is nothing to answer.
    pub(super) fn discard(mut self) {
        self.item = None;
    }

    /// The item cannot be handed out at the moment.
    pub(super) fn put_back_later(mut self) {
        if let Some(item) = self.item.take() {
            let at = self.core.clock.now() + SignedDuration::from_secs(1);
            self.core.push_at(at, self.queue, item);
        }
    }
}

#[async_trait]
impl Acker for EmbeddedAcker {
    async fn ack(mut self: Box<Self>) -> Result<bool, BusError> {
        match self.item.as_ref().map(|item| &item.content) {
            Some(Content::Event { key, .. }) => {
                let ack = Ack { core: self.core.clone(), queue: self.queue, key: *key };
                if let Err(fault) = self.core.writer.write(ack).await {
                    // At once it would only be done again for the same broken disk.
                    self.put_back_later();
                    return Err(fault.into());
                }
            }
            Some(Content::Command(_) | Content::Timer(_)) => self.core.queue(self.queue).answered(1),
            None => {}
        }
        // Until here a caller that stops waiting has the item delivered again.
        self.item = None;
        Ok(true)
    }

    async fn retry_at(mut self: Box<Self>, at: Timestamp) -> Result<(), BusError> {
        if let Some(item) = self.item.take() {
            self.core.push_at(at, self.queue, item);
        }
        Ok(())
    }
}

impl Drop for EmbeddedAcker {
    fn drop(&mut self) {
        if let Some(item) = self.item.take() {
            self.core.queue(self.queue).push_front(item);
        }
    }
}
