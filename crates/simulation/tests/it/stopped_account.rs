//! A provider that refuses the whole account, and several senders. In: events. Out: what is told outside of it.
//!
//! Never: a real second.
#![expect(clippy::unwrap_used, reason = "tests: a surprise is a failure")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use conformance::roles::{directory, event, paging};
use domain::{
    ack_code::CodeKey,
    effect::OutcomeKind,
    outbound::{Destinations, Subscription},
    phone::E164,
    policy::Environment,
    provider::{
        FailureClass, ProviderMessage, ProviderMessageId, ProviderStatus, Refusal, Submission, SubmitOutcome,
    },
    source_quota::{Quota, QuotaRates},
};
use jiff::{SignedDuration, Timestamp};
use ports::{Bus as _, Clock as _, EffectStore as _, ProviderError, SmsProvider};
use runtime::{DeadLetters, RunPorts, RunService, WorkflowRegistry};
use sender::{SenderConfig, SenderPorts};
use simulation::{MemoryBus, MemoryStore, SimClock};
use tokio_util::sync::CancellationToken;

/// Takes every text, unless the account is stopped.
#[derive(Default)]
struct Provider {
    is_stopped: AtomicBool,
    taken: AtomicU64,
}

#[async_trait]
impl SmsProvider for Provider {
    async fn submit(&self, _submission: &Submission) -> SubmitOutcome {
        if self.is_stopped.load(Ordering::Relaxed) {
            let (code, class) = (Some(20_005), FailureClass::Account);
            let reason = "the account is not active".to_owned();
            return SubmitOutcome::NotSent(Refusal {
                code,
                class,
                of_originator: false,
                retry_after_ms: None,
                reason,
            });
        }
        let sid = format!("SM{:032x}", self.taken.fetch_add(1, Ordering::Relaxed)).parse().unwrap();
        SubmitOutcome::Sent { sid, status: ProviderStatus::Accepted }
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

struct World {
    clock: Arc<SimClock>,
    store: Arc<MemoryStore>,
    bus: Arc<MemoryBus>,
    provider: Arc<Provider>,
    events: u32,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(SimClock::start());
        let bus = MemoryBus::new(clock.clone(), |_| paging().definition.lane);
        Self { clock, store: Arc::default(), bus, provider: Arc::default(), events: 0 }
    }

    /// Starts one more sender, until the token is cancelled.
    fn start(&self) -> CancellationToken {
        let (store, bus, clock, stop) =
            (self.store.clone(), self.bus.clone(), self.clock.clone(), CancellationToken::new());
        let hook = Subscription {
            name: "hook".into(),
            events: [OutcomeKind::SendingStopped, OutcomeKind::SendingResumed].into(),
            ..Subscription::default()
        };
        let run_ports = RunPorts::new(store.clone(), bus.clone(), clock.clone());
        let workflows = WorkflowRegistry::new([paging()]);
        let runs =
            RunService::new(run_ports, workflows, directory(), Environment::default(), CodeKey::default());
        let ports = SenderPorts {
            runs: Arc::new(runs.with_destinations(Destinations(vec![hook]))),
            lookup: store.clone(),
            consent: store.clone(),
            rates: store.clone(),
            audit: store.clone(),
            bus: bus.clone(),
            provider: self.provider.clone(),
            clock: clock.clone(),
            dead_letters: DeadLetters { store, bus, clock },
        };
        let config = SenderConfig::new(80, QuotaRates::default(), None);
        tokio::spawn(sender::run(Arc::new(ports), config, stop.clone()));
        stop
    }

    /// Events come for a minute. Returns what is told of that.
    async fn minute(&mut self) -> Vec<OutcomeKind> {
        for _ in 0..20 {
            self.events += 1;
            self.bus.publish_events(&[event(self.events)], Quota::Within).await.unwrap();
            self.clock.sleep_until(self.clock.now() + SignedDuration::from_secs(3)).await;
        }
        let now = self.clock.now();
        let told = self.store.take_effects("hook", now, Timestamp::MAX, 100).await.unwrap();
        told.into_iter().map(|effect| effect.event.kind).collect()
    }

    fn stop_account(&self, is_stopped: bool) {
        self.provider.is_stopped.store(is_stopped, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stopped_account_is_told_once_for_all_senders_and_once_more_when_it_goes_on() {
    let mut world = World::new();
    let _senders = [world.start(), world.start(), world.start()];
    assert_eq!(world.minute().await, []);
    for _ in 0..2 {
        world.stop_account(true);
        assert_eq!(world.minute().await, [OutcomeKind::SendingStopped]);
        assert_eq!(world.minute().await, [], "the same stop");
        world.stop_account(false);
        assert_eq!(world.minute().await, [OutcomeKind::SendingResumed]);
        assert_eq!(world.minute().await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn that_an_account_goes_on_is_told_by_a_sender_that_did_not_see_it_stop() {
    let mut world = World::new();
    let first = world.start();
    world.stop_account(true);
    assert_eq!(world.minute().await, [OutcomeKind::SendingStopped]);
    first.cancel();
    world.stop_account(false);
    let _second = world.start();
    assert_eq!(world.minute().await, [OutcomeKind::SendingResumed]);
}
