//! Answers one delivery.
//!
//! In: an item that was delivered. Out: it is removed, or it returns. Never: loses an item: one without an answer
//! returns to its queue when the acker is dropped.

use std::sync::Arc;

use async_trait::async_trait;
use domain::time::after_s;
use jiff::Timestamp;
use ports::{Acker, BusError, Queue};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    core::Core,
    events::Ack,
    work_queue::{Content, Item},
};

/// [`Acker`] of one delivery.
pub(super) struct EmbeddedAcker {
    core: Arc<Core>,
    queue: Queue,
    /// The item that returns to the queue unless the delivery is acknowledged.
    item: Option<Item>,
    /// Counts the delivery towards the prefetch, if a stream handed it out.
    _permit: Option<OwnedSemaphorePermit>,
}

impl EmbeddedAcker {
    pub(super) fn new(
        core: Arc<Core>,
        queue: Queue,
        item: &Item,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let content = match &item.content {
            // The consumer gets the body; if the event returns, it is read again.
            Content::Event { key, .. } => Content::Event { key: *key, body: None },
            Content::Command(command) => Content::Command(command.clone()),
            Content::Timer(slot) => Content::Timer(*slot),
        };
        let returned = Item { content, redelivered: true, published_ms: item.published_ms };
        Self { core, queue, item: Some(returned), _permit: permit }
    }

    /// Drops the item for good.
    pub(super) fn discard(mut self) {
        self.item = None;
    }

    /// Returns the item to its queue in a second.
    pub(super) fn put_back_later(mut self) {
        if let Some(item) = self.item.take() {
            let at = after_s(self.core.clock.now(), 1);
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
                    // An immediate retry would meet the same broken disk.
                    self.put_back_later();
                    return Err(fault.into());
                }
            }
            Some(Content::Command(_) | Content::Timer(_)) => self.core.queue(self.queue).answered(1),
            None => {}
        }
        // If the caller stopped waiting before this point, the item is delivered again.
        self.item = None;
        Ok(true)
    }

    async fn retry_at(mut self: Box<Self>, at: Timestamp) -> Result<(), BusError> {
        if let Some(item) = self.item.take() {
            self.core.push_at(at, self.queue, item);
        }
        Ok(())
    }

    async fn give_back(self: Box<Self>) -> Result<(), BusError> {
        drop(self);
        Ok(())
    }

    /// There is no connection that could be lost.
    fn is_held(&self) -> bool {
        true
    }
}

impl Drop for EmbeddedAcker {
    fn drop(&mut self) {
        if let Some(item) = self.item.take() {
            self.core.queue(self.queue).push_front(item);
        }
    }
}
