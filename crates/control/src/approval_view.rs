//! What an agent asked for, as people and scripts read it. In: an approval as stored. Out: the same with masked numbers.
//!
//! Never: shows a whole number, or a code by which a run could be acknowledged.

use domain::{
    approval::{AgentAct, Approval, ApprovalDecision, ApprovalPreview, ApprovalResult, ApprovalState},
    message::Message,
    phone::without_numbers,
    run::Run,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::view::MessageView;

/// What an agent asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalView {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: ApprovalState,
    /// The label of the token of who asked.
    pub by: String,
    /// The id of that token.
    pub token: String,
    /// `raise` or `escalate`.
    pub act: String,
    /// The workflows that it goes through.
    pub workflows: Vec<String>,
    /// The event that would be raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<AskedEvent>,
    /// The run that would move on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The version of it that the agent saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What would be sent first.
    pub previews: Vec<ApprovalPreview>,
    /// Who was asked by a text; in a list none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<AskedApprover>,
    /// A digest of all that is frozen.
    pub digest: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// From when on nobody may decide on it.
    pub expires_at: Timestamp,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<ApprovalDecision>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ApprovalResult>,
}

/// An event that an agent would raise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskedEvent {
    /// Its type.
    pub r#type: String,
    /// Its id.
    pub id: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its fields.
    pub fields: Map<String, Value>,
}

/// An approver who was asked by a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskedApprover {
    /// The contact.
    pub name: String,
    /// Their number, masked.
    pub to: String,
    /// Where the text stands, as in a run.
    pub status: String,
    /// Why it went no further: a rule, or a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The provider's error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u32>,
}

impl AskedApprover {
    pub(crate) fn new(run: &Run, message: &Message) -> Self {
        let MessageView { name, to, status, reason, error_code, .. } = MessageView::new(run, message, None);
        Self { name, to, status, reason, error_code }
    }
}

impl ApprovalView {
    pub(crate) fn new(approval: &Approval, now: Timestamp) -> Self {
        let (event, run, version) = match &approval.act {
            AgentAct::Raise { event } => {
                let asked = AskedEvent {
                    r#type: event.kind.clone(),
                    id: without_numbers(&event.key.id),
                    subject: event.subject.as_deref().map(without_numbers),
                    fields: event.data.iter().map(|(name, value)| (name.clone(), masked(value))).collect(),
                };
                (Some(asked), None, None)
            }
            AgentAct::Escalate { run, version, .. } => (None, Some(run.to_string()), Some(*version)),
        };
        Self {
            id: approval.id.clone(),
            state: approval.state(now),
            by: approval.by.clone(),
            token: approval.token.clone(),
            act: approval.act.name().to_owned(),
            workflows: approval.workflows.clone(),
            event,
            run,
            version,
            previews: approval.previews.clone(),
            asked: Vec::new(),
            digest: approval.digest.clone(),
            asked_at: approval.asked_at,
            expires_at: approval.expires_at,
            decision: approval.decision.clone(),
            result: approval.result.clone(),
        }
    }
}

fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) => without_numbers(text).into(),
        Value::Array(values) => values.iter().map(masked).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), masked(value))).collect::<Map<_, _>>().into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
