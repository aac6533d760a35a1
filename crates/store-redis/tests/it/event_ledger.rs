//! Event ingestion dies at each of its four points, with the real outbox on a real server and a real sender.
//!
//! In: one event and a death. Out: one text, and audit counts that balance. Never: a test whose death did not happen.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{body::Body, http::Request};
use conformance::bus::{STANDARD, event};
use domain::{
    ack_code::CodeKey,
    adapter::Adapters,
    broker_origin::BrokerOrigin,
    directory::{Contact, Directory},
    event::Event,
    phone::E164,
    policy::Environment,
    provider::{FailureClass, ProviderMessage, ProviderMessageId, ProviderStatus, Submission, SubmitOutcome},
    source::{KeyHash, Source},
    source_quota::{Quota, QuotaRates},
    timeline::Command,
    workflow::{Lane, Stage, Step, Target, Workflow, WorkflowDefinition},
};
use futures::{FutureExt as _, stream::BoxStream};
use ingest::{IngestConfig, IngestPorts, access::Sources};
use jiff::{SignedDuration, Timestamp};
use ports::{
    AuditStore as _, BrokerDeadLetter, Bus, BusError, Clock, Delivery, Notification, ProviderError, Queue,
    SmsProvider, SystemClock, TimerSlot, store::EventCounts,
};
use runtime::{DeadLetters, Outbox, RunPorts, RunService, Sweep, WorkflowRegistry};
use sender::SenderPorts;
use serde_json::json;
use simulation::MemoryBus;
use store_redis::RedisStore;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::setup;

/// The step before which the ingestion process dies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    WritingDown,
    Publishing,
    TheConfirmation,
    TheAnswer,
}

/// A clock that can be put forward.
#[derive(Default)]
struct JumpingClock(AtomicI64);

#[async_trait]
impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_millis(self.0.load(Ordering::Relaxed))
    }

    async fn sleep_until(&self, at: Timestamp) {
        while self.now() < at {
            SystemClock.sleep_until(SystemClock.now() + SignedDuration::from_millis(5)).await;
        }
    }
}

/// A bus that is never heard of again, once events were given to it or, before that, not.
struct Cut {
    bus: Arc<dyn Bus>,
    takes_them: bool,
    reached: Arc<Notify>,
}

#[async_trait]
impl Bus for Cut {
    async fn publish_events(&self, events: &[Event], share: Quota) -> Result<(), BusError> {
        if self.takes_them {
            self.bus.publish_events(events, share).await?;
        }
        self.reached.notify_one();
        std::future::pending().await
    }

    async fn republish_event(&self, event: &Event, origin: &BrokerOrigin) -> Result<(), BusError> {
        self.bus.republish_event(event, origin).await
    }

    async fn publish(&self, queue: Queue, command: &Command) -> Result<(), BusError> {
        self.bus.publish(queue, command).await
    }

    async fn start_timer(&self, slot: TimerSlot) -> Result<(), BusError> {
        self.bus.start_timer(slot).await
    }

    async fn consume(&self, queue: Queue, prefetch: u16) -> Result<BoxStream<'static, Delivery>, BusError> {
        self.bus.consume(queue, prefetch).await
    }

    async fn take(&self, queue: Queue) -> Result<Option<Delivery>, BusError> {
        self.bus.take(queue).await
    }

    fn notify(&self, notification: Notification) {
        self.bus.notify(notification);
    }

    async fn broker_dead_letters(&self, max: u16) -> Result<BoxStream<'static, BrokerDeadLetter>, BusError> {
        self.bus.broker_dead_letters(max).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BusError> {
        self.bus.depth(queue).await
    }

    async fn consumers(&self, queue: Queue) -> Result<u32, BusError> {
        self.bus.consumers(queue).await
    }
}

/// A provider that takes everything, and counts.
#[derive(Default)]
struct Counting(AtomicU32);

#[async_trait]
impl SmsProvider for Counting {
    async fn submit(&self, _submission: &Submission) -> SubmitOutcome {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        SubmitOutcome::Sent {
            sid: format!("SM{number:032x}").parse().unwrap(),
            status: ProviderStatus::Queued,
        }
    }

    async fn fetch(&self, _sid: &ProviderMessageId) -> Result<Option<ProviderMessage>, ProviderError> {
        Ok(None)
    }

    async fn look_up(
        &self,
        _to: &E164,
        _from: Timestamp,
        _until: Timestamp,
    ) -> Result<Vec<ProviderMessage>, ProviderError> {
        Ok(Vec::new())
    }

    async fn allow(&self, _in_flight_max: u16) {}

    fn classify(&self, _error_code: Option<u32>) -> FailureClass {
        FailureClass::Informational
    }

    fn answer_max(&self) -> Duration {
        Duration::from_secs(10)
    }
}

fn workflow() -> Workflow {
    let schema =
        json!({"type": "object", "properties": {"title": {"type": "string"}, "n": {"type": "integer"}}});
    let step = Step {
        notify: vec![Target::Contact("ada".into())],
        deliver_within_s: Some(3_600),
        ..Step::default()
    };
    let mut definition = WorkflowDefinition::new("ingest", STANDARD, "{{ title }}", schema, vec![step]);
    definition.stage = Stage::Live;
    Workflow::compile(definition).unwrap()
}

/// What outlives the processes.
struct World {
    case: &'static str,
    store: Arc<RedisStore>,
    broker: Arc<MemoryBus>,
    provider: Arc<Counting>,
    clock: Arc<JumpingClock>,
}

impl World {
    fn run_service(&self, bus: &Arc<dyn Bus>) -> Arc<RunService> {
        let number = "+14155550101".parse().unwrap();
        let ada = Contact {
            name: "Ada".to_owned(),
            number,
            more_numbers: Vec::new(),
            time_zone: "UTC".to_owned(),
            team: None,
            email: None,
        };
        let ports = RunPorts::new(self.store.clone(), bus.clone(), self.clock.clone());
        let contacts = BTreeMap::from([("ada".to_owned(), ada)]);
        let directory = Directory { contacts, ..Directory::default() };
        let workflows = WorkflowRegistry::new([workflow()]);
        Arc::new(RunService::new(ports, workflows, directory, Environment::default(), CodeKey::default()))
    }

    fn sender_ports(&self, bus: Arc<dyn Bus>) -> SenderPorts {
        SenderPorts {
            runs: self.run_service(&bus),
            lookup: self.store.clone(),
            consent: self.store.clone(),
            rates: self.store.clone(),
            audit: self.store.clone(),
            bus: bus.clone(),
            provider: self.provider.clone(),
            clock: self.clock.clone(),
            dead_letters: DeadLetters { store: self.store.clone(), bus, clock: self.clock.clone() },
        }
    }

    fn outbox(&self, bus: Arc<dyn Bus>) -> Arc<dyn Bus> {
        Outbox::new(bus, self.store.clone(), self.clock.clone(), Sweep::Here)
    }

    /// That of a process whose broker user may publish no event.
    fn outbox_without_sweep(&self, bus: Arc<dyn Bus>) -> Arc<dyn Bus> {
        Outbox::new(bus, self.store.clone(), self.clock.clone(), Sweep::Elsewhere)
    }

    /// The source posts its event to an ingestion endpoint on this bus. Returns the status, if one comes.
    async fn post(&self, bus: Arc<dyn Bus>) -> u16 {
        let source = Source {
            name: self.case.to_owned(),
            types: vec!["*".to_owned()],
            keys: vec![KeyHash::of("key")],
            webhook_secrets: Vec::new(),
            team: None,
            adapters: Adapters::default(),
        };
        let ports = IngestPorts { runs: self.run_service(&bus), bus, clock: self.clock.clone() };
        let config = IngestConfig {
            sources: watch::Sender::new(Arc::new(Sources(vec![source]))).subscribe(),
            in_flight_max: 1,
            quotas: QuotaRates::default(),
        };
        let mut event = event(self.case, 1, STANDARD);
        event.time = Some(self.clock.now());
        let request = Request::post(ingest::EVENTS_PATH)
            .header("authorization", "Bearer key")
            .header("content-type", "application/cloudevents+json")
            .body(Body::from(event.to_json()))
            .unwrap();
        ingest::router(ports, config).oneshot(request).await.unwrap().status().as_u16()
    }

    async fn audit_counts(&self) -> EventCounts {
        self.store.audit_counts().await.unwrap().events
    }
}

/// Ingestion dies; then a fleet runs again, and time passes. The source may send its event once more.
async fn ingest_dies(case: &'static str, dies: Before, is_sent_again: bool) {
    let clock = Arc::new(JumpingClock::default());
    let broker = MemoryBus::new(clock.clone(), |_| Lane::Standard);
    let world = Arc::new(World {
        case,
        store: setup::store(case).await,
        broker,
        provider: Arc::default(),
        clock: clock.clone(),
    });
    let reached = Arc::new(Notify::new());
    let cut = |bus, takes_them| Arc::new(Cut { bus, takes_them, reached: reached.clone() });
    let ingest_bus: Arc<dyn Bus> = match dies {
        Before::WritingDown => cut(world.outbox(world.broker.clone()), false),
        Before::Publishing => world.outbox(cut(world.broker.clone(), false)),
        Before::TheConfirmation => world.outbox(cut(world.broker.clone(), true)),
        Before::TheAnswer => cut(world.outbox(world.broker.clone()), true),
    };
    let process = tokio::spawn({
        let world = world.clone();
        async move { world.post(ingest_bus).await }
    });
    reached.notified().await;
    process.abort();
    assert!(process.await.unwrap_err().is_cancelled(), "it died before it answered");
    let pending = u64::from(dies != Before::WritingDown);
    let expected = EventCounts { accepted: pending, pending, ..EventCounts::default() };
    assert_eq!(world.audit_counts().await, expected, "nothing but the list knows");

    let bus = world.outbox(world.broker.clone());
    if is_sent_again {
        assert_eq!(world.post(bus.clone()).await, 202);
    }
    let refused = Arc::new(Notify::new());
    let may_not = Arc::new(Cut { bus: world.broker.clone(), takes_them: false, reached: refused.clone() });
    let sender_bus = world.outbox_without_sweep(may_not);
    let stop = CancellationToken::new();
    let config = sender::SenderConfig::new(8, QuotaRates::default(), None);
    // Before anything is claimed: a request that begins long after its claim is not made.
    clock.0.store(35_000, Ordering::Relaxed);
    let sender = tokio::spawn(sender::run(Arc::new(world.sender_ports(sender_bus)), config, stop.clone()));
    setup::until("the event has ended", async || {
        let counts = world.audit_counts().await;
        let waiting = bus.depth(Queue::Events(Lane::Standard)).await.unwrap();
        (counts.accepted, counts.concluded, counts.pending, waiting) == (1, 1, 0, 0)
    })
    .await;
    stop.cancel();
    sender.await.unwrap().unwrap();
    assert_eq!(world.provider.0.load(Ordering::Relaxed), 1, "one text");
    assert!(refused.notified().now_or_never().is_none(), "a sender publishes no event");
}

/// Nothing is known, and the source had no answer: it sends the event again.
#[tokio::test(flavor = "multi_thread")]
async fn crash_point_01_the_request_is_read_before_it_is_written_down() {
    ingest_dies("ingest_1", Before::WritingDown, true).await;
}

/// The list of accepted events has it, and it is published from there.
#[tokio::test(flavor = "multi_thread")]
async fn crash_point_02_written_down_before_it_is_published() {
    ingest_dies("ingest_2", Before::Publishing, false).await;
    ingest_dies("ingest_2_again", Before::Publishing, true).await;
}

/// It may be on the broker: whatever is published again opens no second run.
#[tokio::test(flavor = "multi_thread")]
async fn crash_point_03_published_before_the_confirmation_is_seen() {
    ingest_dies("ingest_3", Before::TheConfirmation, false).await;
    ingest_dies("ingest_3_again", Before::TheConfirmation, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_point_04_confirmed_before_the_source_is_answered() {
    ingest_dies("ingest_4", Before::TheAnswer, false).await;
    ingest_dies("ingest_4_again", Before::TheAnswer, true).await;
}
