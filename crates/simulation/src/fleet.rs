//! The processes of a simulated fleet: their start, their crashes, their restarts.
//!
//! In: a world. Out: roles that run on the world's ports. Never: decides for a role.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use callback::CallbackConfig;
use control::Control;
use domain::{
    directory::{Contact, Directory},
    limits::RATE_HORIZON_S,
    policy::Environment,
    rate_limit::RateLimit,
    source_quota::QuotaRates,
    workflow::Workflow,
};
use ports::{Clock as _, Store as _};
use runtime::{Context, WorkflowRegistry};
use sender::{SenderConfig, SenderRate};
use tokio_util::sync::CancellationToken;
use twilio::{Secret, SignatureVerifier};

use crate::{
    bus::MemoryBus,
    chance::Chance,
    clock::SimClock,
    process::{Instrumented, Process, RoleKind},
    provider::Provider,
    provider_calls::{PUBLIC_URL, TOKEN},
    store::MemoryStore,
    world::{Habits, World, lane_of, locked},
};

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

    fn start_process(&self, role: RoleKind) {
        let Some(world) = self.me.upgrade() else { return };
        let process = Process::new(role, world.clone());
        let ctx = self.context(process.clone());
        match role {
            RoleKind::Operator => {}
            RoleKind::Callback => {
                let verifier = SignatureVerifier::new(vec![Secret::new(TOKEN)]);
                let config = CallbackConfig { public_url: PUBLIC_URL.to_owned(), verifier };
                locked(&self.receivers).push((process.died.clone(), callback::router(ctx, config)));
            }
            RoleKind::Sender => {
                let (stop, config) = (self.stop.clone(), self.sender_config());
                tokio::spawn(async move {
                    let ended = sender::run(ctx, config, stop).await;
                    world.ended(&process, ended.is_err());
                });
            }
            RoleKind::Escalation => {
                let stop = self.stop.clone();
                tokio::spawn(async move {
                    let config = escalation::EscalationConfig::default();
                    let ended = escalation::run(ctx, config, stop).await;
                    world.ended(&process, ended.is_err());
                });
            }
        }
    }

    fn sender_config(&self) -> SenderConfig {
        let (mut quotas, mut rate) = (QuotaRates::default(), None);
        if let Some((events_per_s, segments_per_s)) = self.habits.rates {
            quotas.default_per_s = events_per_s;
            let second = Duration::from_secs(1);
            let number = RateLimit::new(segments_per_s, second, segments_per_s, RATE_HORIZON_S);
            rate = Some(SenderRate { queue: "number".to_owned(), pace: number });
        }
        SenderConfig::new(20, quotas, rate)
    }

    /// The ports as a process sees them.
    fn context(&self, process: Arc<Process>) -> Arc<Context> {
        let seen = Arc::new(Instrumented(process));
        Arc::new(Context {
            store: seen.clone(),
            bus: seen.clone(),
            provider: seen,
            clock: self.clock.clone(),
            workflows: WorkflowRegistry::new(self.workflows.iter().cloned()),
            directory: Directory { contacts: self.contacts.clone(), ..Directory::default() },
            environment: Environment::default(),
        })
    }

    /// An operator's command, for as long as it takes.
    pub(crate) fn operator(self: &Arc<Self>) -> Control {
        Control::new(self.context(Process::new(RoleKind::Operator, self.clone())))
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
