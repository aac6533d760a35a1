//! What the agent asked a person for. In: the id of an approval. Out: where it stands.
//!
//! Never: names a person, or shows what another agent asked for.

use control::{Answer, ApprovalView, Control, Principal, Request};
use domain::approval::{AgentAct, Approval};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{error_code::Refusal, input::ApprovalGet};

/// Where an approval stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ApprovalRow {
    approval_id: String,
    /// `pending`, `approved` (it is being done), `denied`, `expired`, or `used`: it was done.
    state: String,
    /// `raise` or `escalate`.
    act: String,
    #[schemars(with = "String")]
    expires_at: Timestamp,
    /// Who decided, by role: a person at the machine (`operator`), with a token (`api`), or by a text (`reply`).
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    decided_at: Option<Timestamp>,
    /// The runs that it opened or moved on.
    run_ids: Vec<String>,
    /// The code of a refusal, where the world had changed before it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

pub(crate) async fn get(
    control: &Control,
    who: &Principal,
    input: ApprovalGet,
) -> Result<ApprovalRow, Refusal> {
    let request = Request::ShowApproval { id: input.approval_id };
    let Answer::Approval { approval } = control.execute(who, request).await? else {
        return Err(Refusal::unexpected());
    };
    let ApprovalView { id, state, act, expires_at, decision, result, .. } = *approval;
    let runs = result.iter().flat_map(|result| &result.runs).map(ToString::to_string).collect();
    Ok(ApprovalRow {
        approval_id: id,
        state: state.as_str().to_owned(),
        act,
        expires_at,
        decided_by: decision.as_ref().map(|decision| decision.via.clone()),
        decided_at: decision.map(|decision| decision.at),
        run_ids: runs,
        refused: result.and_then(|result| result.refused),
    })
}

/// What a call is answered with that takes a person's decision.
#[derive(Debug)]
pub(crate) struct Waits {
    pub(crate) id: String,
    pub(crate) expires_at: Timestamp,
}

/// What became of a wish so far.
pub(crate) enum Wish {
    /// A person decides, or has and it is being done.
    Waits(Waits),
    /// It was done, with these runs.
    Done(Vec<String>),
}

/// What an agent is told that asked for something, again or for the first time.
pub(crate) fn wish(approval: &Approval) -> Result<Wish, Refusal> {
    let waits = || Wish::Waits(Waits { id: approval.id.clone(), expires_at: approval.expires_at });
    let named = |mut refusal: Refusal| {
        refusal.approval_id = Some(approval.id.clone());
        refusal
    };
    match (&approval.decision, &approval.result) {
        (_, Some(result)) => match &result.refused {
            None => Ok(Wish::Done(result.runs.iter().map(ToString::to_string).collect())),
            Some(_) => {
                let what = match approval.act {
                    AgentAct::Raise { .. } => "the event was not raised",
                    AgentAct::Escalate { .. } => "the run was not moved on",
                };
                Err(named(Refusal::new(
                    "refused",
                    format!("{what}: the world had changed when a person agreed"),
                )))
            }
        },
        (Some(decision), None) if !decision.approved => {
            Err(named(domain::agent::AgentRefusal::Denied.into()))
        }
        (_, None) => Ok(waits()),
    }
}
