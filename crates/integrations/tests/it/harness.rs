//! The role over one embedded backend in a temporary directory, with destinations that answer as a test says.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use conformance::{
    fixture::at,
    roles::{ManualClock, directory, event, paging_definition, until},
};
use domain::{
    ack_code::CodeKey,
    effect::{Act, EffectAnswer, OutcomeKind, Ticket},
    id::RunId,
    outbound::{Destinations, Subscription},
    policy::Environment,
    run::Run,
    workflow::Workflow,
};
use embedded::{Embedded, EmbeddedConfig};
use integrations::{Destination, IntegrationsPorts};
use ports::{DestinationClient, EffectRequest, Store, store::EffectCounts};
use runtime::{RunPorts, RunService, WorkflowRegistry};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A destination that answers as it was told to, then with success.
#[derive(Default)]
pub(crate) struct Scripted {
    pub answers: Mutex<VecDeque<EffectAnswer>>,
    /// What it was asked, in order.
    pub requests: Mutex<Vec<EffectRequest>>,
    /// It never answers.
    pub hangs: bool,
}

impl Scripted {
    pub(crate) fn answering(answers: impl IntoIterator<Item = EffectAnswer>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), ..Self::default() })
    }

    pub(crate) fn asked(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

pub(crate) fn ticket(destination: &str, key: &str) -> Ticket {
    Ticket { destination: destination.to_owned(), key: key.to_owned(), url: Some(format!("https://t/{key}")) }
}

#[async_trait]
impl DestinationClient for Scripted {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        self.requests.lock().unwrap().push(request.clone());
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let made = (request.effect.act == Act::OpenTicket)
            .then(|| ticket(&request.effect.destination, request.effect.run().unwrap().as_str()));
        self.answers.lock().unwrap().pop_front().unwrap_or(EffectAnswer::Done(made))
    }
}

pub(crate) struct World {
    pub clock: Arc<ManualClock>,
    pub store: Arc<dyn Store>,
    pub ports: Arc<IntegrationsPorts>,
    workflow: Workflow,
    _embedded: Embedded,
    _folder: TempDir,
}

impl World {
    /// A workflow whose runs ask for a ticket in `ops` at once, with these destinations.
    pub(crate) fn new(destinations: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let path = folder.path().join("callout.db");
        let embedded = Embedded::open(EmbeddedConfig::new(path, [].into(), clock.clone())).unwrap();
        let (store, bus) = (embedded.store(), embedded.bus());
        let mut definition = paging_definition();
        definition.steps[0].ticket = Some("ops".to_owned());
        let workflow = Workflow::compile(definition).unwrap();
        let run_ports = RunPorts::new(store.clone(), bus, clock.clone());
        let workflows = WorkflowRegistry::new([workflow.clone()]);
        let runs =
            RunService::new(run_ports, workflows, directory(), Environment::default(), CodeKey::default());
        let subscription = |name: &&str| Subscription {
            name: (*name).to_owned(),
            events: if *name == "ops" { [].into() } else { [OutcomeKind::RunOpened].into() },
            opens_tickets: *name == "ops",
            ..Subscription::default()
        };
        let runs =
            Arc::new(runs.with_destinations(Destinations(destinations.iter().map(subscription).collect())));
        let ports = Arc::new(IntegrationsPorts {
            runs,
            timelines: store.clone(),
            effects: store.clone(),
            clock: clock.clone(),
            api_url: Some("https://callout.example/sms".parse().unwrap()),
        });
        Self { clock, store, ports, workflow, _embedded: embedded, _folder: folder }
    }

    pub(crate) async fn open(&self, n: u32) -> RunId {
        let event = event(n);
        self.ports.runs.keep_workflows().await.unwrap();
        self.ports.runs.open_notice(&event, &self.workflow).await.unwrap();
        RunId::derive(&event.key.source, &event.key.id, self.workflow.name(), event.subject.as_deref())
    }

    /// Lets time pass from this second on, until something is so: a worker looks once a second, and may have looked just
    /// before what it waits for was due.
    pub(crate) async fn in_time(&self, what: &str, from: i64, is_so: impl AsyncFn() -> bool) {
        let second = AtomicI64::new(from);
        until(what, async || {
            // Each second gives the worker time to look: a clock that runs away would end its leases.
            for _ in 0..1_000 {
                if is_so().await {
                    return true;
                }
                tokio::task::yield_now().await;
            }
            self.clock.set(at(second.fetch_add(1, Ordering::Relaxed)));
            false
        })
        .await;
    }

    pub(crate) async fn run(&self, id: &RunId) -> Run {
        Arc::unwrap_or_clone(self.ports.runs.load(id).await.unwrap().unwrap().value)
    }

    pub(crate) async fn counts(&self) -> EffectCounts {
        let counts = self.store.audit_counts().await.unwrap().effects;
        assert!(counts.balances(), "{counts:?}");
        counts
    }

    pub(crate) fn start(&self, clients: &BTreeMap<&str, Arc<Scripted>>) -> Worker {
        let shutdown = CancellationToken::new();
        let destinations = clients.iter().map(|(name, client)| Destination {
            name: (*name).to_owned(),
            client: client.clone(),
            in_flight_max: 2,
            in_order: *name == "ordered",
            give_up_after_s: 3_600,
        });
        let sender = watch::Sender::new(Arc::new(destinations.collect()));
        let role = integrations::run(self.ports.clone(), sender.subscribe(), shutdown.clone());
        Worker { shutdown, task: tokio::spawn(async move { role.await.unwrap() }), _sender: sender }
    }
}

pub(crate) struct Worker {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    _sender: watch::Sender<Arc<Vec<Destination>>>,
}

impl Worker {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    /// As a killed process ends: nothing is stored, and nothing taken any more. Its tasks are told to stop, too, because
    /// they outlive the one that started them; their requests stay unanswered.
    pub(crate) fn kill(self) {
        self.task.abort();
        self.shutdown.cancel();
    }
}
