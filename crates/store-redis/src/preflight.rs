//! What is kept of preflights. In: calls of the port. Out: the fields of one key.

use async_trait::async_trait;
use domain::preflight::{Admitted, Preflight, PreflightReport};
use ports::{PreflightStore, StoreError};
use redis::cmd;
use serde::de::DeserializeOwned;

use crate::{connection::unreadable, documents::json, redis_store::RedisStore};

/// The last preflight.
const LAST: &str = "last";
/// The last sender that was let in.
const ADMITTED: &str = "admitted";

#[async_trait]
impl PreflightStore for RedisStore {
    async fn preflight(&self) -> Result<Preflight, StoreError> {
        let get = cmd("HMGET").arg(self.keys.preflight()).arg(LAST).arg(ADMITTED).to_owned();
        let (last, admitted): (Option<String>, Option<String>) = self.connection.command(&get).await?;
        Ok(Preflight { last: parsed(last, LAST)?, admitted: parsed(admitted, ADMITTED)? })
    }

    async fn keep_preflight(&self, report: &PreflightReport) -> Result<(), StoreError> {
        self.keep(LAST, &json(report, "preflight", LAST)?).await
    }

    async fn note_admitted(&self, admitted: &Admitted) -> Result<(), StoreError> {
        self.keep(ADMITTED, &json(admitted, "preflight", ADMITTED)?).await
    }
}

impl RedisStore {
    async fn keep(&self, field: &str, doc: &[u8]) -> Result<(), StoreError> {
        let set = cmd("HSET").arg(self.keys.preflight()).arg(field).arg(doc).to_owned();
        self.connection.command(&set).await
    }
}

fn parsed<T: DeserializeOwned>(doc: Option<String>, field: &str) -> Result<Option<T>, StoreError> {
    doc.map(|doc| serde_json::from_str(&doc).map_err(|error| unreadable("preflight", field, error)))
        .transpose()
}
