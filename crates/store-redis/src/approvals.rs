//! What agents ask for and people decide on. In: calls of the port. Out: a hash of documents, one of those that are not over,
//! and until when each is kept, in one slot.
//!
//! Documents of the time before there was a key are left to expire.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{
    approval::{Approval, ApprovalStage},
    time::{ceil_ms, floor_ms},
};
use jiff::Timestamp;
use ports::{ApprovalStore, Kept, StoreError, Versioned};
use redis::cmd;
use sealing::Kind;

use crate::{
    connection::{Call, unreadable},
    redis_store::RedisStore,
};

#[async_trait]
impl ApprovalStore for RedisStore {
    async fn approvals(&self) -> Result<Vec<Versioned<Approval>>, StoreError> {
        let [docs, ..] = self.keys.approvals();
        let docs: BTreeMap<String, Vec<u8>> = self.connection.command(cmd("HGETALL").arg(docs)).await?;
        let read = |(id, stored): (&String, &Vec<u8>)| self.read_approval(id, stored);
        let mut all = docs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        all.sort_by(|a, b| (b.value.asked_at, &a.value.id).cmp(&(a.value.asked_at, &b.value.id)));
        Ok(all)
    }

    async fn approval(&self, id: &str) -> Result<Option<Versioned<Approval>>, StoreError> {
        let [docs, ..] = self.keys.approvals();
        let stored: Option<Vec<u8>> = self.connection.command(cmd("HGET").arg(docs).arg(id)).await?;
        stored.map(|stored| self.read_approval(id, &stored)).transpose()
    }

    async fn approvals_to_do(&self) -> Result<Vec<Versioned<Approval>>, StoreError> {
        let [_, open, _] = self.keys.approvals();
        let open: BTreeMap<String, String> = self.connection.command(cmd("HGETALL").arg(open)).await?;
        let mut found = Vec::new();
        for (id, _) in open.into_iter().filter(|(_, says)| says.starts_with("1 ")) {
            let approval = self.approval(&id).await?;
            found.extend(approval.filter(|held| held.value.stage() == ApprovalStage::MustBeDone));
        }
        Ok(found)
    }

    async fn keep_approval(
        &self,
        approval: &Approval,
        version: u64,
        pending_max: u16,
        now: Timestamp,
    ) -> Result<Kept, StoreError> {
        let stage = match approval.stage() {
            ApprovalStage::Waits => 0,
            ApprovalStage::MustBeDone => 1,
            ApprovalStage::Over => 2,
        };
        let call = Call::new(&self.scripts.keep_approval, self.keys.approvals().to_vec())
            .arg(approval.id.clone())
            .arg(version)
            .arg(self.sealed(Kind::Approval).doc(&approval.id, approval)?)
            .arg(stage)
            .arg(ceil_ms(approval.expires_at))
            .arg(approval.token.clone())
            .arg(ceil_ms(approval.kept_until()))
            .arg(pending_max)
            .arg(floor_ms(now))
            .arg(self.connection.token());
        Ok(match self.connection.call::<u8>(call).await? {
            1 => Kept::Stored,
            2 => Kept::Full,
            _ => Kept::Changed,
        })
    }
}

impl RedisStore {
    /// What the script stored: a version, who stored it, and the document.
    fn read_approval(&self, id: &str, stored: &[u8]) -> Result<Versioned<Approval>, StoreError> {
        let mut parts = stored.splitn(3, |byte| *byte == b' ');
        let version = parts.next().and_then(|version| std::str::from_utf8(version).ok()?.parse().ok());
        let (Some(version), Some(doc)) = (version, parts.nth(1)) else {
            return Err(unreadable("approval", id, "it has no version"));
        };
        Ok(Versioned { value: self.sealed(Kind::Approval).read(id, doc)?, version })
    }
}
