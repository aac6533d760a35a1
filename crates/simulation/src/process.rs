//! Processes that die: the ports of one process, with faults before and after every effect.
//!
//! In: calls of a role. Out: the same calls to the ports in memory, until the process is dead; then none.
//! Never: an effect of a dead process, or a delivery that it keeps.

mod store_calls;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use domain::{
    broker_origin::BrokerOrigin,
    event::{Event, EventKey},
    limits::{LEASE_MS, PROVIDER_ANSWER_MS_MAX},
    phone::E164,
    provider::{FailureClass, ProviderMessage, ProviderMessageId, Submission, SubmitOutcome},
    source_quota::Quota,
    timeline::Command,
};
use futures::stream::{BoxStream, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use ports::{
    Acker, BrokerDeadLetter, Bus, BusError, Clock as _, Delivery, Notification, Payload, ProviderError,
    Queue, SmsProvider, StoreError, TimerSlot,
};
use tokio_util::sync::CancellationToken;

use crate::{
    chance::{Fault, Point, Side},
    freezer::Freezer,
    provider_calls,
    world::World,
};

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RoleKind {
    /// Opens runs and sends.
    Sender,
    /// Acts on deadlines.
    Escalation,
    /// Takes statuses and replies.
    Callback,
    /// Opens tickets and tells others.
    Integrations,
    /// Looks and changes, and is gone.
    Operator,
}

/// One process, from its start to its death.
pub(crate) struct Process {
    pub(crate) role: RoleKind,
    pub(crate) world: Arc<World>,
    pub(crate) died: CancellationToken,
    is_dead: AtomicBool,
    unacked: Mutex<BTreeMap<u64, Box<dyn Acker>>>,
    next: AtomicU64,
    freezer: Arc<Freezer>,
}

impl Process {
    pub(crate) fn new(role: RoleKind, world: Arc<World>) -> Arc<Self> {
        Arc::new(Self {
            role,
            world,
            died: CancellationToken::new(),
            is_dead: AtomicBool::new(false),
            unacked: Mutex::default(),
            next: AtomicU64::new(0),
            freezer: Arc::default(),
        })
    }

    /// Ends it at once. Its unacked deliveries return to the bus.
    pub(crate) fn die(&self) {
        self.is_dead.store(true, Ordering::Release);
        self.lose_deliveries();
        self.died.cancel();
    }

    /// What the bus handed to it goes back to the bus.
    fn lose_deliveries(&self) {
        drop(std::mem::take(&mut *self.unacked()));
    }

    fn unacked(&self) -> MutexGuard<'_, BTreeMap<u64, Box<dyn Acker>>> {
        self.unacked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Just before or after an effect. Does not return once the process is dead.
    pub(crate) async fn at(self: &Arc<Self>, point: Point, side: Side) {
        let may_freeze = self.role == RoleKind::Sender && !self.freezer.is_frozen();
        if may_freeze && self.world.chance.fires(Fault::Frozen) {
            self.world.note("Sender is frozen".to_owned());
            let process = self.clone();
            self.freezer.clone().freeze(self.world.clock.clone(), move || process.lose_deliveries());
        }
        self.freezer.thawed().await;
        if !self.is_dead.load(Ordering::Acquire) {
            if self.world.chance.fires(Fault::Slow) {
                self.world.wait_ms(self.world.chance.below(400)).await;
            }
            if !self.is_dead.load(Ordering::Acquire) && self.world.chance.kills(point, side) {
                self.world.note(format!("{:?} dies {side:?} {point:?}", self.role));
                self.world.crash(self);
            }
        }
        if self.is_dead.load(Ordering::Acquire) {
            std::future::pending::<()>().await;
        }
    }

    /// One call of the store, with everything that can go wrong around it.
    async fn call<T>(
        self: &Arc<Self>,
        point: Point,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let unavailable = || Err(StoreError::Unavailable("simulated".to_owned()));
        self.at(point, Side::Before).await;
        if self.world.chance.fires(Fault::StoreUnavailable) {
            return unavailable();
        }
        let done = call.await;
        self.at(point, Side::After).await;
        if self.world.chance.fires(Fault::StoreAnswerLost) {
            return unavailable();
        }
        done
    }

    fn track(self: &Arc<Self>, delivery: Delivery) -> Delivery {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let key = match &delivery.payload {
            Payload::Event(body) => Event::from_json(body).ok().map(|event| event.key),
            Payload::Command(_) | Payload::Timer(_) | Payload::Unreadable { .. } => None,
        };
        self.unacked().insert(number, delivery.acker);
        Delivery { acker: Box::new(UnackedDelivery { process: self.clone(), number, key }), ..delivery }
    }
}

/// An unacked delivery of a process.
struct UnackedDelivery {
    process: Arc<Process>,
    number: u64,
    key: Option<EventKey>,
}

impl UnackedDelivery {
    fn take(&self) -> Option<Box<dyn Acker>> {
        self.process.unacked().remove(&self.number)
    }
}

impl Drop for UnackedDelivery {
    fn drop(&mut self) {
        drop(self.take());
    }
}

#[async_trait]
impl Acker for UnackedDelivery {
    async fn ack(self: Box<Self>) -> Result<bool, BusError> {
        if let Some(key) = &self.key {
            self.process.world.store.conclude(key);
        }
        self.process.at(Point::Answer, Side::Before).await;
        let Some(acker) = self.take() else { return Ok(false) };
        let done = acker.ack().await;
        self.process.at(Point::Answer, Side::After).await;
        done
    }

    async fn retry_at(self: Box<Self>, at: Timestamp) -> Result<(), BusError> {
        self.process.at(Point::Answer, Side::Before).await;
        match self.take() {
            Some(acker) => acker.retry_at(at).await,
            None => Ok(()),
        }
    }

    async fn give_back(self: Box<Self>) -> Result<(), BusError> {
        self.process.at(Point::Answer, Side::Before).await;
        // Dropped, it goes back.
        drop(self.take());
        Ok(())
    }

    fn is_held(&self) -> bool {
        self.process.unacked().get(&self.number).is_some_and(|acker| acker.is_held())
    }
}

/// The ports of one process.
pub(crate) struct Instrumented(pub(crate) Arc<Process>);

#[async_trait]
impl Bus for Instrumented {
    async fn publish_events(&self, events: &[Event], share: Quota) -> Result<(), BusError> {
        self.0.world.bus.publish_events(events, share).await
    }

    async fn republish_event(&self, event: &Event, origin: &BrokerOrigin) -> Result<(), BusError> {
        self.0.world.bus.republish_event(event, origin).await
    }

    async fn publish(&self, queue: Queue, command: &Command) -> Result<(), BusError> {
        let Process { world, .. } = &*self.0;
        self.0.at(Point::Publish, Side::Before).await;
        if !world.chance.fires(Fault::WakeUpLost) {
            let copies = if world.chance.fires(Fault::WakeUpDoubled) { 2 } else { 1 };
            for _ in 0..copies {
                world.bus.publish(queue, command).await?;
            }
        }
        self.0.at(Point::Publish, Side::After).await;
        Ok(())
    }

    async fn start_timer(&self, slot: TimerSlot) -> Result<(), BusError> {
        let Process { world, .. } = &*self.0;
        self.0.at(Point::Timer, Side::Before).await;
        if !world.chance.fires(Fault::WakeUpLost) {
            world.bus.start_timer(slot).await?;
        }
        self.0.at(Point::Timer, Side::After).await;
        Ok(())
    }

    async fn consume(&self, queue: Queue, prefetch: u16) -> Result<BoxStream<'static, Delivery>, BusError> {
        let process = self.0.clone();
        let died = process.died.clone();
        let mine = process.world.bus.consume(queue, prefetch).await?.then(move |delivery| {
            let process = process.clone();
            let delivery = process.track(delivery);
            async move {
                process.freezer.thawed().await;
                delivery
            }
        });
        Ok(mine.take_until(Box::pin(async move { died.cancelled().await })).boxed())
    }

    async fn take(&self, queue: Queue) -> Result<Option<Delivery>, BusError> {
        let process = &self.0;
        process.at(Point::Take, Side::Before).await;
        Ok(process.world.bus.take(queue).await?.map(|delivery| process.track(delivery)))
    }

    fn notify(&self, _notification: Notification) {}

    async fn broker_dead_letters(&self, max: u16) -> Result<BoxStream<'static, BrokerDeadLetter>, BusError> {
        self.0.world.bus.broker_dead_letters(max).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BusError> {
        self.0.world.bus.depth(queue).await
    }

    async fn consumers(&self, queue: Queue) -> Result<u32, BusError> {
        self.0.world.bus.consumers(queue).await
    }
}

#[async_trait]
impl SmsProvider for Instrumented {
    async fn submit(&self, submission: &Submission) -> SubmitOutcome {
        let begun = self.0.world.clock.now();
        self.0.at(Point::Submit, Side::Before).await;
        // As a client does that looks at its clock before it writes.
        if self.0.world.clock.now().duration_since(begun)
            > SignedDuration::try_from(self.answer_max()).unwrap_or_default()
        {
            return provider_calls::never_left();
        }
        if self.0.world.chance.fires(Fault::Paused) {
            self.0.world.wait_ms(LEASE_MS.unsigned_abs() + 15_000).await;
        }
        let outcome = provider_calls::submit(&self.0.world, submission).await;
        self.0.at(Point::Submit, Side::After).await;
        outcome
    }

    async fn fetch(&self, sid: &ProviderMessageId) -> Result<Option<ProviderMessage>, ProviderError> {
        self.0.at(Point::Ask, Side::Before).await;
        if self.0.world.chance.fires(Fault::QuestionUnanswered) {
            return Err(ProviderError::NoAnswer("simulated".to_owned()));
        }
        Ok(self.0.world.provider.fetch(sid))
    }

    async fn look_up(
        &self,
        to: &E164,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<ProviderMessage>, ProviderError> {
        self.0.at(Point::Ask, Side::Before).await;
        if self.0.world.chance.fires(Fault::QuestionUnanswered) {
            return Err(ProviderError::NoAnswer("simulated".to_owned()));
        }
        Ok(self.0.world.provider.look_up(to, from, until, ports::Clock::now(&*self.0.world.clock)))
    }

    async fn allow(&self, _in_flight_max: u16) {}

    fn classify(&self, error_code: Option<u32>) -> FailureClass {
        match error_code {
            Some(30_003) => FailureClass::RetryLater,
            Some(_) => FailureClass::Recipient,
            None => FailureClass::Configuration,
        }
    }

    fn answer_max(&self) -> Duration {
        Duration::from_millis(PROVIDER_ANSWER_MS_MAX)
    }
}
