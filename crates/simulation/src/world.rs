//! The fleet and its surroundings: processes that are started again when they die, events, recipients, a log.
//!
//! In: a seed or a script. Out: a world that has gone quiet.
//! Never: decides for a role; it only lets time pass.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use axum::Router;
use callback::CallbackPorts;
use control::{Control, ControlPorts};
use domain::{
    ack_code::AckCode,
    directory::{Contact, Directory},
    event::Event,
    policy::Environment,
    provider::Submission,
    source_quota::{Quota, QuotaRates},
    workflow::{Lane, Workflow},
};
use escalation::EscalationPorts;
use jiff::SignedDuration;
use ports::{Bus as _, Clock, DueStore as _, RunStore as _};
use runtime::{DeadLetters, RunPorts, RunService, WorkflowRegistry};
use sender::{SenderConfig, SenderPorts, SenderRate};
use tokio_util::sync::CancellationToken;
use twilio::{Secret, SignatureVerifier, TwilioWebhooks};

use crate::{
    bus::MemoryBus,
    chance::{Chance, Fault},
    clock::SimClock,
    process::{Instrumented, Process},
    provider::{self, PUBLIC_URL, Provider, TOKEN},
    store::MemoryStore,
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
    /// Looks and changes, and is gone.
    Operator,
}

/// What else happens in a world.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habits {
    /// Recipients answer now and then.
    pub(crate) replies: bool,
    /// With each process that dies, the store loses its runs.
    pub(crate) loses_runs: bool,
    /// Events a second within the share of a source, and segments a second of the sending number.
    pub(crate) pace: Option<(u32, u32)>,
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) clock: Arc<SimClock>,
    pub(crate) chance: Chance,
    pub(crate) store: MemoryStore,
    pub(crate) bus: Arc<MemoryBus>,
    pub(crate) provider: Provider,
    me: Weak<World>,
    workflows: Vec<Workflow>,
    contacts: BTreeMap<String, Contact>,
    log: Mutex<Vec<String>>,
    receivers: Mutex<Vec<(Arc<Process>, Router)>>,
    stop: CancellationToken,
    habits: Habits,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Pages first, notes next, and what is held in doubt last.
pub(crate) fn lane_of(kind: &str) -> Lane {
    match kind.split('.').next() {
        Some("page") => Lane::Critical,
        Some("held") => Lane::Bulk,
        _ => Lane::Standard,
    }
}

impl World {
    /// A world with two senders, an escalation worker and a callback receiver.
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
            me: me.clone(),
            workflows,
            contacts,
            log: Mutex::default(),
            receivers: Mutex::default(),
            stop: CancellationToken::new(),
            habits,
        });
        for workflow in &world.workflows {
            let kept = world.store.keep_workflow(&workflow.hash, &workflow.definition).await;
            assert!(kept.is_ok(), "a store in memory takes everything");
        }
        for role in [RoleKind::Sender, RoleKind::Sender, RoleKind::Escalation, RoleKind::Callback] {
            world.start_process(role);
        }
        world
    }

    pub(crate) async fn wait_ms(&self, ms: u64) {
        if ms > 0 {
            self.clock.sleep_until(self.clock.now() + SignedDuration::from_millis(ms as i64)).await;
        }
    }

    /// A line of the log, with the time.
    pub(crate) fn note(&self, what: String) {
        locked(&self.log).push(format!("{:>9} ms  {what}", self.clock.elapsed().as_millis()));
    }

    /// The log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        locked(&self.log).clone()
    }

    /// A living callback receiver.
    pub(crate) fn receiver(&self) -> Option<Router> {
        locked(&self.receivers).first().map(|(_, router)| router.clone())
    }

    fn start_process(&self, role: RoleKind) {
        let Some(world) = self.me.upgrade() else { return };
        let process = Process::new(role, world.clone());
        let ports = Arc::new(Instrumented(process.clone()));
        let runs = self.run_service(&ports);
        match role {
            RoleKind::Operator => {}
            RoleKind::Callback => {
                let verifier = SignatureVerifier::new(vec![Secret::new(TOKEN)]);
                let webhooks = TwilioWebhooks { public_url: PUBLIC_URL.to_owned(), verifier };
                let (lookup, consent, webhooks) = (ports.clone(), ports, Arc::new(webhooks));
                let router = callback::router(CallbackPorts { runs, lookup, consent, webhooks });
                locked(&self.receivers).push((process, router));
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
        if let Some((events_per_s, segments_per_s)) = self.habits.pace {
            quotas.default_per_s = events_per_s;
            rate = Some(SenderRate::per_second("number".to_owned(), segments_per_s));
        }
        SenderConfig::new(20, quotas, rate)
    }

    /// The ports as a process sees them.
    fn run_service(&self, ports: &Arc<Instrumented>) -> Arc<RunService> {
        let run_ports = RunPorts {
            runs: ports.clone(),
            lookup: ports.clone(),
            consent: ports.clone(),
            overrides: ports.clone(),
            bus: ports.clone(),
            clock: self.clock.clone(),
        };
        let workflows = WorkflowRegistry::new(self.workflows.iter().cloned());
        let directory = Directory { contacts: self.contacts.clone(), ..Directory::default() };
        Arc::new(RunService::new(run_ports, workflows, directory, Environment::default()))
    }

    fn dead_letters(&self, ports: &Arc<Instrumented>) -> DeadLetters {
        DeadLetters { store: ports.clone(), bus: ports.clone(), clock: self.clock.clone() }
    }

    /// An operator's command, for as long as it takes.
    pub(crate) fn operator(self: &Arc<Self>) -> Control {
        let ports = Arc::new(Instrumented(Process::new(RoleKind::Operator, self.clone())));
        Control::new(ControlPorts {
            runs: self.run_service(&ports),
            list: ports.clone(),
            letters: ports.clone(),
            audit: ports.clone(),
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
        locked(&self.receivers).retain(|(known, _)| !std::ptr::eq(&**known, process));
        let (role, wait_ms) = (process.role, 50 + self.chance.below(2_000));
        let Some(world) = self.me.upgrade() else { return };
        tokio::spawn(async move {
            world.wait_ms(wait_ms).await;
            world.note(format!("{role:?} is started again"));
            world.start_process(role);
        });
    }

    /// A source sends an event, perhaps twice.
    pub(crate) async fn send(&self, event: &Event) {
        self.note(format!("event {} of {}", event.key.id, event.kind));
        self.store.accept(std::iter::once(event.key.clone()));
        let copies = if self.chance.fires(Fault::EventDoubled) { 2 } else { 1 };
        for _ in 0..copies {
            let published = self.bus.publish_events(std::slice::from_ref(event), Quota::Within).await;
            assert!(published.is_ok(), "a bus in memory takes everything");
        }
    }

    /// Somebody reads a text that arrived, and may answer it with its code.
    pub(crate) async fn recipient_may_reply(self: &Arc<Self>, submission: &Submission) {
        if !self.habits.replies || self.chance.below(3) > 0 {
            return;
        }
        let text = &submission.body.0;
        let Some(code) = text.rsplit([' ', '.']).find_map(|word| word.parse::<AckCode>().ok()) else {
            return;
        };
        self.wait_ms(1_000 + self.chance.below(60_000)).await;
        let number = self.chance.below(u64::MAX);
        let params = [
            ("Body".to_owned(), format!("ACK {code}")),
            ("From".to_owned(), submission.to.as_str().to_owned()),
            ("MessageSid".to_owned(), format!("SM{number:032x}")),
            ("To".to_owned(), "+15005550006".to_owned()),
        ];
        provider::post_form(self, twilio::INBOUND_PATH, &params).await;
    }

    /// Lets time pass until nothing is to be done any more. `false`: that did not come about in time.
    pub(crate) async fn run_until_quiet(&self, most: Duration) -> bool {
        let end = self.clock.now() + SignedDuration::try_from(most).unwrap_or(SignedDuration::ZERO);
        while self.clock.now() < end {
            self.wait_ms(5_000).await;
            let due = self.store.next_due().await.ok().flatten();
            let mut waiting = 0;
            for queue in ports::Queue::ALL {
                waiting += self.bus.depth(queue).await.unwrap_or_default();
            }
            if due.is_none() && waiting == 0 {
                return true;
            }
        }
        false
    }

    /// Ends every process.
    pub(crate) fn shut_down(&self) {
        self.stop.cancel();
    }
}
