//! What keeps a sender from sending too much: the circuit breaker, the retry budget, the paces.
//!
//! In: what requests brought, and what wants to be sent. Out: a moment to wait for, or none.
//! Never: decides; `domain` does. It holds the state of this process and asks the store for what all senders share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{
    breaker::{Breaker, BreakerTransition, Permit, ProviderSignal},
    id::digest,
    limits::BULK_AHEAD_S,
    message::Message,
    policy::{Deferral, Rule},
    provider::SubmitOutcome,
    rate_limit::{RateLimit, RateRequest, Reservation},
    retry_budget::RetryBudget,
    source_quota::{Quota, QuotaRates, SourceQuotas},
    workflow::{Lane, WorkflowDefinition},
};
use jiff::Timestamp;
use ports::{Notification, Sending};
use runtime::{Context, RoleError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The pace of one sending number or service, which all senders share.
#[derive(Debug, Clone)]
pub struct SenderRate {
    /// Names the number or service.
    pub queue: String,
    /// Segments a second.
    pub pace: RateLimit,
}

/// The guard of one process.
pub(crate) struct AdmissionControl {
    breaker: Mutex<Breaker>,
    budget: Mutex<RetryBudget>,
    shares: Mutex<SourceQuotas>,
    pace: Option<SenderRate>,
    /// Whose turn it is to wait for a slot in the lowest lane.
    turn: tokio::sync::Mutex<()>,
    closed: Notify,
    shutdown: CancellationToken,
}

/// What the tasks of one sender share.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) ctx: Arc<Context>,
    pub(crate) admission: Arc<AdmissionControl>,
}

impl AdmissionControl {
    pub(crate) fn new(shares: QuotaRates, pace: Option<SenderRate>, shutdown: CancellationToken) -> Self {
        Self {
            breaker: Mutex::default(),
            budget: Mutex::default(),
            shares: Mutex::new(SourceQuotas::new(shares)),
            pace,
            turn: tokio::sync::Mutex::default(),
            closed: Notify::new(),
            shutdown,
        }
    }

    /// Whether one more event is within the share of its source. Beyond it costs a wake-up more, so where nothing is
    /// paced a source that is alone has all there is; where something is, that wake-up slows nobody down.
    pub(crate) fn quota_of(&self, source: &str, now: Timestamp) -> Quota {
        let mut shares = locked(&self.shares);
        if self.pace.is_some() { shares.take(source, 1, now) } else { shares.take_unless_alone(source, now) }
    }

    /// Whether texts of this lane wait for their slots one after another, rather than reserve them far ahead.
    pub(crate) fn takes_turns(&self, lane: Lane) -> bool {
        lane == Lane::Bulk && self.pace.is_some()
    }

    /// Waits until a lane may send. `false`: the sender was told to stop first.
    pub(crate) async fn wait(&self, ctx: &Context, lane: Lane, shutdown: &CancellationToken) -> bool {
        loop {
            let closed = self.closed.notified();
            let at = match locked(&self.breaker).pull(lane, ctx.clock.now()) {
                Permit::Now => return true,
                Permit::At(at) => at,
            };
            tokio::select! {
                () = ctx.clock.sleep_until(at) => {}
                () = closed => {}
                () = shutdown.cancelled() => return false,
            }
        }
    }

    /// Takes note of what a request brought, and says so where sending stops or goes on. Returns whether it is stopped.
    pub(crate) fn note(&self, ctx: &Context, outcome: &SubmitOutcome) -> bool {
        let now = ctx.clock.now();
        let (turn, is_closed) = {
            let mut breaker = locked(&self.breaker);
            (breaker.note(ProviderSignal::from(outcome), now), breaker.is_closed())
        };
        let sending = match turn {
            None => return !is_closed,
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
                self.closed.notify_waiters();
                Sending::Resumed { at: now }
            }
        };
        telemetry::metrics().sending_stopped.set(i64::from(matches!(sending, Sending::Stopped { .. })));
        ctx.bus.notify(Notification::Sending(sending));
        !is_closed
    }

    /// Why a message must wait that the policy lets go, if it must.
    ///
    /// # Errors
    /// When the store cannot be asked for a place.
    pub(crate) async fn hold(
        &self,
        ctx: &Context,
        workflow: &WorkflowDefinition,
        lane: Lane,
        message: &Message,
        now: Timestamp,
    ) -> Result<Option<Deferral>, RoleError> {
        let hold = |until, rule| Some(Deferral { until, rule, is_slot: false });
        if message.attempt == 0 {
            if let Some(most) = workflow.recipient_hourly_max {
                let place = RateRequest {
                    queue: phone_of(workflow, message),
                    pace: RateLimit::hourly(most),
                    cost: 1,
                };
                if let Reservation::Full(again) = ctx.store.acquire(&place, now).await? {
                    return Ok(hold(again, Rule::RecipientRate));
                }
            }
            locked(&self.budget).note_first(now);
        } else if message.is_retry()
            // A text that the provider was asked about and does not have is no part of a storm.
            && let Err(again) = locked(&self.budget).take_retry(now)
        {
            telemetry::metrics().retries_held_back.inc();
            return Ok(hold(again, Rule::RetryBudget));
        }
        let Some(SenderRate { queue, pace }) = self.pace.as_ref().filter(|_| !message.has_slot(now)) else {
            return Ok(None);
        };
        let place =
            RateRequest { queue: queue.clone(), pace: *pace, cost: u32::from(message.segments.max(1)) };
        if self.takes_turns(lane) {
            return Ok(self.wait_for_slot(ctx, place).await?.and_then(|again| hold(again, Rule::SenderRate)));
        }
        Ok(match ctx.store.acquire(&place, now).await? {
            Reservation::At(slot) if slot <= now => None,
            Reservation::At(slot) => Some(Deferral { until: slot, rule: Rule::SenderRate, is_slot: true }),
            Reservation::Full(again) => hold(again, Rule::SenderRate),
        })
    }

    /// Waits for a slot. Whoever waits here holds a place of the lowest lane and nothing else, so the others find the
    /// number as good as free however long the queue behind this is. When the sender must stop: when to ask again.
    async fn wait_for_slot(
        &self,
        ctx: &Context,
        mut place: RateRequest,
    ) -> Result<Option<Timestamp>, RoleError> {
        place.pace.horizon_s = BULK_AHEAD_S;
        let turn = self.turn.lock().await;
        loop {
            match ctx.store.acquire(&place, ctx.clock.now()).await? {
                Reservation::At(slot) => {
                    drop(turn);
                    ctx.clock.sleep_until(slot).await;
                    return Ok(None);
                }
                Reservation::Full(again) => tokio::select! {
                    () = ctx.clock.sleep_until(again) => {}
                    () = self.shutdown.cancelled() => return Ok(Some(again)),
                },
            }
        }
    }
}

/// Names the phone of a message within its workflow, without its number.
fn phone_of(workflow: &WorkflowDefinition, message: &Message) -> String {
    let name = digest(&["phone", &workflow.name, message.recipient.number.as_str()]);
    name[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
