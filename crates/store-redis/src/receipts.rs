//! What became of the latest texts of each originator. In: calls of the port. Out: one hash for each slice of time.
//!
//! A slice expires by itself.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{
    limits::ORIGINATOR_WINDOW_S,
    originator::{Arrived, ReceiptCount, ReceiptTally, slice_of, slices_at},
};
use jiff::Timestamp;
use ports::{ReceiptStore, StoreError};
use redis::cmd;

use crate::{
    connection::{Call, unreadable},
    redis_store::RedisStore,
};

#[async_trait]
impl ReceiptStore for RedisStore {
    async fn add_receipts(&self, counts: &[ReceiptCount], now: Timestamp) -> Result<(), StoreError> {
        let mut call = Call::new(&self.scripts.add_receipts, vec![self.keys.receipts(slice_of(now))])
            .arg(2 * ORIGINATOR_WINDOW_S)
            .arg(self.connection.token());
        for ReceiptCount { originator, calling_code, arrived } in counts {
            for (what, count) in [("delivered", arrived.delivered), ("failed", arrived.failed)] {
                if count > 0 {
                    call = call.arg(format!("{originator} {calling_code} {what}")).arg(count);
                }
            }
        }
        self.connection.call(call).await
    }

    async fn receipts(&self, now: Timestamp) -> Result<Vec<ReceiptCount>, StoreError> {
        let read_slice = |slice| cmd("HGETALL").arg(self.keys.receipts(slice)).take();
        let slices: Vec<HashMap<String, u32>> =
            self.connection.commands(slices_at(now).map(read_slice).collect()).await?;
        let mut tally = ReceiptTally::default();
        // The others are names of calls.
        let sums = slices.into_iter().flatten().filter(|(name, _)| !name.starts_with('#'));
        for (name, count) in sums {
            let count =
                read(&name, count).ok_or_else(|| unreadable("receipts", "of a slice", "an unknown name"))?;
            tally.add_count(&count);
        }
        Ok(tally.counts())
    }
}

/// One sum of a slice; `None` if it cannot be read.
fn read(name: &str, count: u32) -> Option<ReceiptCount> {
    let mut parts = name.split(' ');
    let (originator, calling_code) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let arrived = match parts.next()? {
        "delivered" => Arrived { delivered: count, failed: 0 },
        "failed" => Arrived { delivered: 0, failed: count },
        _ => return None,
    };
    Some(ReceiptCount { originator, calling_code, arrived })
}
