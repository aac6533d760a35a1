//! Whom texts may come from, and how their latest ones did. In: receipts of this process, sums of all processes. Out: the
//! originators as transitions choose among them.
//!
//! Never: holds up a text: until the store answers, a choice is made on what was known before. A process that is killed
//! loses the receipts of its last seconds; a score is a sample and no account.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use domain::originator::{Originator, Originators, Receipt, ReceiptTally};
use jiff::Timestamp;
use ports::{ReceiptStore, StoreError};

/// The originators of one process.
#[derive(Debug, Default)]
pub(crate) struct OriginatorScores {
    in_force: RwLock<Arc<Originators>>,
    tally: Mutex<ReceiptTally>,
}

impl OriginatorScores {
    /// These originators, the preferred first, with nothing known of them.
    pub(crate) fn new(all: Vec<Originator>) -> Self {
        Self { in_force: RwLock::new(Arc::new(Originators::new(all))), tally: Mutex::default() }
    }

    /// The originators as they are known now.
    pub(crate) fn in_force(&self) -> Arc<Originators> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes note of what became of texts.
    pub(crate) fn note(&self, receipts: &[Receipt]) {
        if receipts.is_empty() {
            return;
        }
        let in_force = self.in_force();
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        receipts.iter().for_each(|receipt| tally.add(receipt, in_force.first()));
    }

    /// Gives the store what was noted, and takes from it what all processes noted.
    pub(crate) async fn exchange(&self, store: &dyn ReceiptStore, now: Timestamp) -> Result<(), StoreError> {
        let noted = mem::take(&mut *self.tally.lock().unwrap_or_else(PoisonError::into_inner));
        let counts = noted.counts();
        if !counts.is_empty()
            && let Err(error) = store.add_receipts(&counts, now).await
        {
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            counts.iter().for_each(|count| tally.add_count(count));
            return Err(error);
        }
        let known = self.in_force();
        if known.are_several() {
            let after = Arc::new(known.after(store.receipts(now).await?));
            *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = after;
        }
        Ok(())
    }
}
