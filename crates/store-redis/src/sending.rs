//! Whether texts go out of the account. In: notes. Out: the one that holds.
//!
//! Never: replaces a note that its caller has not seen.

use async_trait::async_trait;
use domain::outbound::SendingState;
use ports::{SendingStore, StoreError};
use redis::cmd;

use crate::{
    connection::{Call, unreadable},
    documents::json,
    redis_store::RedisStore,
};

#[async_trait]
impl SendingStore for RedisStore {
    async fn sending(&self) -> Result<Option<SendingState>, StoreError> {
        let doc: Option<String> =
            self.connection.command(cmd("HGET").arg(self.keys.sending()).arg("doc")).await?;
        let parse =
            |doc: String| serde_json::from_str(&doc).map_err(|error| unreadable("note", "of sending", error));
        doc.map(parse).transpose()
    }

    async fn note_sending(
        &self,
        noted: Option<&SendingState>,
        new: &SendingState,
    ) -> Result<bool, StoreError> {
        let call = Call::new(&self.scripts.note_sending, vec![self.keys.sending()])
            .arg(noted.map(SendingState::name).unwrap_or_default())
            .arg(new.name())
            .arg(json(new, "note", "of sending")?);
        self.connection.call(call).await
    }
}
