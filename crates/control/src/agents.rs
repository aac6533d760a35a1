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
use runtime::RoleError;

use crate::{
    control::Control,
    error::ControlError,
    request::{Answer, Principal, Request},
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

impl Control {
    /// An agent notes that it has seen a run.
    pub(crate) async fn observe(
        &self,
        principal: &Principal,
        id: &RunId,
        note: Observation,
    ) -> Result<Answer, ControlError> {
        self.change(principal, id, None, |run, ctx| run.observe(&principal.name, note, ctx)).await
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
        for event in events {
            let routes = workflows.routes(&event.kind, &event.key.source);
            routes.opens.iter().try_for_each(|workflow| self.agent_may_open(workflow))?;
            let is_of_others = |workflow: &&Workflow| !workflow.definition.shared_subjects.is_empty();
            if routes.resolves.iter().copied().any(|workflow| is_of_others(&workflow)) {
                return Err(AgentRefusal::ResolvesOthers);
            }
        }
        Ok(())
    }

    /// Takes what events of an agent cost from its budgets. What came before costs nothing.
    pub(crate) async fn charge(&self, principal: &Principal, events: &[Event]) -> Result<(), NotAccepted> {
        let not_stored = |error: RoleError| NotAccepted::NotStored(error.to_string());
        let (workflows, now) = (self.ports.runs.workflows(), self.ports.runs.now());
        for event in events {
            if self.ports.acceptance.is_known(event).await.map_err(not_stored)? {
                continue;
            }
            for workflow in workflows.routes(&event.kind, &event.key.source).opens {
                let hourly = workflow.definition.agents.hourly_max.unwrap_or(RAISES_HOURLY);
                let subject = event.subject.as_deref().unwrap_or_default();
                // The narrow one first: what it refuses costs nothing of the other.
                for (what, units) in [(subject, SUBJECT_RAISES_HOURLY.min(hourly)), ("", hourly)] {
                    // A subject may hold a number.
                    let queue = short(&["agent", &principal.source, workflow.name(), what]);
                    // All at once after a rest, and as many again in the hour that follows.
                    let limit = RateLimit::new(units, HOUR, units, 0);
                    let request = RateRequest { queue: format!("agent:{queue}"), limit, cost: 1 };
                    let reserved = self.ports.rate_limits.acquire(&request, now).await;
                    if let Reservation::Full(again) = reserved.map_err(|error| not_stored(error.into()))? {
                        return Err(NotAccepted::Agent(AgentRefusal::BudgetExhausted(again)));
                    }
                }
            }
        }
        Ok(())
    }

    /// What agents may do with a workflow, as configured now.
    fn agent_policy(&self, workflow: &str) -> AgentPolicy {
        let workflows = self.ports.runs.workflows();
        let known = workflows.workflows().find(|known| known.name() == workflow);
        let never = AgentPolicy { raise: AgentMay::Never, escalate: AgentMay::Never, hourly_max: None };
        known.map_or(never, |known| known.definition.agents)
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
