//! What software agents do with a run. In: a run, its workflow, the time. Out: the changed run; or why an agent may not, in
//! words that it can act on.
//!
//! Never: lets an agent stop an escalation: what it says of a run is an observation.

use jiff::Timestamp;

use super::{Run, RunPhase, StepContext};
use crate::{
    agent::{AgentMay, AgentRefusal, ESCALATE_AFTER_S, OBSERVATIONS_MAX, Observation, Observed},
    message::{Message, MessagePhase},
    time::after_s,
    timeline::TimelineEvent,
    workflow::Workflow,
};

impl Run {
    /// An agent notes that it has seen the run. Nothing else follows from it. Returns whether that was new.
    pub fn observe(&mut self, by: &str, note: Observation, ctx: &mut StepContext<'_>) -> bool {
        let observed = Observed { by: by.to_owned(), note };
        let is_new = !self.observed.contains(&observed) && self.observed.len() < OBSERVATIONS_MAX;
        if is_new {
            ctx.note_run(TimelineEvent::Observed { by: observed.by.clone(), note });
            self.observed.push(observed);
        }
        is_new
    }

    /// Whether an agent may have it move on now, as far as the policy in force lets agents.
    ///
    /// # Errors
    /// Why not. The last step pages those who have the last word, so a person decides on that.
    pub fn agent_may_escalate(
        &self,
        policy: AgentMay,
        workflow: &Workflow,
        now: Timestamp,
    ) -> Result<(), AgentRefusal> {
        if policy == AgentMay::Never {
            return Err(AgentRefusal::Never);
        }
        if self.phase() != RunPhase::Active {
            return Err(AgentRefusal::NotPaging);
        }
        let Some((next, round)) = workflow.next_step(self.step(), self.round()) else {
            return Err(AgentRefusal::NoMoreSteps);
        };
        let is_last = workflow.next_step(next, round).is_none();
        if policy == AgentMay::Approve || is_last {
            return Err(AgentRefusal::NeedsApproval);
        }
        let from = after_s(self.clock_from(), ESCALATE_AFTER_S);
        if now < from { Err(AgentRefusal::Cooldown(from)) } else { Ok(()) }
    }

    /// Whether an agent may have one of its texts sent again that is a dead letter.
    ///
    /// # Errors
    /// When the provider took it at some time.
    pub fn agent_may_replay(&self, number: u16) -> Result<(), AgentRefusal> {
        let was_refused = |message: &Message| {
            matches!(message.phase(), MessagePhase::Dead { .. })
                && message.sid().is_none()
                && message.failed_sids().is_empty()
        };
        let is_safe = self.message(number).is_some_and(was_refused);
        if is_safe { Ok(()) } else { Err(AgentRefusal::DuplicatePossible) }
    }
}
