//! What software agents ask for, checked at one place whatever face they come by.
//!
//! In: a principal that is an agent, and what it asks for. Out: leave, or a refusal with a code.
//! Never: lets a scope stand in for a person's decision.

use std::time::Duration;

use domain::{
    acceptance::NotAccepted,
    agent::{AgentMay, AgentPolicy, AgentRefusal, Observation, RAISES_HOURLY, SUBJECT_RAISES_HOURLY},
    event::Event,
    id::{RunId, short},
    rate_limit::{RateLimit, RateRequest, Reservation},
    timeline::DeadLetter,
    token::Scope,
    workflow::{Target, Workflow},
};
use jiff::Timestamp;
use runtime::RoleError;

use crate::{
    control::Control,
    error::ControlError,
    principal::Principal,
    request::{Answer, Request},
};

/// The time of the budgets.
const HOUR: Duration = Duration::from_hours(1);

impl Request {
    /// The scopes that an agent needs for it; `None`: no agent may ask for it.
    fn agent_needs(&self) -> Option<&'static [Scope]> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "what is not listed is for people")]
        match self {
            // Texts hold the codes by which people acknowledge.
            Self::ShowRun { reveal: true, .. } => None,
            Self::ListRuns(_)
            | Self::FindRuns { .. }
            | Self::ShowRun { .. }
            | Self::ListDeadLetters { .. }
            | Self::ShowDeadLetter { .. }
            | Self::FindPosition { .. }
            | Self::ReadStream { .. } => Some(self.needs()),
            // What it asked for itself.
            Self::ShowApproval { .. } => Some(&[Scope::Read]),
            Self::Observe { .. } => Some(&[Scope::Observe]),
            Self::Escalate { .. } => Some(&[Scope::Escalate]),
            Self::Replay { .. } => Some(&[Scope::Replay]),
            _ => None,
        }
    }

    /// The scopes that this principal needs for it.
    ///
    /// # Errors
    /// When it is for people alone.
    pub(crate) fn needed_by(&self, principal: &Principal) -> Result<&'static [Scope], ControlError> {
        if !principal.is_agent {
            return Ok(self.needs());
        }
        self.agent_needs().ok_or(ControlError::Agent(AgentRefusal::NotForAgents))
    }
}

/// How it is refused that a budget has no room before a time.
type Exhausted = fn(Timestamp) -> AgentRefusal;

/// What an event of an agent takes from.
struct Budget {
    request: RateRequest,
    exhausted: Exhausted,
}

impl Control {
    /// An agent notes that it has seen a run.
    pub(crate) async fn observe(
        &self,
        principal: &Principal,
        id: &RunId,
        note: Observation,
    ) -> Result<Answer, ControlError> {
        let workflow = self.visible(principal, id).await?.value.workflow().to_owned();
        let policy = self.agent_policy(&workflow);
        self.change(principal, id, None, |run, ctx| run.observe(&principal.name, note, &policy, ctx)).await
    }

    /// Whether a principal may have a run move on now. Nothing is changed.
    ///
    /// # Errors
    /// Why not.
    pub async fn may_escalate(&self, principal: &Principal, id: &RunId) -> Result<(), ControlError> {
        self.authorize(principal, &Request::Escalate { id: id.clone() })?;
        self.agent_may_escalate(principal, id).await
    }

    /// Whether a principal may replay a dead letter now. Nothing is changed.
    ///
    /// # Errors
    /// Why not.
    pub async fn may_replay(&self, principal: &Principal, id: &str) -> Result<(), ControlError> {
        self.authorize(principal, &Request::Replay { id: id.to_owned() })?;
        let letter = self.dead_letter(principal, id).await?;
        let letter = letter.ok_or_else(|| ControlError::NoDeadLetter(id.to_owned()))?;
        self.agent_may_replay(principal, &letter).await
    }

    /// Whether an agent may have a run move on.
    pub(crate) async fn agent_may_escalate(
        &self,
        principal: &Principal,
        id: &RunId,
    ) -> Result<(), ControlError> {
        if !principal.is_agent {
            return Ok(());
        }
        let run = self.visible(principal, id).await?.value;
        let workflow = self.ports.runs.workflow_of(&run).await?;
        // What agents may do changes at once; the steps are those that the run was opened with.
        let policy = self.agent_policy(run.workflow()).escalate;
        run.agent_may_escalate(policy, &workflow, self.ports.runs.now()).map_err(ControlError::Agent)
    }

    /// Whether an agent may replay a dead letter.
    pub(crate) async fn agent_may_replay(
        &self,
        principal: &Principal,
        letter: &DeadLetter,
    ) -> Result<(), ControlError> {
        if !principal.is_agent {
            return Ok(());
        }
        // Events and tickets are for their sources and for people.
        let not_theirs = || ControlError::Agent(AgentRefusal::NotForAgents);
        let message = letter.message.as_ref().ok_or_else(not_theirs)?;
        let run = self.visible(principal, &message.run).await?.value;
        run.agent_may_replay(message.number).map_err(ControlError::Agent)
    }

    /// Whether an agent may send these events, as far as policy goes; their type and source are checked elsewhere.
    ///
    /// # Errors
    /// Why not.
    pub fn agent_may_raise(&self, events: &[Event]) -> Result<(), AgentRefusal> {
        let workflows = self.ports.runs.workflows();
        let mut needs_approval = false;
        for event in events {
            let routes = workflows.routes(&event.kind, &event.key.source);
            for workflow in &routes.opens {
                match self.agent_may_open(workflow) {
                    // Another workflow of the event may say no, and no person changes that.
                    Err(AgentRefusal::NeedsApproval) => needs_approval = true,
                    other => other?,
                }
            }
            let is_of_others = |workflow: &&Workflow| !workflow.definition.shared_subjects.is_empty();
            if routes.resolves.iter().copied().any(|workflow| is_of_others(&workflow)) {
                return Err(AgentRefusal::ResolvesOthers);
            }
        }
        if needs_approval { Err(AgentRefusal::NeedsApproval) } else { Ok(()) }
    }

    /// Takes what events of an agent cost from its budgets. What came before costs nothing.
    pub(crate) async fn charge(&self, principal: &Principal, events: &[Event]) -> Result<(), NotAccepted> {
        let not_stored = |error: RoleError| NotAccepted::NotStored(error.to_string());
        let now = self.ports.runs.now();
        for event in events {
            if self.ports.acceptance.is_known(event).await.map_err(not_stored)? {
                continue;
            }
            for Budget { request, exhausted } in self.budgets(principal, event) {
                let reserved = self.ports.rate_limits.acquire(&request, now).await;
                if let Reservation::Full(again) = reserved.map_err(|error| not_stored(error.into()))? {
                    return Err(NotAccepted::Agent(exhausted(again)));
                }
            }
        }
        Ok(())
    }

    /// How many events like this one the budgets of an agent have room for now. Nothing is taken.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn raises_left(&self, principal: &Principal, event: &Event) -> Result<u32, NotAccepted> {
        let (now, mut left) = (self.ports.runs.now(), u32::MAX);
        for Budget { request, .. } in self.budgets(principal, event) {
            // What costs nothing takes nothing: a budget of a smaller burst has room where the whole one has room for more.
            let (mut has_room, mut has_none) = (0, request.limit.burst + 1);
            while has_room + 1 < has_none {
                let middle = has_room.midpoint(has_none);
                let limit = RateLimit { burst: request.limit.burst + 1 - middle, ..request.limit };
                let asked = RateRequest { limit, cost: 0, ..request.clone() };
                let reserved = self.ports.rate_limits.acquire(&asked, now).await;
                match reserved.map_err(|error| NotAccepted::NotStored(error.to_string()))? {
                    Reservation::At(_) => has_room = middle,
                    Reservation::Full(_) => has_none = middle,
                }
            }
            left = left.min(has_room);
        }
        Ok(left)
    }

    /// What an event of an agent takes from its budgets, the narrow ones first: what one of them refuses costs nothing of the
    /// others.
    fn budgets(&self, principal: &Principal, event: &Event) -> Vec<Budget> {
        let workflows = self.ports.runs.workflows();
        let mut budgets = Vec::new();
        for workflow in workflows.routes(&event.kind, &event.key.source).opens {
            let hourly = workflow.definition.agents.hourly_max.unwrap_or(RAISES_HOURLY);
            let subject = event.subject.as_deref().unwrap_or_default();
            let of_subject = ["agent", &principal.source, workflow.name(), "subject", subject];
            let of_all: &[&str] = &["agent", &principal.source, workflow.name()];
            let of_subject: (&[&str], _, Exhausted) =
                (&of_subject, SUBJECT_RAISES_HOURLY.min(hourly), AgentRefusal::SubjectBudgetExhausted);
            for (what, units, exhausted) in [of_subject, (of_all, hourly, AgentRefusal::BudgetExhausted)] {
                // A subject may hold a number.
                let queue = short(what);
                // All at once after a rest, and as many again in the hour that follows.
                let limit = RateLimit::new(units, HOUR, units, 0);
                let request = RateRequest { queue: format!("agent:{queue}"), limit, cost: 1 };
                budgets.push(Budget { request, exhausted });
            }
        }
        budgets
    }

    /// What agents may do with a workflow, as configured now.
    fn agent_policy(&self, workflow: &str) -> AgentPolicy {
        let workflows = self.ports.runs.workflows();
        let known = workflows.workflows().find(|known| known.name() == workflow);
        known.map_or_else(AgentPolicy::never, |known| known.definition.agents)
    }

    /// Whether an agent may open runs of a workflow on its own.
    pub(crate) fn agent_may_open(&self, workflow: &Workflow) -> Result<(), AgentRefusal> {
        let steps = &workflow.definition.steps;
        if steps.iter().flat_map(|step| &step.notify).any(|target| matches!(target, Target::Field(_))) {
            return Err(AgentRefusal::RecipientInFields);
        }
        match workflow.definition.agents.raise {
            AgentMay::Auto => Ok(()),
            AgentMay::Approve => Err(AgentRefusal::NeedsApproval),
            AgentMay::Never => Err(AgentRefusal::Never),
        }
    }
}
