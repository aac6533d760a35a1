//! Acts on due runs: repeats lost wake-ups, moves to the next step, ends what is over, and removes what is long over.
//!
//! In: timers, "look now" commands and a sweep of due rows. Out: changed runs, dispatch commands, outcomes.
//! Never: talks to the provider, or trusts a timer: what is due is read from the store.

mod broker_dead_letters;
mod escalation_ports;
mod housekeeping;

use std::{sync::Arc, time::Duration};

use domain::{
    limits::{DUE_BATCH_MAX, DUE_LEASE_MS, SWEEP_EVERY_S},
    time::{after, after_ms, after_s},
    timeline::Command,
};
use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use ports::{Delivery, Payload, Queue, within};
use runtime::{RoleError, Undeliverable};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use crate::{escalation_ports::EscalationPorts, housekeeping::Retention};

/// How often the log says that due rows cannot be read.
const WARNING_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// How much an escalation worker does at once, and how often it looks without being woken.
#[derive(Debug, Clone)]
pub struct EscalationConfig {
    /// Deliveries in hand at once.
    pub in_flight_max: u16,
    /// Runs worked on at once for one timer.
    pub runs_at_once: usize,
    /// How often due rows are looked for although no timer fired.
    pub sweep_every: Duration,
    /// How often the store is asked whether dead letters that the bus holds are over.
    pub dead_every: Duration,
    /// How long what has ended is kept.
    pub retention: Retention,
    /// How long work in hand may take to finish once the worker is told to stop.
    pub drain_max: Duration,
}

impl Default for EscalationConfig {
    fn default() -> Self {
        Self {
            in_flight_max: 64,
            runs_at_once: 32,
            sweep_every: Duration::from_secs(SWEEP_EVERY_S.into()),
            dead_every: Duration::from_secs(20),
            retention: Retention::default(),
            drain_max: Duration::from_secs(15),
        }
    }
}

/// Works until `shutdown`, then finishes what is in hand, within [`EscalationConfig::drain_max`].
///
/// # Errors
/// When the queue cannot be consumed.
pub async fn run(
    ports: Arc<EscalationPorts>,
    config: EscalationConfig,
    shutdown: CancellationToken,
) -> Result<(), RoleError> {
    let tasks = TaskTracker::new();
    let deliveries = ports.bus.consume(Queue::Escalation, config.in_flight_max).await?;
    let mut deliveries = deliveries.take_until(Box::pin(shutdown.cancelled()));
    tasks.spawn(sweep(ports.clone(), config.clone(), shutdown.clone()));
    tasks.spawn(housekeeping::seal(ports.clone(), shutdown.clone()));
    tasks.spawn(housekeeping::run(ports.clone(), config.retention, shutdown.clone()));
    tasks.spawn(broker_dead_letters::run(ports.clone(), config.dead_every, shutdown.clone()));
    while let Some(delivery) = deliveries.next().await {
        tasks.spawn(work(ports.clone(), config.runs_at_once, delivery));
    }
    tasks.close();
    if within(&*ports.clock, config.drain_max, tasks.wait()).await.is_none() {
        tracing::warn!(left = tasks.len(), "stopped with work in hand; its due rows come back");
    }
    Ok(())
}

/// Finds due rows whose timer was lost.
async fn sweep(ports: Arc<EscalationPorts>, config: EscalationConfig, shutdown: CancellationToken) {
    let mut warned_at = Timestamp::MIN;
    while !shutdown.is_cancelled() {
        if let Err(error) = due_runs(&ports, None, config.runs_at_once).await
            && ports.clock.now().duration_since(warned_at) >= WARNING_EVERY
        {
            warned_at = ports.clock.now();
            tracing::warn!(%error, "due runs could not be worked on; they come back");
        }
        let next = after(
            ports.clock.now(),
            SignedDuration::try_from(config.sweep_every).unwrap_or(SignedDuration::from_secs(5)),
        );
        tokio::select! {
            () = ports.clock.sleep_until(next) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

async fn work(ports: Arc<EscalationPorts>, runs_at_once: usize, delivery: Delivery) {
    let result = match &delivery.payload {
        Payload::Command(Command::LookNow { run }) => ports.runs.tick(run).await,
        Payload::Timer(slot) => {
            telemetry::metrics().sending.timer_fired(ports.clock.now().duration_since(slot.at()));
            due_runs(&ports, Some(slot.shard()), runs_at_once).await
        }
        Payload::Unreadable { body, reason } => {
            ports.dead_letters.add(Undeliverable::new(body, &delivery), "unreadable", reason).await
        }
        Payload::Event(body) => {
            let event = Undeliverable::new(body, &delivery);
            ports.dead_letters.add(event, "misrouted", "an event came to escalation").await
        }
        Payload::Command(command) => {
            let (what, error) = (format!("{command:?}"), "a command of senders came to escalation");
            ports.dead_letters.add(Undeliverable::new(what.as_bytes(), &delivery), "misrouted", error).await
        }
    };
    let answered = match &result {
        Ok(()) => delivery.acker.ack().await.map(|_| ()),
        Err(error) => {
            tracing::warn!(%error, "work was interrupted and will be done again");
            delivery.acker.retry_at(after_s(ports.clock.now(), 1)).await
        }
    };
    if let Err(error) = answered {
        tracing::warn!(%error, "a delivery was not answered and will come again");
    }
}

/// Works on everything that is due, or on what is due in one shard.
///
/// # Errors
/// When the store cannot be asked. One run's failure is logged and leaves the others alone; its due row comes back.
pub async fn due_runs(
    ports: &EscalationPorts,
    shard: Option<u8>,
    runs_at_once: usize,
) -> Result<(), RoleError> {
    loop {
        let now = ports.clock.now();
        let hidden_until = after_ms(now, DUE_LEASE_MS);
        let due = ports.due.take_due(shard, now, hidden_until, DUE_BATCH_MAX).await?;
        let is_last = due.len() < usize::from(DUE_BATCH_MAX);
        stream::iter(due)
            .for_each_concurrent(runs_at_once, |id| async move {
                if let Err(error) = ports.runs.tick(&id).await {
                    tracing::warn!("run.id" = %id, %error, "a due run could not be worked on; it comes back");
                }
            })
            .await;
        if is_last {
            return Ok(());
        }
    }
}
