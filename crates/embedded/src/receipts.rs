//! What became of the latest texts of each originator. In: calls of the port. Out: rows, one for each slice of time.

use std::fmt::Display;

use async_trait::async_trait;
use domain::originator::{Arrived, ReceiptCount, slice_of, slices_at};
use jiff::Timestamp;
use ports::{ReceiptStore, StoreError};
use rusqlite::{Connection, Row, params};

use crate::{fault::Fault, store::EmbeddedStore};

#[async_trait]
impl ReceiptStore for EmbeddedStore {
    async fn add_receipts(&self, counts: &[ReceiptCount], now: Timestamp) -> Result<(), StoreError> {
        let (counts, slice, oldest) = (counts.to_vec(), slice_of(now), slices_at(now).last());
        let add = move |connection: &Connection| {
            let mut add = connection.prepare_cached(
                "INSERT INTO receipt (slice_s, originator, calling_code, delivered, failed) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET delivered = delivered + excluded.delivered, failed = failed + excluded.failed",
            )?;
            for ReceiptCount { originator, calling_code, arrived } in &counts {
                add.execute(params![
                    slice,
                    originator.as_str(),
                    calling_code.to_string(),
                    arrived.delivered,
                    arrived.failed
                ])?;
            }
            connection.prepare_cached("DELETE FROM receipt WHERE slice_s < ?1")?.execute([oldest])?;
            Ok(())
        };
        Ok(self.writer.write(add).await?)
    }

    async fn receipts(&self, now: Timestamp) -> Result<Vec<ReceiptCount>, StoreError> {
        let (latest, oldest) = (slice_of(now), slices_at(now).last());
        let read = move |connection: &Connection| {
            let mut select = connection.prepare_cached(
                "SELECT originator, calling_code, sum(delivered), sum(failed) FROM receipt
                 WHERE slice_s BETWEEN ?1 AND ?2 GROUP BY 1, 2 ORDER BY 1, 2",
            )?;
            select.query_and_then(params![oldest, latest], count)?.collect::<Result<Vec<_>, Fault>>()
        };
        Ok(self.readers.read(read).await?)
    }
}

fn count(row: &Row<'_>) -> Result<ReceiptCount, Fault> {
    let (originator, code): (String, String) = (row.get(0)?, row.get(1)?);
    Ok(ReceiptCount {
        originator: originator.parse().map_err(unreadable)?,
        calling_code: code.parse().map_err(unreadable)?,
        arrived: Arrived { delivered: row.get(2)?, failed: row.get(3)? },
    })
}

fn unreadable(error: impl Display) -> Fault {
    Fault::Corrupt(format!("a receipt: {error}"))
}
