//! What software agents do with a run. In: a run, its workflow, the time. Out: the changed run; or why an agent may not, in
//! words that it can act on.
//!
//! Never: lets an agent stop an escalation: what it says of a run is an observation, which holds one step for a while at most.

use jiff::Timestamp;

use super::{Run, RunPhase, StepContext};
use crate::{
    agent::{
        AgentAck, AgentHold, AgentMay, AgentPolicy, AgentRefusal, ESCALATE_AFTER_S, HOLD_MAX_S,
        OBSERVATIONS_MAX, Observation, Observed, REPLIES_MAX, ReplyClass, TakenReply, cleaned,
    },
    message::{Message, MessagePhase},
    provider::ProviderMessageId,
    time::after_s,
    timeline::TimelineEvent,
    workflow::{Lane, Workflow},
};

impl Run {
    /// An agent notes that it has seen the run. Returns whether that was new. Nothing else follows from it but where the
    /// policy in force lets an agent hold the step under way: then its deadline waits for the agent, once in a run.
    pub fn observe(
        &mut self,
        by: &str,
        note: Observation,
        policy: &AgentPolicy,
        ctx: &mut StepContext<'_>,
    ) -> bool {
        let observed = Observed { by: by.to_owned(), note };
        let is_new = !self.observed.contains(&observed) && self.observed.len() < OBSERVATIONS_MAX;
        if is_new {
            ctx.note_run(TimelineEvent::Observed { by: observed.by.clone(), note });
            self.observed.push(observed);
            if self.may_be_held(policy, ctx) {
                let until = after_s(ctx.now, policy.hold_max_s.unwrap_or(HOLD_MAX_S));
                self.agent_hold = Some(AgentHold { start: self.start(), until });
                ctx.note_run(TimelineEvent::HeldByAgent { by: by.to_owned(), until });
            }
        }
        is_new
    }

    /// Whether an agent may hold the step under way: one that waits for an acknowledgement and is not the last, in a run that
    /// no agent has held.
    fn may_be_held(&self, policy: &AgentPolicy, ctx: &StepContext<'_>) -> bool {
        let step = ctx.workflow.step(self.step());
        policy.ack == AgentAck::Hold
            && (policy.hold_critical || self.lane != Lane::Critical)
            && self.phase() == RunPhase::Active
            && self.agent_hold.is_none()
            && self.next().is_none()
            && step.is_some_and(|step| step.ack_within_s.is_some() && !step.only_informs())
            && ctx.workflow.next_step(self.step(), self.round()).is_some()
    }

    /// Until when an agent holds the step under way.
    pub fn held_by_agent(&self) -> Option<Timestamp> {
        self.agent_hold.filter(|hold| hold.start == self.start()).map(|hold| hold.until)
    }

    /// Keeps of a text of a recipient what agents may see. One that is kept already changes nothing.
    pub fn keep_reply(
        &mut self,
        sid: &ProviderMessageId,
        message: u16,
        class: ReplyClass,
        text: &str,
        ctx: &StepContext<'_>,
    ) {
        let is_kept = self.replies.iter().any(|reply| reply.sid == *sid);
        if is_kept || self.replies.len() >= REPLIES_MAX {
            return;
        }
        let chars = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let text = ctx.workflow.definition.agents.reply_texts.then(|| cleaned(text));
        self.replies.push(TakenReply { sid: sid.clone(), message, at: ctx.now, class, chars, text });
    }

    /// The first texts of recipients.
    pub fn replies(&self) -> &[TakenReply] {
        &self.replies
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
