//! Whether every server takes writes. In: nothing. Out: why not.

use async_trait::async_trait;
use futures::future::try_join_all;
use ports::Dependency;
use redis::cmd;

use crate::redis_store::RedisStore;

/// How long a key that was written is kept, in milliseconds.
const KEPT_MS: u32 = 60_000;

#[async_trait]
impl Dependency for RedisStore {
    /// Writes a key to each primary. It is never read.
    async fn check(&self) -> Result<(), String> {
        let keys = self.connection.key_per_server(|number| self.keys.check(number));
        let written = keys.iter().map(async |key| {
            let mut set = cmd("SET");
            set.arg(key).arg(1).arg("PX").arg(KEPT_MS);
            self.connection.command::<()>(&set).await
        });
        try_join_all(written).await.map_err(|error| error.to_string())?;
        Ok(())
    }
}
