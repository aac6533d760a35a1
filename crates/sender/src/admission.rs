//! What keeps a sender from sending too much: the circuit breaker, the retry budget, rate limits, source quotas.
//!
//! In: what requests brought, and what wants to be sent. Out: how much a lane may take, and what the limits say of a text.
//! Never: decides; `domain` does. It holds the state of this process and asks the store for what all senders share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{
    admission::{Admission, Limit, SenderRate, is_sent_at_once, limits_of, quota_of, takes_turns},
    breaker::{Breaker, BreakerTransition, Permit, ProviderSignal},
    lane_placement::LanePlacement,
    limits::BULK_AHEAD_S,
    message::Message,
    outbound::SendingSeen,
    provider::SubmitOutcome,
    rate_limit::{RateRequest, Reservation},
    retry_budget::RetryBudget,
    source_quota::{Quota, QuotaRates, SourceQuotas},
    status::PROVIDER_BREAKER,
    workflow::{Lane, WorkflowDefinition},
};
use jiff::Timestamp;
use ports::{Clock, Notification, Sending};
use runtime::RoleError;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::sender_ports::SenderPorts;

/// The admission control of one process.
pub(crate) struct AdmissionControl {
    breaker: Mutex<Breaker>,
    budget: Mutex<RetryBudget>,
    quotas: Mutex<SourceQuotas>,
    rate: Option<SenderRate>,
    /// Held by the one text of the lowest lane that waits for a slot.
    turn: tokio::sync::Mutex<()>,
    /// What the latest request says of the account; absent before the first.
    seen: Mutex<Option<SendingSeen>>,
    /// What of that is noted for all senders.
    noted: tokio::sync::Mutex<Option<SendingSeen>>,
    /// Sending stopped or went on, or a probe ended.
    changed: Notify,
    shutdown: CancellationToken,
}

/// How much a lane may take from its queues.
pub(crate) enum Admitted {
    /// As much as it can.
    Freely,
    /// One piece of work.
    Probe(Probe),
}

/// A try of the provider, until it is dropped.
pub(crate) struct Probe(Arc<AdmissionControl>);

impl Drop for Probe {
    fn drop(&mut self) {
        locked(&self.0.breaker).end_probe();
        self.0.changed.notify_waiters();
    }
}

impl AdmissionControl {
    pub(crate) fn new(quotas: QuotaRates, rate: Option<SenderRate>, shutdown: CancellationToken) -> Self {
        telemetry::metrics().sending.stopped(false, false);
        Self {
            breaker: Mutex::default(),
            budget: Mutex::default(),
            quotas: Mutex::new(SourceQuotas::new(quotas)),
            rate,
            turn: tokio::sync::Mutex::default(),
            seen: Mutex::default(),
            noted: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            shutdown,
        }
    }

    /// Whether one more event is within the quota of its source.
    pub(crate) fn quota_of(&self, source: &str, now: Timestamp) -> Quota {
        quota_of(&mut locked(&self.quotas), source, self.rate.as_ref(), now)
    }

    /// Whether a step's `ready` texts are sent in the delivery that opens their run.
    pub(crate) fn is_sent_at_once(&self, placement: LanePlacement, ready: usize) -> bool {
        is_sent_at_once(placement, self.rate.as_ref(), ready)
    }

    /// Waits until a lane may take work.
    pub(crate) async fn admitted(self: &Arc<Self>, clock: &dyn Clock, lane: Lane) -> Admitted {
        loop {
            let changed = self.changed.notified();
            let permit = locked(&self.breaker).permit(lane, clock.now());
            let at = match permit {
                Permit::Now => return Admitted::Freely,
                Permit::Probe => return Admitted::Probe(Probe(self.clone())),
                Permit::AfterProbe => None,
                Permit::At(at) => Some(at),
            };
            let next_try = async {
                match at {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = next_try => {}
                () = changed => {}
            }
        }
    }

    /// Says how many retries fit in the budget.
    pub(crate) fn measure(&self, now: Timestamp) {
        telemetry::metrics().sending.retry_budget_left(locked(&self.budget).left(now));
    }

    /// Whether sending goes on without restraint.
    pub(crate) fn is_free(&self) -> bool {
        locked(&self.breaker).is_closed()
    }

    /// Returns when sending is stopped.
    pub(crate) async fn stopped(&self) {
        loop {
            let changed = self.changed.notified();
            if !self.is_free() {
                return;
            }
            changed.await;
        }
    }

    /// Records what a request brought, and says so where sending stops or goes on. Returns whether it is stopped.
    pub(crate) fn note(&self, ports: &SenderPorts, outcome: &SubmitOutcome) -> bool {
        let now = ports.clock.now();
        // Keep the lock until the notification is sent, so observers see changes in order.
        let mut breaker = locked(&self.breaker);
        let signal = ProviderSignal::from(outcome);
        match signal {
            ProviderSignal::Stopped(code) => *locked(&self.seen) = Some(SendingSeen::Stopped(code)),
            ProviderSignal::Answer => *locked(&self.seen) = Some(SendingSeen::Going),
            ProviderSignal::Trouble => {}
        }
        let transition = breaker.note(signal, now);
        let is_stopped = !breaker.is_closed();
        let sending = match transition {
            None => return is_stopped,
            Some(BreakerTransition::Opened { stopped: Some(code), until }) => {
                tracing::error!(code, %until, "the provider refuses the account: nothing is sent until it answers again");
                Sending::Stopped { is_account: true, account_code: code, at: now }
            }
            Some(BreakerTransition::Opened { stopped: None, until }) => {
                tracing::warn!(%until, "the provider is in trouble: nothing is pulled until it is tried again");
                Sending::Stopped { is_account: false, account_code: None, at: now }
            }
            Some(BreakerTransition::Closed) => {
                tracing::info!("the provider answers again: sending goes on");
                Sending::Resumed { at: now }
            }
        };
        self.changed.notify_waiters();
        let is_account_stopped = matches!(sending, Sending::Stopped { is_account: true, .. });
        telemetry::metrics().sending.stopped(is_stopped, is_account_stopped);
        telemetry::note_breaker(PROVIDER_BREAKER, is_stopped);
        ports.bus.notify(Notification::Sending(sending));
        is_stopped
    }

    /// Notes for all senders whether the account is stopped, where this one has seen that change. A store that fails is
    /// asked again after the next request.
    pub(crate) async fn note_sending(&self, ports: &SenderPorts) {
        let mut noted = self.noted.lock().await;
        let seen = *locked(&self.seen);
        let Some(news) = seen.filter(|_| *noted != seen) else { return };
        match ports.runs.note_sending(news).await {
            Ok(()) => *noted = seen,
            Err(error) => tracing::warn!(%error, "whether the account is stopped could not be noted"),
        }
    }

    /// Asks the limits that a message has yet to pass, in the domain's order, until one of them says "later".
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(crate) async fn admit(
        &self,
        ports: &SenderPorts,
        workflow: &WorkflowDefinition,
        lane: Lane,
        message: &Message,
        now: Timestamp,
    ) -> Result<Admission, RoleError> {
        let mut admission = Admission::default();
        for limit in limits_of(message, workflow, self.rate.as_ref(), now) {
            match limit {
                Limit::Recipient(request) => admission.recipient(ports.rates.acquire(&request, now).await?),
                Limit::RetryBudget => admission.retry(locked(&self.budget).take_retry(now)),
                Limit::Sender(request) if takes_turns(lane, self.rate.as_ref()) => {
                    admission.sender(self.wait_for_slot(ports, request).await?, ports.clock.now());
                }
                Limit::Sender(request) => admission.sender(ports.rates.acquire(&request, now).await?, now),
            }
            if let Some(deferral) = &admission.deferral {
                if deferral.rule == domain::policy::Rule::RetryBudget {
                    telemetry::metrics().sending.retries_held_back.inc();
                }
                return Ok(admission);
            }
        }
        if message.attempt() == 0 {
            locked(&self.budget).note_first(now);
        }
        Ok(admission)
    }

    /// Waits for a slot. A text that waits here holds a permit of the lowest lane and nothing else, so the other lanes
    /// find the number free however long the queue behind it is. When the sender must stop: when to ask again.
    async fn wait_for_slot(
        &self,
        ports: &SenderPorts,
        mut request: RateRequest,
    ) -> Result<Reservation, RoleError> {
        request.limit.horizon_s = BULK_AHEAD_S;
        let turn = self.turn.lock().await;
        loop {
            match ports.rates.acquire(&request, ports.clock.now()).await? {
                Reservation::At(slot) => {
                    drop(turn);
                    ports.clock.sleep_until(slot).await;
                    return Ok(Reservation::At(slot));
                }
                Reservation::Full(again) => tokio::select! {
                    () = ports.clock.sleep_until(again) => {}
                    () = self.shutdown.cancelled() => return Ok(Reservation::Full(again)),
                },
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
