//! The keys that documents are sealed with. In: the key file, and what the server has. Out: what seals and opens.
//!
//! Never: seals with keys that the server does not hold: of two processes that make some at once, one's are kept, and
//! the other reads those.

use domain::status::Sealing;
use ports::StoreError;
use redis::cmd;
use sealing::{Sealer, Unlocked};

use crate::{
    connect::{ConnectError, SCHEMA_SEALED},
    connection::{Call, unreadable},
    redis_store::RedisStore,
};

/// How often another process may be first.
const TRIES_MAX: u8 = 8;

impl RedisStore {
    /// Unlocks the store's keys, makes them if it has none and a file is given, and wraps them with the file's current
    /// key.
    pub(crate) async fn unlock(&mut self) -> Result<(), ConnectError> {
        for _ in 0..TRIES_MAX {
            let (stored, unlocked) = self.unlocked().await?;
            let is_kept = match &unlocked.replacement {
                Some(new) => self.swap_keys(stored.as_deref().unwrap_or_default(), new).await?,
                None => true,
            };
            if is_kept {
                if let Some(key) = unlocked.replacement.as_deref().and_then(sealing::wrapped_by) {
                    tracing::info!(
                        key,
                        "the store's own keys are wrapped with this key of the file from now on"
                    );
                }
                return self.begin_sealing(unlocked.sealer).await.map_err(ConnectError::Keys);
            }
        }
        let busy = unreadable("keys", "of the store", "other processes change them all the time");
        Err(ConnectError::Keys(busy))
    }

    /// The same without a write. Where the store has no keys yet, nothing is sealed.
    pub(crate) async fn unlock_for_operator(&mut self) -> Result<(), ConnectError> {
        let (stored, unlocked) = self.unlocked().await?;
        if stored.is_some() {
            self.sealer = unlocked.sealer;
        }
        Ok(())
    }

    async fn unlocked(&self) -> Result<(Option<String>, Unlocked), ConnectError> {
        let stored = self.stored_keys().await.map_err(ConnectError::Keys)?;
        let unlocked = sealing::unlock(self.key_file.as_ref(), stored.as_deref());
        Ok((stored, unlocked.map_err(ConnectError::Locked)?))
    }

    /// What the server has.
    pub(crate) async fn stored_keys(&self) -> Result<Option<String>, StoreError> {
        self.connection.command(cmd("GET").arg(self.keys.sealing())).await
    }

    async fn swap_keys(&self, old: &str, new: &str) -> Result<bool, ConnectError> {
        let call = Call::new(&self.scripts.swap, vec![self.keys.sealing()]).arg(old).arg(new);
        self.connection.call(call).await.map_err(ConnectError::Keys)
    }

    /// From now on versions that cannot read sealed documents refuse the server.
    async fn begin_sealing(&mut self, sealer: Sealer) -> Result<(), StoreError> {
        if sealer.is_on() {
            let mut mark = cmd("SET");
            self.connection.command::<()>(mark.arg(self.keys.schema()).arg(SCHEMA_SEALED)).await?;
        }
        self.sealer = sealer;
        Ok(())
    }

    /// Notes that nothing is left that was stored before.
    pub(crate) async fn note_all_sealed(&self) -> Result<(), StoreError> {
        while let Some(stored) = self.stored_keys().await? {
            let Some(done) = sealing::all_sealed(&stored) else { break };
            let call = Call::new(&self.scripts.swap, vec![self.keys.sealing()]).arg(&stored).arg(done);
            if self.connection.call(call).await? {
                break;
            }
        }
        self.sealer.note_all_sealed();
        Ok(())
    }

    pub(crate) fn sealing(&self) -> Sealing {
        match (self.sealer.is_on(), self.sealer.has_former()) {
            (false, _) => Sealing::Off,
            (true, true) => Sealing::UnderWay,
            (true, false) => Sealing::Complete,
        }
    }
}
