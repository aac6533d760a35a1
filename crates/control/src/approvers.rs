//! Approvers, who are asked by a text and decide by a reply to it.
//!
//! State first: the approval is stored, then the run of its text is opened, then a reply acknowledges that run; the decision
//! follows from the run. Whoever dies between leaves it to [`Control::carry_on_approvals`].
//!
//! In: approvals that wait. Out: texts to their approvers, and what these decide.
//! Never: takes a decision from anything but a reply.

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    approval::{Approval, ApprovalDecision, ApprovalState},
    approval_text::{ApprovalAsked, REPLY, decision},
    run::{Run, RunPhase},
    status::{AgentsSeen, Waiting},
};
use jiff::Timestamp;
use ports::{StoreError, Versioned};
use runtime::RoleError;

use crate::{approval_view::AskedApprover, control::Control, error::ControlError};

impl Control {
    /// Asks the approvers of an approval by a text, once. Asking again changes nothing.
    pub(crate) async fn ask_approvers(&self, approval: &Approval) -> Result<(), ControlError> {
        let approvers = self.approvers(approval);
        if approvers.is_empty() {
            return Ok(());
        }
        let asked = ApprovalAsked { approval, approvers: &approvers };
        let workflow = asked.workflow().map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            RoleError::from(StoreError::Unavailable(errors.join("; ")))
        })?;
        self.ports.list.keep_workflow(&workflow.hash, &workflow.definition).await.map_err(RoleError::from)?;
        Ok(self.ports.runs.open_notice(&asked.event(), &workflow).await?)
    }

    /// Asks those who were not asked, and takes what approvers replied.
    pub(crate) async fn take_replies_of_approvers(&self) -> Result<(), ControlError> {
        let now = self.ports.clock.now();
        for held in self.ports.approvals.approvals().await.map_err(RoleError::from)? {
            if held.value.state(now) != ApprovalState::Pending {
                continue;
            }
            let id = held.value.id.clone();
            if let Err(error) = self.take_reply_of_approver(held).await {
                tracing::warn!(approval = id, %error, "a reply of an approver could not be taken");
            }
        }
        Ok(())
    }

    /// A yes that comes too late to be what was shown uses the approval up: whoever replied is not asked twice.
    async fn take_reply_of_approver(&self, held: Versioned<Approval>) -> Result<(), ControlError> {
        let approval = &held.value;
        let approvers = self.approvers(approval);
        if approvers.is_empty() {
            return Ok(());
        }
        let run = ApprovalAsked { approval, approvers: &approvers }.run();
        if self.ports.runs.load(&run).await?.is_none() {
            return self.ask_approvers(approval).await;
        }
        let timeline = self.ports.list.timeline(&run).await.map_err(RoleError::from)?;
        let Some((approved, by)) = decision(&timeline) else { return Ok(()) };
        let now = self.ports.clock.now();
        // A contact of the same name as who asked does not decide, by a reply either.
        if approval.may_decide(by, None, now).is_err() {
            return Ok(());
        }
        let decision = ApprovalDecision {
            approved,
            by: by.to_owned(),
            via: REPLY.to_owned(),
            at: now,
            why: String::new(),
        };
        // Where somebody else was first, their word stands.
        self.take_decision(held, decision).await.map(drop)
    }

    /// Ends the run of the text that asks for an approval which was decided in another way: a reply to it is then answered
    /// as one that comes late, and not as if it decided.
    pub(crate) async fn stop_asking(&self, approval: &Approval) -> Result<(), ControlError> {
        let Some(decision) = approval.decision.as_ref().filter(|decision| decision.via != REPLY) else {
            return Ok(());
        };
        let run = ApprovalAsked { approval, approvers: &[] }.run();
        let by = format!("{}, who decided on the approval", decision.by);
        self.ports.runs.apply(&run, |run, ctx| run.cancel(&by, ctx)).await?;
        Ok(())
    }

    /// The run of the text that asks for an approval; absent where nobody is asked by a text.
    async fn asking_run(&self, approval: &Approval) -> Result<Option<Arc<Run>>, ControlError> {
        let run = ApprovalAsked { approval, approvers: &[] }.run();
        Ok(self.ports.runs.load(&run).await?.map(|run| run.value))
    }

    /// Who was asked by a text, and what became of it.
    pub(crate) async fn asked_approvers(
        &self,
        approval: &Approval,
    ) -> Result<Vec<AskedApprover>, ControlError> {
        let run = self.asking_run(approval).await?;
        Ok(run
            .iter()
            .flat_map(|run| run.messages().iter().map(|message| AskedApprover::new(run, message)))
            .collect())
    }

    /// What agents wait for, and which of them are stopped.
    pub(crate) async fn agents_seen(&self, now: Timestamp) -> Result<AgentsSeen, ControlError> {
        let stops = self.ports.tokens.agent_stops().await.map_err(RoleError::from)?;
        let mut seen = AgentsSeen { stops, ..AgentsSeen::default() };
        for held in self.ports.approvals.approvals().await.map_err(RoleError::from)? {
            if held.value.state(now) != ApprovalState::Pending {
                continue;
            }
            let since = seen.asked.since.map_or(held.value.asked_at, |since| since.min(held.value.asked_at));
            seen.asked = Waiting { count: seen.asked.count + 1, since: Some(since) };
            // One whose text may still arrive, or was answered, is over in another way or not at all.
            let run = self.asking_run(&held.value).await?;
            let is_lost =
                run.is_some_and(|run| matches!(run.phase(), RunPhase::Exhausted | RunPhase::Suppressed));
            seen.unreached += u64::from(is_lost);
        }
        Ok(seen)
    }

    /// The contacts that every workflow of an approval names.
    fn approvers(&self, approval: &Approval) -> Vec<String> {
        let workflows = self.ports.runs.workflows();
        let of = |name: &String| {
            let workflow = workflows.workflows().find(|workflow| workflow.name() == name);
            workflow
                .map(|workflow| workflow.definition.approvers.iter().cloned().collect())
                .unwrap_or_default()
        };
        let all: Vec<BTreeSet<String>> = approval.workflows.iter().map(of).collect();
        let Some((first, others)) = all.split_first() else { return Vec::new() };
        first.iter().filter(|name| others.iter().all(|set| set.contains(*name))).cloned().collect()
    }
}
