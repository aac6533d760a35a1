//! Whether a process that sends may start: the preflight of production, and whose account it is. In: what the store keeps,
//! and what Twilio says. Out: a start, or why there is none.
//!
//! Never: stops a process that runs because a preflight grows old, or because one question had no answer.

use std::{sync::Arc, time::Duration};

use anyhow::bail;
use config::Config;
use domain::{
    limits::ADMITTED_EVERY_S,
    preflight::{Gate, Seen, Unread, gate},
    time::after_s,
};
use jiff::SignedDuration;
use ports::{Clock, PreflightStore, within};
use tokio_util::sync::CancellationToken;
use twilio::TwilioAccount;

use crate::provider::Account;

/// How long a start waits for what Twilio says of the account.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How long after an answer that did not come it is asked again.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// A process that was let in.
pub(crate) struct Admission {
    environment: String,
    account: String,
    sender: String,
    configuration: String,
    store: Arc<dyn PreflightStore>,
    clock: Arc<dyn Clock>,
    /// What asks whose account it is, as long as that is not known.
    unasked: Option<TwilioAccount>,
}

impl Admission {
    /// Asks whether this process may send, and whose account it is. `without` is why it starts without a preflight.
    ///
    /// # Errors
    /// Where it may not, where the account is another one, and where the store cannot be asked.
    pub(crate) async fn ask(
        config: &Config,
        account: &Account,
        store: Arc<dyn PreflightStore>,
        clock: Arc<dyn Clock>,
        without: Option<&str>,
    ) -> anyhow::Result<Self> {
        let known = store.preflight().await?;
        let mut admission = Self {
            environment: config.infrastructure.environment.clone(),
            account: account.sid().unwrap_or_default().to_owned(),
            sender: account.sender_id(),
            configuration: config.digest.clone(),
            unasked: account.reader(&config.infrastructure)?,
            store,
            clock,
        };
        match gate(&admission.seen(), &known, without) {
            Gate::Open => {}
            Gate::Warned(said) => tracing::warn!("{said}"),
            Gate::Closed(why) => bail!(why),
        }
        admission.ask_account().await?;
        Ok(admission)
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            environment: &self.environment,
            account: &self.account,
            sender: &self.sender,
            configuration: &self.configuration,
            now: self.clock.now(),
        }
    }

    /// Notes every hour that it sends, so that it may start again, and goes on asking whose account it is where no answer
    /// came. Who cannot reach the store notes it the next time.
    ///
    /// # Errors
    /// Where the account is another one.
    pub(crate) async fn watch(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut due = self.clock.now();
        loop {
            let now = self.clock.now();
            if self.environment == "production" && due <= now {
                match self.store.note_admitted(&self.seen().admitted()).await {
                    Ok(()) => due = after_s(now, ADMITTED_EVERY_S),
                    Err(error) => tracing::debug!(%error, "this process could not note that it sends"),
                }
            }
            if stop.run_until_cancelled(self.clock.sleep_until(now + ASK_AGAIN)).await.is_none() {
                return Ok(());
            }
            self.ask_account().await?;
        }
    }

    /// Asks Twilio whose account it is, unless that is known. A key that may not read the account signs in to it alone.
    async fn ask_account(&mut self) -> anyhow::Result<()> {
        let Some(reader) = &self.unasked else { return Ok(()) };
        let asked = within(&*self.clock, ANSWER_MAX, reader.account()).await;
        match asked.unwrap_or_else(|| Err(Unread::NoAnswer("no answer in time".to_owned()))) {
            Ok(account) if account.sid != self.account => bail!(
                "Twilio says that the credentials are of account {}, and the configuration says {}: give this environment \
                 its own credentials",
                account.sid,
                self.account
            ),
            Ok(_) | Err(Unread::NotPermitted) => self.unasked = None,
            Err(why) => {
                let reason = why.reason();
                tracing::warn!(
                    reason,
                    "whose account it is could not be asked; texts go out, and it is asked again"
                );
            }
        }
        Ok(())
    }
}
