//! The one way roles change runs: load, decide in `domain`, store by compare-and-set, then emit and wake.
//!
//! In: ports, configuration and pure transitions. Out: stored changes; after each, log lines, notifications, wake-ups.
//! Never: decides. What it chooses between are outcomes of the ports.
//!
//! A process that dies before the store has a change changed nothing; one that dies after it has left a due row, which
//! repeats the wake-ups that were not published.

mod after_store;
mod audience;
mod calendar_texts;
mod calendars;
mod canaries;
mod changing;
mod coverage;
mod gathering;
mod group_locks;
mod long_queues;
mod opening;
mod opt_outs;
mod originators;
mod preview;
mod run_ports;
mod sending;
mod silences;
mod step_hook;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use domain::{
    ack_code::CodeKey,
    canary::CanarySettings,
    consent::{Consent, GrantNeeds},
    directory::{Contact, Directory},
    event::Event,
    id::RunId,
    limits::CHANGE_TRIES_MAX,
    outbound::Destinations,
    phone::E164,
    policy::{Decision, Environment, forbid},
    provider::Submission,
    recipient_hash::RecipientKey,
    reply::People,
    run::{Run, StepContext},
    silence::Silence,
    timeline::{Effects, TimelineEvent},
    workflow::{Reach, Step, Workflow},
};
use jiff::Timestamp;
use ports::{Change, Versioned, store::Resolution};
use telemetry::Found;

use crate::{error::RoleError, originator_scores::OriginatorScores, workflow_registry::WorkflowRegistry};

use calendar_texts::CalendarTexts;
use group_locks::GroupLocks;
use long_queues::LongQueues;
use opt_outs::OptOuts;
use step_hook::ByCommand;

pub(crate) use calendar_texts::meant_aside;
pub use calendar_texts::{Meant, meant, meant_between};
pub use opening::{OpenedRun, Precedent};
pub use run_ports::RunPorts;
pub use step_hook::StepHook;

/// Opens, ticks and changes runs.
pub struct RunService {
    ports: RunPorts,
    in_force: RwLock<InForce>,
    environment: Environment,
    code_key: CodeKey,
    /// What the links that acknowledge begin with.
    link_base: Arc<str>,
    originators: OriginatorScores,
    /// Those that have not ended, as this process knows them.
    silences: RwLock<Arc<[Silence]>>,
    /// Copies of calendars, as this process read them last.
    calendars: RwLock<CalendarTexts>,
    /// What recipients are named by in the log, beside their masked numbers.
    recipient_key: Option<RecipientKey>,
    group_locks: GroupLocks,
    long_queues: LongQueues,
    opt_outs: Mutex<OptOuts>,
}

/// What a reload replaces.
#[derive(Clone)]
struct InForce {
    workflows: Arc<WorkflowRegistry>,
    directory: Arc<Directory>,
    /// Absent where nothing is told outside, and no ticket is missed.
    destinations: Option<Arc<Destinations>>,
    /// Absent where no canaries are sent.
    canary: Option<CanarySettings>,
}

/// What a transition returned, and the run as it is stored now.
#[derive(Debug)]
pub struct Applied<T> {
    /// What the transition returned.
    pub value: T,
    /// The run as it is stored.
    pub run: Versioned<Arc<Run>>,
}

/// What came of one try to change a run.
enum Attempt<T> {
    Stored(Applied<T>),
    Unchanged(Applied<T>),
    Conflict(RunId),
}

impl RunService {
    /// A service over these ports.
    pub fn new(
        ports: RunPorts,
        workflows: WorkflowRegistry,
        directory: Directory,
        environment: Environment,
        code_key: CodeKey,
    ) -> Self {
        let in_force = InForce {
            workflows: Arc::new(workflows),
            directory: Arc::new(directory),
            destinations: None,
            canary: None,
        };
        Self {
            ports,
            in_force: RwLock::new(in_force),
            environment,
            code_key,
            link_base: Arc::default(),
            originators: OriginatorScores::default(),
            silences: RwLock::default(),
            calendars: RwLock::default(),
            recipient_key: None,
            group_locks: GroupLocks::default(),
            long_queues: LongQueues::default(),
            opt_outs: Mutex::default(),
        }
    }

    /// Has links begin with this address, at which the role `callback` answers.
    pub fn linking_to(self, base: &str) -> Self {
        Self { link_base: base.into(), ..self }
    }

    /// What links begin with.
    pub fn link_base(&self) -> &str {
        &self.link_base
    }

    /// Has the log name recipients by hashes with this key.
    pub fn hashing_with(self, recipient_key: Option<RecipientKey>) -> Self {
        Self { recipient_key, ..self }
    }

    /// What hashes of recipients are keyed with, where they are wanted.
    pub fn recipient_key(&self) -> Option<&RecipientKey> {
        self.recipient_key.as_ref()
    }

    /// The names of the destinations in force.
    pub fn destinations(&self) -> Vec<String> {
        let destinations = self.in_force().destinations;
        let subscriptions = destinations.iter().flat_map(|destinations| &destinations.0);
        subscriptions.map(|subscription| subscription.name.clone()).collect()
    }

    /// Tells these destinations of what happens to runs.
    pub fn with_destinations(self, destinations: Destinations) -> Self {
        let destinations = Some(Arc::new(destinations));
        self.in_force.write().unwrap_or_else(PoisonError::into_inner).destinations = destinations;
        self
    }

    /// Puts other workflows, people and destinations in force, for all that comes from now on. Runs keep the definition
    /// that they were opened with.
    ///
    /// # Errors
    /// When the store does not take a definition; nothing changes then.
    pub async fn replace(
        &self,
        workflows: WorkflowRegistry,
        directory: Directory,
        destinations: Destinations,
    ) -> Result<(), RoleError> {
        workflows.keep(&*self.ports.runs).await?;
        let new = InForce {
            workflows: Arc::new(workflows),
            directory: Arc::new(self.with_shifts(directory).await),
            destinations: Some(Arc::new(destinations)),
            canary: self.canary(),
        };
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// A run as it shall be stored, with what is to be done outside because of the change.
    fn change(&self, run: &Arc<Run>, mut effects: Effects, workflow: &Workflow) -> Change {
        if let Some(destinations) = self.in_force().destinations {
            destinations.complete(run, &mut effects);
        }
        Change::new(run.clone(), effects, workflow)
    }

    /// Stores every definition in force, so that runs opened with it can go on after a change.
    ///
    /// # Errors
    /// When the store does not take them.
    pub async fn keep_workflows(&self) -> Result<(), RoleError> {
        self.workflows().keep(&*self.ports.runs).await
    }

    /// Whether the destinations are known, and none of them opens the tickets of a queue.
    pub fn lacks_tracker(&self, queue: &str) -> bool {
        self.in_force().destinations.is_some_and(|destinations| destinations.tracker(queue).is_none())
    }

    /// The workflows in force, and those that runs were opened with.
    pub fn workflows(&self) -> Arc<WorkflowRegistry> {
        self.in_force().workflows
    }

    /// The people and rotations in force.
    pub fn directory(&self) -> Arc<Directory> {
        self.in_force().directory
    }

    fn in_force(&self) -> InForce {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// The run with this id.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn load(&self, id: &RunId) -> Result<Option<Versioned<Arc<Run>>>, RoleError> {
        Ok(self.ports.runs.load_run(id).await?)
    }

    /// Records a resolution, and returns the runs that it changes: none of another team.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn resolve(&self, resolution: &Resolution) -> Result<Vec<RunId>, RoleError> {
        let (found, workflows) = (self.ports.runs.resolve(resolution).await?, self.workflows());
        if !workflows.has_teams() {
            return Ok(found);
        }
        let mut meant = Vec::new();
        for id in found {
            let run = self.load(&id).await?;
            if run.is_some_and(|run| workflows.may_resolve(&run.value, &resolution.by.source)) {
                meant.push(id);
            }
        }
        Ok(meant)
    }

    /// The runs of a subject that an event of this source opened through a workflow and that are not over.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn open_runs(
        &self,
        workflow: &Workflow,
        source: &str,
        subject: &str,
    ) -> Result<Vec<Arc<Run>>, RoleError> {
        let mut open = Vec::new();
        for id in self.ports.runs.open_runs(workflow.name(), subject).await? {
            open.extend(
                self.load(&id).await?.map(|run| run.value).filter(|run| run.event().source == source),
            );
        }
        Ok(open)
    }

    /// The definition that a run was opened with.
    ///
    /// # Errors
    /// When the store cannot be asked, or has no definition that this version can use.
    pub async fn workflow_of(&self, run: &Run) -> Result<Workflow, RoleError> {
        self.workflows().of(run, &*self.ports.runs).await
    }

    /// The context of one transition.
    pub fn context<'a>(&'a self, workflow: &'a Workflow) -> StepContext<'a> {
        StepContext::new(workflow, &self.environment, self.now())
            .with_originators(self.originators())
            .under(self.silences())
    }

    /// Who acknowledged a run last, and when.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn acknowledged(&self, id: &RunId) -> Result<Option<(String, Timestamp)>, RoleError> {
        let timeline = self.ports.runs.timeline(id).await?;
        Ok(timeline.into_iter().rev().find_map(|entry| {
            let TimelineEvent::Acknowledged { by, .. } = entry.what else { return None };
            Some((by, entry.at))
        }))
    }

    /// Why an event texts nobody in a workflow, as far as it is known now.
    ///
    /// # Errors
    /// When the store cannot be asked who opted out, or who is on call instead of others.
    pub async fn reaches_nobody(
        &self,
        event: &Event,
        workflow: &Workflow,
    ) -> Result<Option<String>, RoleError> {
        let now = self.now();
        let happened_at = event.happened_at(now);
        let directory = self.directory();
        let asks_schedule = workflow.definition.steps.iter().any(Step::asks_schedule);
        let overrides = if asks_schedule { self.ports.overrides.overrides(now).await? } else { Vec::new() };
        let environment = &self.environment;
        let numbers = match workflow.reach(&event.data, happened_at, &directory, &overrides, environment, now)
        {
            Reach::Nobody(reason) => return Ok(Some(reason)),
            Reach::Numbers(numbers) => numbers,
        };
        for number in numbers {
            let consent = self.ports.consent.consent(&number).await?;
            if consent.permits(workflow.definition.category, &environment.grant_needs) {
                return Ok(None);
            }
        }
        let name = workflow.name();
        Ok(Some(format!("workflow {name} texts nobody: its recipients opted out, or did not opt in")))
    }

    /// Which categories take a grant of the recipient.
    pub fn grant_needs(&self) -> &GrantNeeds {
        &self.environment.grant_needs
    }

    /// What a recipient's consent forbids of a run's texts, if anything.
    ///
    /// # Errors
    /// As [`RunService::workflow_of`].
    pub async fn forbids(&self, consent: &Consent, run: &Run) -> Result<Option<Decision>, RoleError> {
        // Of most recipients nothing is recorded, and then only a category that takes a grant forbids anything.
        let needs = &self.environment.grant_needs;
        if *consent == Consent::default() && needs.0.is_empty() {
            return Ok(None);
        }
        Ok(forbid(consent, self.workflow_of(run).await?.definition.category, needs))
    }

    /// Which of our own people a phone belongs to.
    pub fn contact_with(&self, number: &E164) -> Option<Contact> {
        self.directory().contact_with(number).cloned()
    }

    /// Those whom a reply from a number may name.
    pub fn people_beside(&self, number: &E164) -> People {
        People::beside(number, &self.directory())
    }

    /// Lets a run notice what time it is: lost wake-ups are repeated, steps start and end.
    ///
    /// # Errors
    /// When a port fails, or others changed the run at every try.
    pub async fn tick(&self, id: &RunId) -> Result<(), RoleError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let Some(stored) = self.load(id).await? else { return Ok(()) };
            // Stored even if nothing changed: that puts a taken due row back in its place.
            if self.step_on(stored, |run, ctx| run.tick(ctx)).await? {
                return Ok(());
            }
        }
        Err(RoleError::Contended(id.clone()))
    }

    /// Has a run move on to its next step now. Returns whether that changed anything; `None`: no such run.
    ///
    /// # Errors
    /// As [`RunService::tick`].
    pub async fn escalate(
        &self,
        id: &RunId,
        by: &str,
        is_meant: impl Fn(&Versioned<Arc<Run>>) -> bool,
    ) -> Result<Option<bool>, RoleError> {
        for _ in 0..CHANGE_TRIES_MAX {
            let Some(stored) = self.load(id).await? else { return Ok(None) };
            if !stored.value.may_move_on(self.now()) || !is_meant(&stored) {
                return Ok(Some(false));
            }
            if self.step_on(stored, |run, ctx| run.escalate(by, ctx)).await? {
                return Ok(Some(true));
            }
        }
        Err(RoleError::Contended(id.clone()))
    }

    /// Changes a run by a transition that may begin a step. Returns whether it was stored.
    async fn step_on(
        &self,
        stored: Versioned<Arc<Run>>,
        transition: impl FnOnce(&mut Run, &mut StepContext<'_>) -> Option<u8>,
    ) -> Result<bool, RoleError> {
        let workflow = self.workflow_of(&stored.value).await?;
        let found = Found::run(&stored.value);
        let mut run = Arc::unwrap_or_clone(stored.value);
        let mut ctx = self.context(&workflow);
        self.gather(&mut run, &mut ctx).await?;
        let first = transition(&mut run, &mut ctx);
        self.run_steps(&mut run, first, true, &mut ctx, &mut ByCommand).await?;
        self.store(&Arc::new(run), ctx.effects, stored.version, &workflow, &found).await
    }

    /// Starts steps for as long as one ends at once. Returns the requests of the messages that were claimed on the way.
    /// `gathers`: whether messages ask their groups first.
    async fn run_steps(
        &self,
        run: &mut Run,
        first: Option<u8>,
        gathers: bool,
        ctx: &mut StepContext<'_>,
        hook: &mut dyn StepHook,
    ) -> Result<Vec<Submission>, RoleError> {
        let (mut next, mut submissions) = (first, Vec::new());
        while let Some(step) = next {
            let audience = self.audience(run, step, ctx).await?;
            self.confirm_silence(run, ctx).await?;
            run.start_step(step, &audience, ctx);
            if gathers {
                self.gather(run, ctx).await?;
            }
            submissions.extend(hook.step_started(run, ctx).await?);
            next = run.tick(ctx);
        }
        Ok(submissions)
    }
}
