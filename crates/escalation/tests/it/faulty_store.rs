//! Ports of a store that fail, hang or tell what they were asked.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use domain::id::RunId;
use jiff::Timestamp;
use ports::{DueStore, RetentionStore, Store, StoreError};
use tokio::sync::{Semaphore, watch};

/// Due rows of a store that may be away, or take long to answer.
pub(crate) struct FaultyDue {
    store: Arc<dyn Store>,
    /// How many questions fail before the store answers again.
    pub failures: AtomicU32,
    /// A question waits for one of these.
    pub answers: Semaphore,
    /// How many questions were asked.
    pub asked: AtomicU32,
}

impl FaultyDue {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let answers = Semaphore::new(Semaphore::MAX_PERMITS);
        Self { store, failures: AtomicU32::new(0), answers, asked: AtomicU32::new(0) }
    }
}

#[async_trait]
impl DueStore for FaultyDue {
    async fn take_due(
        &self,
        shard: Option<u8>,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<RunId>, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let _permit = self.answers.acquire().await;
        let counted =
            self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if counted.is_ok() {
            return Err(StoreError::Unavailable("the store is away".to_owned()));
        }
        self.store.take_due(shard, now, hidden_until, max).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.store.next_due().await
    }
}

/// The retention of a store, which tells up to when it purged last.
pub(crate) struct ObservedRetention {
    store: Arc<dyn Store>,
    purged: watch::Sender<Option<Timestamp>>,
}

impl ObservedRetention {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, purged: watch::Sender::new(None) }
    }

    /// Returns once everything that ended before this was purged.
    pub(crate) async fn purged_up_to(&self, before: Timestamp) {
        self.purged.subscribe().wait_for(|purged| *purged >= Some(before)).await.unwrap();
    }
}

#[async_trait]
impl RetentionStore for ObservedRetention {
    async fn purge(&self, before: Timestamp, max: u16) -> Result<u64, StoreError> {
        let gone = self.store.purge(before, max).await?;
        self.purged.send_replace(Some(before));
        Ok(gone)
    }

    async fn ended_with_texts(&self, before: Timestamp, max: u16) -> Result<Vec<RunId>, StoreError> {
        self.store.ended_with_texts(before, max).await
    }

    async fn purge_letters(&self, before: Timestamp, max: u16) -> Result<u64, StoreError> {
        self.store.purge_letters(before, max).await
    }

    async fn purge_run(&self, id: &RunId, before: Timestamp) -> Result<bool, StoreError> {
        self.store.purge_run(id, before).await
    }
}
