//! STOP comes while a text is on its way out, on both backends and with a real sender.
//!
//! In: thousands of texts to phones of which each says STOP at another moment. Out: no request after a STOP that was stored
//! before its claim. Never: a phone that said nothing and got nothing.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use domain::{
    ack_code::CodeKey,
    consent::{Consent, ConsentChange, ConsentEntry},
    directory::Directory,
    event::Event,
    phone::E164,
    policy::Environment,
    provider::{FailureClass, ProviderMessage, ProviderMessageId, ProviderStatus, Submission, SubmitOutcome},
    source_quota::{Quota, QuotaRates},
    workflow::{Lane, Stage, Step, Target, Workflow, WorkflowDefinition},
};
use embedded::{Embedded, EmbeddedConfig};
use jiff::Timestamp;
use ports::{
    Bus as _, Clock as _, ConsentStore, ProviderError, SmsProvider, Store, StoreError, SystemClock,
    store::ConsentPage,
};
use runtime::{DeadLetters, RunPorts, RunService, WorkflowRegistry};
use sender::{SenderConfig, SenderPorts};
use serde_json::json;
use simulation::MemoryBus;
use tokio_util::sync::CancellationToken;

use crate::setup;

/// Texts on each backend.
const TRIES: usize = 10_000;
const KIND: &str = "note.created";

/// When a phone says STOP, by its number.
#[derive(PartialEq, Eq)]
enum Stop {
    /// Between the plan of the text and its claim.
    AfterPlan,
    /// At about the same time.
    Meanwhile,
    Never,
}

fn stop_of(number: &E164) -> Stop {
    match number.as_str().as_bytes().last() {
        Some(b'0'..=b'3') => Stop::AfterPlan,
        Some(b'4'..=b'6') => Stop::Meanwhile,
        _ => Stop::Never,
    }
}

/// Consent of a store; the first who asks about a number has its STOP come just after.
struct Stopping {
    store: Arc<dyn Store>,
    asked: Mutex<BTreeSet<E164>>,
}

#[async_trait]
impl ConsentStore for Stopping {
    async fn consent(&self, number: &E164) -> Result<Consent, StoreError> {
        let known = self.store.consent(number).await?;
        if !self.asked.lock().unwrap().insert(number.clone()) {
            return Ok(known);
        }
        let stop = ConsentEntry::observed(
            number.clone(),
            ConsentChange::OptOut,
            SystemClock.now(),
            "reply",
            "SM1".to_owned(),
        );
        match stop_of(number) {
            Stop::AfterPlan => self.store.record_consent(&stop).await?,
            Stop::Meanwhile => {
                let store = self.store.clone();
                tokio::spawn(async move { store.record_consent(&stop).await.unwrap() });
            }
            Stop::Never => {}
        }
        Ok(known)
    }

    async fn record_consent(&self, entry: &ConsentEntry) -> Result<(), StoreError> {
        self.store.record_consent(entry).await
    }

    async fn consent_page(&self, after: Option<&str>, max: u16) -> Result<ConsentPage, StoreError> {
        self.store.consent_page(after, max).await
    }

    async fn consent_log(&self, number: &E164) -> Result<Vec<ConsentEntry>, StoreError> {
        self.store.consent_log(number).await
    }
}

/// Takes every text.
#[derive(Default)]
struct Provider(Mutex<BTreeSet<E164>>);

#[async_trait]
impl SmsProvider for Provider {
    async fn submit(&self, submission: &Submission) -> SubmitOutcome {
        self.0.lock().unwrap().insert(submission.to.clone());
        let sid = format!("SM{}", submission.to.as_str()).parse().unwrap();
        SubmitOutcome::Sent { sid, status: ProviderStatus::Delivered }
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
    let schema = json!({"type": "object", "properties": {"phone": {"type": "string"}}});
    let notify = vec![Target::Field("phone".to_owned())];
    let step = Step { notify, deliver_within_s: Some(3_600), ..Step::default() };
    let mut definition = WorkflowDefinition::new("note", KIND, "Hello", schema, vec![step]);
    definition.stage = Stage::Live;
    Workflow::compile(definition).unwrap()
}

fn number(n: usize) -> E164 {
    format!("+1415{n:07}").parse().unwrap()
}

fn event_to(n: usize) -> Event {
    let event = json!({
        "specversion": "1.0", "source": "race", "id": n.to_string(), "type": KIND,
        "time": SystemClock.now().to_string(), "data": {"phone": number(n).as_str()},
    });
    Event::from_json(event.to_string().as_bytes()).unwrap()
}

async fn race(store: Arc<dyn Store>) {
    let clock = Arc::new(SystemClock);
    let bus = MemoryBus::new(clock.clone(), |_| Lane::Standard);
    let consent: Arc<dyn ConsentStore> = Arc::new(Stopping { store: store.clone(), asked: Mutex::default() });
    let ports =
        RunPorts { consent: consent.clone(), ..RunPorts::new(store.clone(), bus.clone(), clock.clone()) };
    let workflows = WorkflowRegistry::new([workflow()]);
    let environment = Environment::default();
    let runs =
        Arc::new(RunService::new(ports, workflows, Directory::default(), environment, CodeKey::default()));
    runs.keep_workflows().await.unwrap();
    let provider = Arc::new(Provider::default());
    let ports = SenderPorts {
        runs,
        lookup: store.clone(),
        consent,
        rates: store.clone(),
        audit: store.clone(),
        bus: bus.clone(),
        provider: provider.clone(),
        clock: clock.clone(),
        dead_letters: DeadLetters { store: store.clone(), bus: bus.clone(), clock },
    };
    let stop = CancellationToken::new();
    let config = SenderConfig::new(200, QuotaRates::default(), None);
    let sending = tokio::spawn(sender::run(Arc::new(ports), config, stop.clone()));
    for first in (0..TRIES).step_by(500) {
        let events: Vec<Event> = (first..first + 500).map(event_to).collect();
        bus.publish_events(&events, Quota::Within).await.unwrap();
    }
    let ended = async |phase: &str| {
        let counts = store.audit_counts().await.unwrap();
        counts.messages.get(phase).copied().unwrap_or_default() as usize
    };
    let mut tries = tokio::time::interval(Duration::from_millis(50));
    while ended("delivered").await + ended("suppressed").await < TRIES {
        tries.tick().await;
    }
    stop.cancel();
    sending.await.unwrap().unwrap();
    let texted = provider.0.lock().unwrap();
    let all = || (0..TRIES).map(number);
    let wrong: Vec<E164> = all()
        .filter(|number| match stop_of(number) {
            Stop::AfterPlan => texted.contains(number),
            Stop::Meanwhile => false,
            Stop::Never => !texted.contains(number),
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {TRIES}: {:?}", wrong.len(), wrong.first());
    let meanwhile = all().filter(|number| stop_of(number) == Stop::Meanwhile).count();
    let stopped = all().filter(|number| !texted.contains(number)).count();
    assert!(stopped >= 4 * TRIES / 10 && stopped <= 4 * TRIES / 10 + meanwhile, "{stopped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_is_stored_before_the_claim_is_never_followed_by_a_text_on_redis() {
    race(setup::store("opt_out_race").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_is_stored_before_the_claim_is_never_followed_by_a_text_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let settings = EmbeddedConfig::new(folder.path().join("race.db"), [].into(), Arc::new(SystemClock));
    race(Embedded::open(settings).unwrap().store()).await;
}
