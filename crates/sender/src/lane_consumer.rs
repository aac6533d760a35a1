//! Takes the work of one queue, as much of it as this process can do now.
//!
//! In: what the circuit breaker and the lane's permits allow. Out: tasks, one for each delivery.
//! Never: keeps a delivery that it cannot work on: while sending is stopped, whatever it holds goes back to the queue.

use std::pin::pin;

use domain::limits::BREAKER_LOOK_EVERY_MS;
use futures::{StreamExt as _, stream::BoxStream};
use jiff::SignedDuration;
use ports::{BusError, Delivery, Queue};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admission::{Admitted, Probe},
    lane_limiter::LaneLimiter,
    sender_state::Sender,
    work,
};

/// How long a queue that cannot be consumed is left alone.
const REOPEN_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// One queue of one lane.
pub(crate) struct LaneConsumer {
    sender: Sender,
    queue: Queue,
    limiter: LaneLimiter,
    workers: TaskTracker,
}

/// What the bus hands out, and how much of it at once.
pub(crate) struct Consumption {
    deliveries: BoxStream<'static, Delivery>,
    prefetch: u16,
}

/// Why no more is taken from a consumption.
enum Ended {
    /// Sending is stopped.
    Stopped,
    /// The lane has more or fewer permits, and the prefetch must follow.
    Resized,
    /// The bus is gone.
    BusGone,
}

impl LaneConsumer {
    pub(crate) fn new(sender: Sender, queue: Queue, limiter: LaneLimiter, workers: TaskTracker) -> Self {
        Self { sender, queue, limiter, workers }
    }

    /// Consumes the queue. The prefetch is what the lane can work on at once: more would wait here while another sender
    /// has nothing to do.
    pub(crate) async fn open(&self) -> Result<Consumption, BusError> {
        let prefetch = self.limiter.size();
        let deliveries = self.sender.ports.bus.consume(self.queue, prefetch).await?;
        Ok(Consumption { deliveries, prefetch })
    }

    /// Takes work until `shutdown`: all that comes while the provider answers, single pieces while it is to be tried,
    /// nothing in between. What was begun goes on.
    pub(crate) async fn run(self, opened: Consumption, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.take_work(opened)).await;
    }

    async fn take_work(&self, opened: Consumption) {
        let Sender { ports, admission } = &self.sender;
        let mut current = Some(opened);
        loop {
            match admission.admitted(&*ports.clock, self.limiter.lane()).await {
                Admitted::Probe(probe) => {
                    current = None;
                    self.probe(probe).await;
                }
                Admitted::Freely => {
                    let ended = match &mut current {
                        Some(consumption) => self.take_freely(consumption).await,
                        None => Ended::Resized,
                    };
                    match ended {
                        Ended::Stopped => current = None,
                        // The old one goes after the new one came: senders are counted by their consumers.
                        Ended::Resized => current = self.reopen().await,
                        Ended::BusGone => return,
                    }
                }
            }
        }
    }

    async fn reopen(&self) -> Option<Consumption> {
        match self.open().await {
            Ok(consumption) => Some(consumption),
            Err(error) => {
                tracing::warn!(queue = self.queue.name(), %error, "the queue cannot be consumed; trying again");
                self.wait(REOPEN_AFTER).await;
                None
            }
        }
    }

    async fn wait(&self, time: SignedDuration) {
        let clock = &self.sender.ports.clock;
        clock.sleep_until(clock.now() + time).await;
    }

    async fn take_freely(&self, consumption: &mut Consumption) -> Ended {
        let mut end = pin!(async {
            tokio::select! {
                biased;
                () = self.sender.admission.stopped() => Ended::Stopped,
                () = self.limiter.resized(consumption.prefetch) => Ended::Resized,
            }
        });
        loop {
            let next = tokio::select! {
                biased;
                ended = &mut end => return ended,
                next = consumption.deliveries.next() => next,
            };
            let Some(delivery) = next else { return Ended::BusGone };
            let permit = tokio::select! {
                biased;
                ended = &mut end => {
                    self.give_back(delivery).await;
                    return ended;
                }
                permit = self.limiter.take() => permit,
            };
            self.begin(delivery, permit);
        }
    }

    async fn give_back(&self, delivery: Delivery) {
        if let Err(error) = delivery.acker.give_back().await {
            tracing::warn!(queue = self.queue.name(), %error, "a delivery was not given back and will come again");
        }
    }

    /// Tries the provider with one piece of work, if one waits.
    async fn probe(&self, probe: Probe) {
        let permit = self.limiter.take().await;
        match self.sender.ports.bus.take(self.queue).await {
            Ok(Some(delivery)) => return self.begin(delivery, (permit, probe)),
            Ok(None) => {}
            Err(error) => tracing::debug!(queue = self.queue.name(), %error, "nothing can be taken"),
        }
        drop((permit, probe));
        self.wait(SignedDuration::from_millis(BREAKER_LOOK_EVERY_MS)).await;
    }

    /// Begins to work on a delivery, and keeps what it `holds` until that is done.
    fn begin(&self, delivery: Delivery, holds: impl Send + 'static) {
        // With its connection the bus took it back: this process was paused, and another one has it.
        if !delivery.acker.is_held() {
            return;
        }
        let (sender, queue, lane) = (self.sender.clone(), self.queue, self.limiter.lane());
        self.workers.spawn(async move {
            work::work(&sender, queue, lane, delivery).await;
            drop(holds);
        });
    }
}
