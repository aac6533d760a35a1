//! The processes of a simulated fleet: their start, their crashes, their restarts.
//!
//! In: a world. Out: roles that run on the world's ports. Never: decides for a role.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, Weak},
};

use callback::CallbackPorts;
use control::{Control, ControlPorts};
use domain::{
    ack_code::CodeKey,
    directory::{Contact, Directory},
    notice::{Notices, Wording},
    policy::Environment,
    source_quota::QuotaRates,
    workflow::Workflow,
};
use escalation::EscalationPorts;
use integrations::IntegrationsPorts;
use ports::Clock as _;
use runtime::{Acceptance, DeadLetters, RunPorts, RunService, WorkflowRegistry};
use sender::{SenderConfig, SenderPorts, SenderRate};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use twilio::{Secret, SignatureVerifier, TwilioWebhooks};

use crate::{
    bus::MemoryBus,
    chance::Chance,
    clock::SimClock,
    desk::Desk,
    desk_client,
    process::{Instrumented, Process, RoleKind},
    provider::Provider,
    provider_calls::{PUBLIC_URL, TOKEN},
    store::MemoryStore,
    world::{Habits, World, lane_of, locked},
};

impl World {
    /// A world with two senders, an escalation worker and a callback receiver; with a desk, two who carry effects out.
    pub(crate) async fn start(
        chance: Chance,
        workflows: Vec<Workflow>,
        contacts: BTreeMap<String, Contact>,
        habits: Habits,
    ) -> Arc<Self> {
        let clock = Arc::new(SimClock::start());
        let bus = MemoryBus::new(clock.clone(), lane_of);
        let world = Arc::new_cyclic(|me: &Weak<World>| World {
            clock,
            chance,
            store: MemoryStore::default(),
            bus,
            provider: Provider::default(),
            desk: Desk::default(),
            me: me.clone(),
            workflows,
            contacts,
            log: Mutex::default(),
            receivers: Mutex::default(),
            stop: CancellationToken::new(),
            habits,
        });
        let kept = world.registry().keep(&world.store).await;
        assert!(kept.is_ok(), "a store in memory takes everything");
        for role in [RoleKind::Sender, RoleKind::Sender, RoleKind::Escalation, RoleKind::Callback] {
            world.start_process(role);
        }
        if habits.has_desk {
            for role in [RoleKind::Integrations; 2] {
                world.start_process(role);
            }
        }
        world
    }

    fn start_process(&self, role: RoleKind) {
        let Some(world) = self.me.upgrade() else { return };
        let process = Process::new(role, world.clone());
        let ports = Arc::new(Instrumented(process.clone()));
        let runs = self.run_service(&ports);
        match role {
            RoleKind::Operator => {}
            RoleKind::Integrations => {
                let destinations = watch::Sender::new(Arc::new(desk_client::destinations(&process)));
                let stop = self.stop.clone();
                let (timelines, effects, clock) = (ports.clone(), ports, self.clock.clone());
                let ports = IntegrationsPorts { runs, timelines, effects, clock, api_url: None };
                tokio::spawn(async move {
                    let ended = integrations::run(Arc::new(ports), destinations.subscribe(), stop).await;
                    world.ended(&process, ended.is_err());
                });
            }
            RoleKind::Callback => {
                let verifier = SignatureVerifier::new(vec![Secret::new(TOKEN)]);
                let webhooks = TwilioWebhooks {
                    public_url: PUBLIC_URL.to_owned(),
                    verifier,
                    keyword_languages: twilio::known_languages(),
                };
                let (lookup, consent, webhooks) = (ports.clone(), ports, Arc::new(webhooks));
                let router = callback::router(CallbackPorts { runs, lookup, consent, webhooks });
                locked(&self.receivers).push((process.died.clone(), router));
            }
            RoleKind::Sender => {
                let (stop, config) = (self.stop.clone(), self.sender_config());
                let dead_letters = self.dead_letters(&ports);
                let ports = SenderPorts {
                    runs,
                    lookup: ports.clone(),
                    consent: ports.clone(),
                    rates: ports.clone(),
                    audit: ports.clone(),
                    bus: ports.clone(),
                    provider: ports,
                    clock: self.clock.clone(),
                    dead_letters,
                };
                tokio::spawn(async move {
                    let ended = sender::run(Arc::new(ports), config, stop).await;
                    world.ended(&process, ended.is_err());
                });
            }
            RoleKind::Escalation => {
                let stop = self.stop.clone();
                let dead_letters = self.dead_letters(&ports);
                let ports = EscalationPorts {
                    runs,
                    due: ports.clone(),
                    retention: ports.clone(),
                    sealing: ports.clone(),
                    letters: ports.clone(),
                    dead_letters,
                    bus: ports,
                    clock: self.clock.clone(),
                };
                tokio::spawn(async move {
                    let config = escalation::EscalationConfig::default();
                    let ended = escalation::run(Arc::new(ports), config, stop).await;
                    world.ended(&process, ended.is_err());
                });
            }
        }
    }

    fn sender_config(&self) -> SenderConfig {
        let (mut quotas, mut rate) = (QuotaRates::default(), None);
        if let Some((events_per_s, segments_per_s)) = self.habits.rates {
            quotas.default_per_s = events_per_s;
            rate = Some(SenderRate::per_second("number".to_owned(), segments_per_s));
        }
        SenderConfig::new(20, quotas, rate)
    }

    /// The service that changes runs, over the ports as a process sees them.
    fn run_service(&self, ports: &Arc<Instrumented>) -> Arc<RunService> {
        let run_ports = RunPorts::new(ports.clone(), ports.clone(), self.clock.clone());
        let directory = Directory { contacts: self.contacts.clone(), ..Directory::default() };
        let (environment, key) = (Environment::default(), CodeKey::default());
        let runs = RunService::new(run_ports, self.registry(), directory, environment, key);
        Arc::new(if self.habits.has_desk { runs.with_destinations(desk_client::wanted()) } else { runs })
    }

    fn registry(&self) -> WorkflowRegistry {
        let registry = WorkflowRegistry::new(self.workflows.iter().cloned());
        if !self.habits.notices {
            return registry;
        }
        let notices = Notices::compile(&Wording::default());
        registry.with_notices(notices.unwrap_or_else(|errors| panic!("{errors:?}")))
    }

    fn dead_letters(&self, ports: &Arc<Instrumented>) -> DeadLetters {
        DeadLetters { store: ports.clone(), bus: ports.clone(), clock: self.clock.clone() }
    }

    /// An operator's command, for as long as it takes.
    pub(crate) fn operator(self: &Arc<Self>) -> Control {
        let ports = Arc::new(Instrumented(Process::new(RoleKind::Operator, self.clone())));
        let (runs, clock) = (self.run_service(&ports), self.clock.clone());
        let acceptance = Acceptance::new(runs.clone(), ports.clone(), clock, QuotaRates::default());
        Control::new(ControlPorts {
            runs,
            acceptance: Arc::new(acceptance),
            list: ports.clone(),
            letters: ports.clone(),
            tokens: ports.clone(),
            approvals: ports.clone(),
            effects: ports.clone(),
            log: ports.clone(),
            audit: ports.clone(),
            status: ports.clone(),
            consent: ports.clone(),
            retention: ports.clone(),
            sending: ports.clone(),
            receipts: ports.clone(),
            rate_limits: ports.clone(),
            overrides: ports.clone(),
            silences: ports.clone(),
            calendars: ports.clone(),
            preflight: ports.clone(),
            clock: self.clock.clone(),
            bus: ports,
        })
    }

    /// A role that ends by itself, because a port failed at its start, is started again as one that died.
    fn ended(&self, process: &Process, failed: bool) {
        if failed && !process.died.is_cancelled() {
            self.crash(process);
        }
    }

    /// Kills a process, and has it started again after a while.
    pub(crate) fn crash(&self, process: &Process) {
        process.die();
        if self.habits.loses_runs {
            self.store.lose_runs(self.clock.now());
        }
        locked(&self.receivers).retain(|(died, _)| !died.is_cancelled());
        let (role, wait_ms) = (process.role, 50 + self.chance.below(2_000));
        let Some(world) = self.me.upgrade() else { return };
        tokio::spawn(async move {
            world.wait_ms(wait_ms).await;
            world.note(format!("{role:?} is started again"));
            world.start_process(role);
        });
    }
}
