//! Detects that writes may have been lost: after a failover, or when a server came back with an older state.
//!
//! In: the servers' replication history. Out: a generation that rises with every possible loss, and a reconcile window.
//! Never: certainty. A server that restarts starts a new history even if it lost nothing, so a window may be needless;
//! a loss that leaves the history's name in place is seen only by a process that remembers a higher generation.

use domain::{
    limits::{LEASE_MS, PROVIDER_ANSWER_MS_MAX},
    time::after_ms,
    time::{floor_ms, of_ms},
};
use jiff::Timestamp;
use ports::StoreError;
use redis::cmd;

use crate::{
    connection::Call,
    history::{Observed, history_of},
    redis_store::RedisStore,
};

/// How long the reconcile window lasts, in milliseconds: until every send that was under way has ended or lost its
/// lease, plus a minute.
pub const RECONCILE_MS: i64 = PROVIDER_ANSWER_MS_MAX as i64 + LEASE_MS + 60_000;
/// How often the history is checked while no connection breaks, in seconds.
const CHECK_EVERY_S: i64 = 10;

impl RedisStore {
    /// Rises whenever writes may have been lost. 0: not known yet.
    pub fn generation(&self) -> u64 {
        self.seen.observed().generation
    }

    /// The end of the reconcile window, in which acknowledged writes may be missing; `None` outside of one.
    ///
    /// Until then, a message that was delivered to us before, or whose run says that it was being sent, must not be sent
    /// before the provider was asked.
    pub fn reconcile_until(&self) -> Option<Timestamp> {
        let since = self.seen.observed().since?;
        let until = after_ms(since, RECONCILE_MS);
        (until > self.clock.now()).then_some(until)
    }

    /// Checks the servers' history. [`ports::Store::take_due`] does so every ten seconds, and when a connection broke.
    ///
    /// # Errors
    /// When a server does not answer.
    pub async fn check_generation(&self) -> Result<(), StoreError> {
        let checked = self.check_history().await;
        if checked.is_err() {
            // The next caller checks again.
            self.connection.note_broke();
        }
        checked
    }

    async fn check_history(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let infos: Vec<String> = self.connection.every(cmd("INFO").arg("replication")).await?;
        let before = self.generation();
        let call = Call::new(&self.scripts.generation, vec![self.keys.generation()])
            .arg(history_of(&infos))
            .arg(before)
            .arg(floor_ms(now));
        let (generation, since): (u64, i64) = self.connection.call(call).await?;
        let since = (since > 0).then(|| of_ms(since));
        self.seen.set(Observed { generation, since, checked_at: Some(now) });
        if before > 0 && generation > before {
            tracing::warn!(
                generation,
                "the Redis history changed: writes may be lost; unanswered sends are reconciled with the provider"
            );
        }
        Ok(())
    }

    /// Checks the history if a connection broke since the last check, or that check is old.
    pub(crate) async fn check_generation_if_stale(&self) -> Result<(), StoreError> {
        let checked_at = self.seen.observed().checked_at;
        let age_s = checked_at.map(|at| self.clock.now().duration_since(at).as_secs());
        if self.connection.take_broke() || age_s.is_none_or(|age_s| age_s >= CHECK_EVERY_S) {
            self.check_generation().await?;
        }
        Ok(())
    }

    /// Since when writes may be missing, during a reconcile window.
    pub(crate) async fn detect_data_loss(&self) -> Result<Option<Timestamp>, StoreError> {
        self.check_generation_if_stale().await?;
        Ok(self.reconcile_until().and_then(|_| self.seen.observed().since))
    }
}
