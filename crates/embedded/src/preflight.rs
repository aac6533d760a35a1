//! What is kept of preflights. In: calls of the port. Out: rows.

use async_trait::async_trait;
use domain::preflight::{Admitted, Preflight, PreflightReport};
use ports::{PreflightStore, StoreError};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::de::DeserializeOwned;

use crate::{document::json, fault::Fault, store::EmbeddedStore};

/// The last preflight.
const LAST: &str = "last";
/// The last sender that was let in.
const ADMITTED: &str = "admitted";

#[async_trait]
impl PreflightStore for EmbeddedStore {
    async fn preflight(&self) -> Result<Preflight, StoreError> {
        let read = |connection: &Connection| {
            Ok(Preflight { last: kept(connection, LAST)?, admitted: kept(connection, ADMITTED)? })
        };
        Ok(self.readers.read(read).await?)
    }

    async fn keep_preflight(&self, report: &PreflightReport) -> Result<(), StoreError> {
        let doc = json(report, "preflight", LAST)?;
        Ok(self.writer.write(keep(LAST, doc)).await?)
    }

    async fn note_admitted(&self, admitted: &Admitted) -> Result<(), StoreError> {
        let doc = json(admitted, "preflight", ADMITTED)?;
        Ok(self.writer.write(keep(ADMITTED, doc)).await?)
    }
}

fn keep(kind: &'static str, doc: String) -> impl FnMut(&Connection) -> Result<(), Fault> + Send + 'static {
    move |connection| {
        connection
            .prepare_cached("INSERT OR REPLACE INTO preflight (kind, doc) VALUES (?1, ?2)")?
            .execute(params![kind, doc])?;
        Ok(())
    }
}

fn kept<T: DeserializeOwned>(connection: &Connection, kind: &str) -> Result<Option<T>, Fault> {
    let mut select = connection.prepare_cached("SELECT doc FROM preflight WHERE kind = ?1")?;
    let doc: Option<String> = select.query_row([kind], |row| row.get(0)).optional()?;
    let parse = |doc: String| {
        serde_json::from_str(&doc).map_err(|error| Fault::unreadable("preflight", kind, &error))
    };
    doc.map(parse).transpose()
}
