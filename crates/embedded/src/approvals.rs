//! What agents ask for and people decide on. In: calls of the port. Out: rows.
//!
//! Never: replaces an approval that its caller has not seen.

use async_trait::async_trait;
use domain::{
    approval::{Approval, ApprovalStage},
    time::{ceil_ms, floor_ms},
};
use jiff::Timestamp;
use ports::{ApprovalStore, Kept, StoreError, Versioned};
use rusqlite::{Connection, OptionalExtension as _, Params, params};
use sealing::{Kind, Sealer};

use crate::{document::Sealed, fault::Fault, store::EmbeddedStore};

#[async_trait]
impl ApprovalStore for EmbeddedStore {
    async fn approvals(&self) -> Result<Vec<Versioned<Approval>>, StoreError> {
        let sealer = self.sealer();
        let read = move |connection: &Connection| {
            let sql = "SELECT id, version, doc FROM approval ORDER BY asked_ms DESC, id";
            select(connection, &sealer, sql, [])
        };
        Ok(self.readers.read(read).await?)
    }

    async fn approval(&self, id: &str) -> Result<Option<Versioned<Approval>>, StoreError> {
        let (id, sealer) = (id.to_owned(), self.sealer());
        let read = move |connection: &Connection| {
            let sql = "SELECT id, version, doc FROM approval WHERE id = ?1";
            Ok(select(connection, &sealer, sql, [&id])?.into_iter().next())
        };
        Ok(self.readers.read(read).await?)
    }

    async fn approvals_to_do(&self) -> Result<Vec<Versioned<Approval>>, StoreError> {
        let sealer = self.sealer();
        let read = move |connection: &Connection| {
            select(connection, &sealer, "SELECT id, version, doc FROM approval WHERE stage = 1", [])
        };
        Ok(self.readers.read(read).await?)
    }

    async fn keep_approval(
        &self,
        approval: &Approval,
        version: u64,
        pending_max: u16,
        now: Timestamp,
    ) -> Result<Kept, StoreError> {
        let Approval { id, token, expires_at, asked_at, .. } = approval.clone();
        let doc = Sealed::new(&self.state.sealer, Kind::Approval).doc(&id, approval)?;
        let stage = stage_number(approval.stage());
        let (kept_until, now) = (ceil_ms(approval.kept_until()), floor_ms(now));
        let (expires, asked) = (ceil_ms(expires_at), floor_ms(asked_at));
        let keep = move |connection: &Connection| {
            let mut held = connection.prepare_cached("SELECT version FROM approval WHERE id = ?1")?;
            let held: i64 = held.query_row([&id], |row| row.get(0)).optional()?.unwrap_or_default();
            if held.cast_unsigned() != version {
                return Ok(Kept::Changed);
            }
            if stage == 0 {
                connection
                    .prepare_cached("DELETE FROM approval WHERE kept_until_ms <= ?1 AND id <> ?2")?
                    .execute(params![now, id])?;
                let sql = "SELECT count(*) FROM approval \
                           WHERE stage = 0 AND token = ?1 AND expires_ms > ?2 AND id <> ?3";
                let pending: i64 =
                    connection.prepare_cached(sql)?.query_row(params![token, now, id], |row| row.get(0))?;
                if pending >= i64::from(pending_max) {
                    return Ok(Kept::Full);
                }
            }
            let sql = "INSERT OR REPLACE INTO approval (id, version, token, stage, expires_ms, kept_until_ms, asked_ms, doc) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let version = version.cast_signed() + 1;
            connection
                .prepare_cached(sql)?
                .execute(params![id, version, token, stage, expires, kept_until, asked, doc])?;
            Ok(Kept::Stored)
        };
        Ok(self.writer.write(keep).await?)
    }
}

fn stage_number(stage: ApprovalStage) -> i64 {
    match stage {
        ApprovalStage::Waits => 0,
        ApprovalStage::MustBeDone => 1,
        ApprovalStage::Over => 2,
    }
}

fn select(
    connection: &Connection,
    sealer: &Sealer,
    sql: &str,
    params: impl Params,
) -> Result<Vec<Versioned<Approval>>, Fault> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, version): (String, i64) = (row.get(0)?, row.get(1)?);
        let value = Sealed::new(sealer, Kind::Approval).read(&id, row.get_ref(2)?)?;
        found.push(Versioned { value, version: version.cast_unsigned() });
    }
    Ok(found)
}
