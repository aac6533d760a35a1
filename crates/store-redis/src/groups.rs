//! What is remembered of texts that belong together. In: calls of the port. Out: one hash a group, in a slot of its own.

use async_trait::async_trait;
use domain::{
    group::{Group, GroupKey},
    time::ceil_ms,
};
use jiff::Timestamp;
use ports::{GroupStore, StoreError, Versioned};
use redis::cmd;
use sealing::Lookup;

use crate::{
    connection::{Call, unreadable},
    documents::json,
    redis_store::RedisStore,
};

#[async_trait]
impl GroupStore for RedisStore {
    async fn group(&self, key: &GroupKey) -> Result<Option<Versioned<Group>>, StoreError> {
        let name = self.keys.group(&self.sealer.index(Lookup::Group, key.as_str()));
        let held: (Option<u64>, Option<String>) =
            self.connection.command(cmd("HMGET").arg(&name).arg("version").arg("doc")).await?;
        let (Some(version), Some(doc)) = held else { return Ok(None) };
        let value = serde_json::from_str(&doc).map_err(|error| unreadable("group", key.as_str(), error))?;
        Ok(Some(Versioned { value, version }))
    }

    async fn keep_group(
        &self,
        key: &GroupKey,
        group: &Group,
        version: u64,
        kept_until: Timestamp,
        _now: Timestamp,
    ) -> Result<bool, StoreError> {
        let name = self.keys.group(&self.sealer.index(Lookup::Group, key.as_str()));
        let call = Call::new(&self.scripts.keep_group, vec![name])
            .arg(version)
            .arg(json(group, "group", key.as_str())?)
            .arg(ceil_ms(kept_until));
        self.connection.call(call).await
    }
}
