//! Whether writes may have been lost: a failover, or a server that came back with an older state.
//!
//! In: what the server says of its history. Out: a generation that rises with every doubt, and until when to doubt.
//! Never: certain. A server that restarts starts a new history even if it lost nothing, so a doubt may be needless;
//! a loss that leaves the history's name in place is seen only by a process that remembers a higher generation.

use std::sync::{Mutex, PoisonError};

use domain::limits::{LEASE_MS, PROVIDER_ANSWER_MS_MAX};
use jiff::{SignedDuration, Timestamp};
use ports::StoreError;
use redis::cmd;

use crate::{
    connect::fields,
    connection::Call,
    keys::short,
    store::RedisStore,
    time::{floor_ms, of_ms},
};

/// How long a doubt lasts, in milliseconds: until every send that was under way is known to somebody, and a minute.
pub const RECONCILE_MS: i64 = PROVIDER_ANSWER_MS_MAX as i64 + LEASE_MS + 60_000;
/// How often the history is looked at though no connection broke, in seconds.
const LOOK_EVERY_S: i64 = 10;
/// Runs that one look forgets, so that nobody waits for long.
const FORGOTTEN_AT_ONCE: u16 = 16;

/// What this process knows of the server's history.
#[derive(Default)]
pub(crate) struct Generation(Mutex<Observed>);

#[derive(Default, Clone, Copy)]
struct Observed {
    generation: u64,
    since: Option<Timestamp>,
    looked_at: Option<Timestamp>,
}

impl Generation {
    fn seen(&self) -> Observed {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, change: impl FnOnce(&mut Observed)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What names the history of all servers together: one that fails over, comes or goes makes it another.
fn history_of(infos: &[String]) -> String {
    // A managed server may hide it; then there is nothing to compare but the generation.
    let of = |info: &String| fields(info).remove("master_replid").unwrap_or_else(|| "hidden".to_owned());
    let mut histories: Vec<String> = infos.iter().map(of).collect();
    histories.sort();
    match &histories[..] {
        [only] => only.clone(),
        several => short(&several.iter().map(String::as_str).collect::<Vec<_>>()),
    }
}

impl RedisStore {
    /// Rises whenever writes may have been lost. 0: it is not known yet.
    pub fn generation(&self) -> u64 {
        self.seen.seen().generation
    }

    /// Until when writes may be missing that were acknowledged earlier; `None` if nothing speaks for it.
    ///
    /// Until then, a message that was delivered to us before, or whose run says that it was being sent, must not be sent
    /// without asking the provider.
    pub fn reconcile_until(&self) -> Option<Timestamp> {
        let until = self.seen.seen().since?.checked_add(SignedDuration::from_millis(RECONCILE_MS)).ok()?;
        (until > self.settings.clock.now()).then_some(until)
    }

    /// Looks at the servers' history. [`ports::Store::take_due`] does so every ten seconds, and when a connection broke.
    ///
    /// # Errors
    /// When a server does not answer.
    pub async fn check_generation(&self) -> Result<(), StoreError> {
        let looked = self.look_at_history().await;
        if looked.is_err() {
            // Nobody goes on as if it had been looked at.
            self.connection.note_broke();
        }
        looked
    }

    async fn look_at_history(&self) -> Result<(), StoreError> {
        let now = self.settings.clock.now();
        let texts: Vec<String> = self.connection.every(cmd("INFO").arg("replication")).await?;
        let history = history_of(&texts);
        let call = Call::new(&self.scripts.generation, vec![self.keys.generation()])
            .arg(history)
            .arg(self.generation())
            .arg(floor_ms(now));
        let (generation, since): (u64, i64) = self.connection.call(call).await?;
        let before = self.generation();
        self.seen.note(|seen| {
            *seen = Observed { generation, since: (since > 0).then(|| of_ms(since)), looked_at: Some(now) };
        });
        if before > 0 && generation > before {
            tracing::warn!(
                generation,
                "the server has another history: writes may be lost, doubts are asked about"
            );
        }
        Ok(())
    }

    /// Since when writes may be missing, as far as it matters still. Looks at the history where it may be another one.
    pub(crate) async fn detect_data_loss(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.is_unsure() {
            self.check_generation().await?;
        }
        Ok(self.reconcile_until().and_then(|_| self.seen.seen().since))
    }

    /// Whether a connection broke since the last look, or that was long ago.
    fn is_unsure(&self) -> bool {
        let (now, looked_at) = (self.settings.clock.now(), self.seen.seen().looked_at);
        let is_old = looked_at.is_none_or(|at| now.duration_since(at).as_secs() >= LOOK_EVERY_S);
        self.connection.take_broke() || is_old
    }

    /// What a store does for itself whenever due runs are asked for.
    pub(crate) async fn look_after(&self, now: Timestamp) -> Result<(), StoreError> {
        if self.is_unsure() {
            self.check_generation().await?;
            let before = self.settings.retention.and_then(|kept| now.checked_sub(kept).ok());
            if let Some(before) = before {
                self.purge_runs(before, FORGOTTEN_AT_ONCE).await?;
            }
        }
        Ok(())
    }
}
