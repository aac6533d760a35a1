//! Silences. In: calls of the port. Out: one hash, by id.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::silence::Silence;
use jiff::Timestamp;
use ports::{SilenceStore, StoreError};
use redis::cmd;

use crate::{connection::unreadable, documents::json, redis_store::RedisStore};

#[async_trait]
impl SilenceStore for RedisStore {
    async fn silences(&self, now: Timestamp) -> Result<Vec<Silence>, StoreError> {
        let all = self.all_silences().await?;
        Ok(all.into_values().filter(|silence| silence.until > now).collect())
    }

    async fn add_silence(&self, silence: &Silence, now: Timestamp) -> Result<(), StoreError> {
        let doc = json(silence, "silence", &silence.id())?;
        let mut add = cmd("HSETNX");
        add.arg(self.keys.silences()).arg(silence.id()).arg(doc);
        let _: u64 = self.connection.command(&add).await?;
        for (id, _) in self.all_silences().await?.into_iter().filter(|(_, silence)| silence.until <= now) {
            self.remove_silence(&id).await?;
        }
        Ok(())
    }

    async fn remove_silence(&self, id: &str) -> Result<bool, StoreError> {
        let removed: u64 = self.connection.command(cmd("HDEL").arg(self.keys.silences()).arg(id)).await?;
        Ok(removed > 0)
    }
}

impl RedisStore {
    async fn all_silences(&self) -> Result<BTreeMap<String, Silence>, StoreError> {
        let docs: BTreeMap<String, String> =
            self.connection.command(cmd("HGETALL").arg(self.keys.silences())).await?;
        let read = |(id, doc): (String, String)| {
            let silence = serde_json::from_str(&doc).map_err(|error| unreadable("silence", &id, error))?;
            Ok((id, silence))
        };
        docs.into_iter().map(read).collect()
    }
}
