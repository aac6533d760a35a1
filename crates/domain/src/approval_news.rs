//! What destinations are told of approvals. In: an approval. Out: what they were not told yet, as an event.
//!
//! Never: says what would be sent, or to whom.

use jiff::Timestamp;

use crate::{
    approval::{AgentAct, Approval, ApprovalStage, ApprovalState, ApprovalTold},
    effect::{OutcomeEvent, OutcomeKind},
    id::short,
    phone::identifier_without_numbers,
    token::source_of_label,
};

impl Approval {
    /// What destinations must be told next: that it was asked for, then, once nothing more happens, what was decided. One that
    /// expires is over without a word.
    pub fn news(&self, now: Timestamp) -> Option<ApprovalTold> {
        match self.told {
            None if self.state(now) == ApprovalState::Expired => None,
            None => Some(ApprovalTold::Requested),
            Some(ApprovalTold::Requested) if self.stage() == ApprovalStage::Over => {
                Some(ApprovalTold::Decided)
            }
            Some(ApprovalTold::Requested | ApprovalTold::Decided) => None,
        }
    }

    /// The event that tells it, which is the same whoever tells it.
    pub fn told_event(&self, news: ApprovalTold) -> OutcomeEvent {
        let decision = self.decision.as_ref().filter(|_| news == ApprovalTold::Decided);
        let (kind, at) = match (news, decision) {
            (ApprovalTold::Requested, _) => (OutcomeKind::ApprovalRequested, self.asked_at),
            (ApprovalTold::Decided, decision) => {
                (OutcomeKind::ApprovalDecided, decision.map_or(self.asked_at, |decision| decision.at))
            }
        };
        let refused = self.result.as_ref().and_then(|result| result.refused.as_deref());
        let detail = match decision {
            None => self.act.name().to_owned(),
            Some(decision) if !decision.approved => "denied".to_owned(),
            Some(_) => refused.map_or("approved".to_owned(), |code| format!("refused: {code}")),
        };
        let (run, event) = match &self.act {
            AgentAct::Raise { event } => (None, Some(event)),
            AgentAct::Escalate { run, .. } => (Some(run.clone()), None),
        };
        let workflow = self.workflows.first().filter(|_| self.workflows.len() == 1);
        OutcomeEvent {
            id: short(&["", kind.as_str(), &self.id, &self.asked_at.as_microsecond().to_string()]),
            kind,
            at,
            run,
            workflow: workflow.cloned(),
            source: Some(source_of_label(&self.by)),
            event_id: event.map(|event| identifier_without_numbers(&event.key.id)),
            subject: event.and_then(|event| event.subject.as_deref()).map(identifier_without_numbers),
            phase: None,
            step: None,
            message: None,
            by: Some(decision.map_or(&self.by, |decision| &decision.by).clone()),
            detail: Some(detail),
            ticket: None,
            approval: Some(self.id.clone()),
        }
    }
}
