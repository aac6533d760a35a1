//! What is frozen of an agent's wish. In: what it asks for, workflows and previews as they are now. Out: an approval's request.
//!
//! Never: freezes how rules judge a text now: they are asked again when it is sent.

use std::sync::Arc;

use domain::{
    approval::{APPROVAL_EXPIRES_S, AgentAct, ApprovalPreview, ApprovalRequest, ApprovalText},
    event::Event,
    id::short,
    policy::POLICY_VERSION,
    run::Run,
    workflow::Workflow,
};
use ports::Versioned;

use crate::{
    control::Control,
    error::ControlError,
    preview::{EventPreview, TextPreview, shown},
    principal::Principal,
};

impl Control {
    pub(crate) fn raise_request(
        &self,
        principal: &Principal,
        act: AgentAct,
        event: &Event,
        previews: &[EventPreview],
    ) -> ApprovalRequest {
        let workflows = self.ports.runs.workflows();
        let opens = workflows.routes(&event.kind, &event.key.source).opens;
        let of_agents = opens.iter().filter_map(|one| one.definition.agents.approval_expires_s);
        let preview = |one: &EventPreview| ApprovalPreview {
            workflow: one.workflow.clone(),
            run: one.run.clone(),
            step: 1,
            texts: one.texts.iter().map(frozen).collect(),
        };
        ApprovalRequest {
            by: principal.name.clone(),
            token: principal.token.clone(),
            act,
            workflows: opens.iter().map(|one| one.name().to_owned()).collect(),
            policy: policy(opens.iter().copied()),
            previews: previews.iter().map(preview).collect(),
            expires_s: of_agents.min().unwrap_or(APPROVAL_EXPIRES_S),
        }
    }

    pub(crate) async fn escalate_request(
        &self,
        principal: &Principal,
        act: AgentAct,
        seen: &Versioned<Arc<Run>>,
    ) -> Result<ApprovalRequest, ControlError> {
        let run = &seen.value;
        let (opened_with, workflows) = (self.ports.runs.workflow_of(run).await?, self.ports.runs.workflows());
        // The steps are those that the run was opened with; what agents may do is what is configured now.
        let configured = workflows.workflows().find(|one| one.name() == run.workflow());
        let next = self.ports.runs.preview_escalation(run).await?;
        let texts = next.messages().iter().skip(run.messages().len());
        let preview = ApprovalPreview {
            workflow: run.workflow().to_owned(),
            run: run.id().clone(),
            step: next.step() + 1,
            texts: texts.map(|message| frozen(&shown(message, None))).collect(),
        };
        let expires_s = configured.and_then(|one| one.definition.agents.approval_expires_s);
        Ok(ApprovalRequest {
            by: principal.name.clone(),
            token: principal.token.clone(),
            act,
            workflows: vec![run.workflow().to_owned()],
            policy: policy(std::iter::once(&opened_with).chain(configured)),
            previews: vec![preview],
            expires_s: expires_s.unwrap_or(APPROVAL_EXPIRES_S),
        })
    }
}

fn frozen(text: &TextPreview) -> ApprovalText {
    let TextPreview { target, to, text, segments, .. } = text.clone();
    ApprovalText { target, to, text, segments }
}

/// A digest of the rules, and of what these workflows say.
fn policy<'a>(workflows: impl Iterator<Item = &'a Workflow>) -> String {
    let rules = POLICY_VERSION.to_string();
    let hashes: Vec<&str> = workflows.flat_map(|one| [one.name(), &*one.hash]).collect();
    short(&[&["policy", &rules], hashes.as_slice()].concat())
}
