//! Controls the simulator from a test or the command line. In: what phones do, and conditions to wait for.
//! Out: what phones show, and the report.
//!
//! Never: polls: each change wakes the tasks that wait.

use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError},
    time::Duration,
};

use twilio::Secret;
use url::Url;

use crate::{
    account::AccountState,
    control::NotSet,
    fault::{FaultPlan, Injection},
    inbound::{NotDelivered, Replied},
    phone::{Behaviour, PhoneText, ReplyRule},
    report::{Expectation, Report},
    sim::Sim,
    state::View,
};

/// A running simulator. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct SimHandle {
    sim: Arc<Sim>,
    address: SocketAddr,
    base_url: Url,
}

/// What was waited for did not happen in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not within {within:?}; so far: {report:?}")]
pub struct TimedOut {
    within: Duration,
    report: Box<Report>,
}

impl SimHandle {
    pub(crate) fn new(sim: Arc<Sim>, address: SocketAddr, base_url: Url) -> Self {
        Self { sim, address, base_url }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the client takes as its API base.
    pub fn base_url(&self) -> Url {
        self.base_url.clone()
    }

    /// One phone.
    pub fn phone(&self, number: impl Into<String>) -> PhoneHandle {
        PhoneHandle { sim: Arc::clone(&self.sim), number: number.into() }
    }

    /// The report so far.
    pub fn report(&self) -> Report {
        self.sim.read(|state| state.report())
    }

    /// Looks at the state once.
    pub fn view<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        self.sim.read(|state| look(&View(state)))
    }

    /// Waits until a condition holds.
    #[expect(clippy::disallowed_methods, reason = "the simulator is a server of its own, with its own clock")]
    pub async fn wait_until(
        &self,
        holds: impl Fn(&View<'_>) -> bool,
        within: Duration,
    ) -> Result<(), TimedOut> {
        let mut changed = self.sim.changed.subscribe();
        let waiting = async {
            while !self.view(&holds) {
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        let timed_out = tokio::time::timeout(within, waiting).await.is_err();
        if timed_out { Err(TimedOut { within, report: Box::new(self.report()) }) } else { Ok(()) }
    }

    /// Replaces what goes wrong from here on.
    pub fn set_faults(&self, plan: FaultPlan) -> Result<(), NotSet> {
        self.sim.set_faults(plan)
    }

    /// Replaces what the account says of itself.
    pub fn set_account(&self, account: AccountState) -> Result<(), NotSet> {
        self.sim.set_account(account)
    }

    /// Has the next requests fail.
    pub fn inject(&self, injection: impl Into<Injection>) {
        let injection = injection.into();
        self.sim.change(|state| state.faults.injections.push(injection));
    }

    /// Whether every list is answered with 503, so that what became of a text cannot be looked up.
    pub fn refuse_lists(&self, are_refused: bool) {
        self.sim.change(|state| state.faults.are_lists_refused = are_refused);
    }

    /// Has another token of the account sign in as well. With `is_primary` callbacks are signed with it, as once it was
    /// promoted.
    pub fn add_token(&self, token: &str, is_primary: bool) {
        let token = Secret::from(token);
        if is_primary {
            self.sim.webhook_client.sign_with(&token);
        }
        *self.sim.second_token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    /// Expects a text. With the first expectation every other text becomes unexpected.
    pub fn expect(&self, to: impl Into<String>, contains: impl Into<String>) {
        let expectation = Expectation { to: to.into(), contains: contains.into() };
        self.sim.change(|state| state.ledger.expectations.push((expectation, 0)));
    }

    /// Forgets messages, phones, faults and findings.
    pub fn reset(&self) {
        self.sim.change(|state| state.reset(&self.sim.config));
    }

    /// Stops, and waits until nothing runs any more. Open requests are cut off.
    pub async fn shutdown(self) {
        self.sim.stop.cancel();
        self.sim.tasks.close();
        self.sim.tasks.wait().await;
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        self.sim.stop.cancel();
    }
}

/// Controls one phone.
#[derive(Debug, Clone)]
pub struct PhoneHandle {
    sim: Arc<Sim>,
    number: String,
}

impl PhoneHandle {
    /// Decides what becomes of texts to it from here on.
    pub fn set(&self, behaviour: Behaviour) -> &Self {
        self.sim.change(|state| state.phone(&self.number).behaviour = behaviour);
        self
    }

    /// Has it answer by itself.
    pub fn answers(&self, rules: Vec<ReplyRule>) -> &Self {
        self.sim.change(|state| state.phone(&self.number).replies = rules);
        self
    }

    /// The texts that it received.
    pub fn texts(&self) -> Vec<PhoneText> {
        self.sim.read(|state| View(state).texts(&self.number))
    }

    /// The texts that it sent.
    pub fn sent(&self) -> Vec<PhoneText> {
        self.sim.read(|state| View(state).sent(&self.number))
    }

    /// Replies to the number that texted last, and waits for the webhook's answer.
    pub async fn reply(&self, body: &str) -> Result<Replied, NotDelivered> {
        self.sim.send_from_phone(&self.number, None, body).await
    }

    /// Sends a text to one of the account's numbers, and waits for the webhook's answer.
    pub async fn send(&self, to: &str, body: &str) -> Result<Replied, NotDelivered> {
        self.sim.send_from_phone(&self.number, Some(to), body).await
    }
}
