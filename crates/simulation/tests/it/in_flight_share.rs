//! What an account may have in flight is divided between the senders that there are.
//!
//! In: senders that come and go on one bus. Out: what each tells its provider. Never: a real second.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use domain::{
    ack_code::CodeKey,
    directory::Directory,
    phone::E164,
    policy::Environment,
    provider::{FailureClass, ProviderMessage, ProviderMessageId, Submission, SubmitOutcome},
    source_quota::QuotaRates,
    workflow::Lane,
};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, ProviderError, SmsProvider};
use runtime::{DeadLetters, RunPorts, RunService, WorkflowRegistry};
use sender::{SenderConfig, SenderPorts};
use simulation::{MemoryBus, MemoryStore, SimClock};
use tokio_util::sync::CancellationToken;

/// Remembers what it may have in flight, and is never asked to send.
struct Idle(AtomicU16);

#[async_trait]
impl SmsProvider for Idle {
    async fn submit(&self, _submission: &Submission) -> SubmitOutcome {
        unreachable!("there is nothing to send")
    }

    async fn fetch(&self, _sid: &ProviderMessageId) -> Result<Option<ProviderMessage>, ProviderError> {
        unreachable!("there is nothing to ask about")
    }

    async fn look_up(
        &self,
        _to: &E164,
        _from: Timestamp,
        _until: Timestamp,
    ) -> Result<Vec<ProviderMessage>, ProviderError> {
        unreachable!("there is nothing to look up")
    }

    async fn allow(&self, in_flight_max: u16) {
        self.0.store(in_flight_max, Ordering::Relaxed);
    }

    fn classify(&self, _error_code: Option<u32>) -> FailureClass {
        FailureClass::Informational
    }

    fn answer_max(&self) -> Duration {
        Duration::from_secs(10)
    }
}

struct Sender {
    provider: Arc<Idle>,
    stop: CancellationToken,
}

impl Sender {
    fn start(bus: &Arc<MemoryBus>, clock: &Arc<SimClock>) -> Self {
        let (provider, stop) = (Arc::new(Idle(AtomicU16::new(80))), CancellationToken::new());
        let store = Arc::new(MemoryStore::default());
        let run_ports = RunPorts::new(store.clone(), bus.clone(), clock.clone());
        let (workflows, directory) = (WorkflowRegistry::new([]), Directory::default());
        let ports = SenderPorts {
            runs: Arc::new(RunService::new(
                run_ports,
                workflows,
                directory,
                Environment::default(),
                CodeKey::default(),
            )),
            lookup: store.clone(),
            consent: store.clone(),
            rates: store.clone(),
            audit: store.clone(),
            bus: bus.clone(),
            provider: provider.clone(),
            clock: clock.clone(),
            dead_letters: DeadLetters { store, bus: bus.clone(), clock: clock.clone() },
        };
        let config = SenderConfig::new(80, QuotaRates::default(), None);
        tokio::spawn(sender::run(Arc::new(ports), config, stop.clone()));
        Self { provider, stop }
    }
}

/// What each may have in flight once all have looked again.
async fn parts(senders: &[Sender], clock: &SimClock) -> Vec<u16> {
    clock.sleep_until(clock.now() + SignedDuration::from_secs(6)).await;
    senders.iter().map(|sender| sender.provider.0.load(Ordering::Relaxed)).collect()
}

#[tokio::test(start_paused = true)]
async fn senders_that_come_and_go_share_what_the_account_may_have_in_flight() {
    let clock = Arc::new(SimClock::start());
    let bus = MemoryBus::new(clock.clone(), |_| Lane::Standard);
    let mut senders = vec![Sender::start(&bus, &clock)];
    assert_eq!(parts(&senders, &clock).await, [80]);
    senders.extend([Sender::start(&bus, &clock), Sender::start(&bus, &clock)]);
    assert_eq!(parts(&senders, &clock).await, [26, 26, 26]);
    senders.pop().unwrap().stop.cancel();
    assert_eq!(parts(&senders, &clock).await, [40, 40]);
}
