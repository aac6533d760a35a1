//! What an agent asks for and a person decides on. In: a frozen action, its preview, the time. Out: where it stands, and
//! whether somebody may decide on it.
//!
//! Never: lets who asked decide, or what was decided be decided again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::Event,
    id::{RunId, digest, short},
    time::after_s,
};

/// How long a person has to decide, in seconds, unless the workflow says otherwise.
pub const APPROVAL_EXPIRES_S: u32 = 30 * 60;
/// The shortest time that a workflow may give for it, in seconds.
pub const APPROVAL_EXPIRES_MIN_S: u32 = 60;
/// The longest, in seconds.
pub const APPROVAL_EXPIRES_MAX_S: u32 = 24 * 3_600;
/// Approvals of one token that wait at the same time.
pub const APPROVALS_PENDING_MAX: u16 = 10;
/// How long one is kept after it was decided or has expired, in seconds: three days.
const KEPT_S: u32 = 3 * 24 * 3_600;
/// The longest reason, in characters.
pub const WHY_CHARS_MAX: usize = 200;
/// What stands in a preview where the code that acknowledges will be.
pub const CODE_SHOWN: &str = "(code)";
/// Characters of an id.
const ID_CHARS: usize = 12;

/// What is to be done, frozen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum AgentAct {
    /// To raise an event.
    Raise {
        /// The event.
        event: Box<Event>,
    },
    /// To have a run page its next step now.
    Escalate {
        /// The run.
        run: RunId,
        /// The version that the agent saw.
        version: u64,
        /// Which start of a step is under way.
        start: u16,
    },
}

impl AgentAct {
    /// Its name, as lists and logs show it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Raise { .. } => "raise",
            Self::Escalate { .. } => "escalate",
        }
    }

    /// What names it: the same call again is the same. A receipt that came meanwhile changes the version of a run, and not
    /// what is meant.
    fn key(&self) -> String {
        match self {
            Self::Raise { event } => {
                let event = [event.key.source.as_str(), &event.key.id, &event.content().as_u64().to_string()];
                short(&event)
            }
            Self::Escalate { run, start, .. } => format!("{run}.{start}"),
        }
    }
}

/// One text that would be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalText {
    /// How its recipient was chosen.
    pub target: String,
    /// The recipient's number, masked.
    pub to: String,
    /// The text, without the code that acknowledges it; absent where a rule holds it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// SMS parts.
    pub segments: u8,
}

/// What would be sent first through one workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalPreview {
    /// The workflow.
    pub workflow: String,
    /// The run.
    pub run: RunId,
    /// The step, from 1.
    pub step: u8,
    /// Its texts.
    pub texts: Vec<ApprovalText>,
}

/// Who decided, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalDecision {
    /// Whether it may be done.
    pub approved: bool,
    /// The name of who decided.
    pub by: String,
    /// How they decided: `operator`, `api` or `reply`.
    pub via: String,
    /// When.
    pub at: Timestamp,
    /// Why; empty where they did not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What came of one that was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalResult {
    /// The runs that it opened or moved on.
    pub runs: Vec<RunId>,
    /// The code of a refusal, where the world had changed before it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// When it was done.
    pub at: Timestamp,
}

/// Where an approval stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Nobody has decided.
    Pending,
    /// Somebody said yes, and it is being done.
    Approved,
    /// Somebody said no.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// Somebody said yes, and it was done or, the world having changed, refused. It is done once.
    Used,
}

impl ApprovalState {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Used => "used",
        }
    }
}

/// What a store must know of an approval without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalStage {
    /// Somebody must decide, until it expires.
    Waits,
    /// Somebody said yes, and it must be done.
    MustBeDone,
    /// Nothing more happens.
    Over,
}

/// What destinations were told of an approval last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalTold {
    /// That it was asked for.
    Requested,
    /// What was decided, and what came of it.
    Decided,
}

/// What an agent asks for and a person decides on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// What names it: derived from what it says.
    pub id: String,
    /// The label of the token of who asks.
    pub by: String,
    /// The id of that token.
    pub token: String,
    /// What is to be done.
    #[serde(flatten)]
    pub act: AgentAct,
    /// The workflows that it goes through.
    pub workflows: Vec<String>,
    /// A digest of the rules and workflows in force when it was asked for.
    pub policy: String,
    /// What would be sent first.
    pub previews: Vec<ApprovalPreview>,
    /// A digest of all that is frozen: action, policy and preview.
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
    /// What destinations were told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<ApprovalTold>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ApprovalRequest {
    /// The label of the token of who asks.
    pub by: String,
    /// The id of that token.
    pub token: String,
    /// What is to be done.
    pub act: AgentAct,
    /// The workflows that it goes through.
    pub workflows: Vec<String>,
    /// A digest of the rules and workflows in force.
    pub policy: String,
    /// What would be sent first.
    pub previews: Vec<ApprovalPreview>,
    /// How long a person has to decide, in seconds.
    pub expires_s: u32,
}

impl Approval {
    /// As it is asked for.
    pub fn ask(request: ApprovalRequest, now: Timestamp) -> Self {
        let ApprovalRequest { by, token, act, workflows, policy, previews, expires_s } = request;
        let shown = serde_json::to_string(&previews).unwrap_or_default();
        let id = short(&["approval", &token, &act.key(), &policy, &shown])[..ID_CHARS].to_owned();
        let digest = frozen(&act, &policy, &previews);
        Self {
            id: format!("a{id}"),
            by,
            token,
            act,
            workflows,
            policy,
            previews,
            digest,
            asked_at: now,
            expires_at: after_s(now, expires_s),
            decision: None,
            result: None,
            told: None,
        }
    }

    /// Where it stands.
    pub fn state(&self, now: Timestamp) -> ApprovalState {
        match (&self.decision, &self.result) {
            (_, Some(_)) => ApprovalState::Used,
            (Some(decision), None) if decision.approved => ApprovalState::Approved,
            (Some(_), None) => ApprovalState::Denied,
            (None, None) if now >= self.expires_at => ApprovalState::Expired,
            (None, None) => ApprovalState::Pending,
        }
    }

    /// What a store must know of it.
    pub fn stage(&self) -> ApprovalStage {
        match (&self.decision, &self.result) {
            (None, None) => ApprovalStage::Waits,
            (Some(decision), None) if decision.approved => ApprovalStage::MustBeDone,
            _ => ApprovalStage::Over,
        }
    }

    /// Until when it is kept; for good while it must be done.
    pub fn kept_until(&self) -> Timestamp {
        let last = match (&self.decision, &self.result) {
            (_, Some(result)) => result.at,
            (Some(decision), None) if decision.approved => return Timestamp::MAX,
            (Some(decision), None) => decision.at,
            (None, None) => self.expires_at,
        };
        after_s(last.max(self.expires_at), KEPT_S)
    }

    /// Whether it still says what was frozen when it was asked for, with this policy and preview.
    ///
    /// # Errors
    /// What differs.
    pub fn holds(&self, policy: &str, previews: &[ApprovalPreview]) -> Result<(), ApprovalRefusal> {
        if self.policy != policy {
            Err(ApprovalRefusal::PolicyChanged)
        } else if self.digest != frozen(&self.act, policy, previews) {
            Err(ApprovalRefusal::PreviewChanged)
        } else {
            Ok(())
        }
    }

    /// Whether this person may decide on it now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_decide(&self, name: &str, token: Option<&str>, now: Timestamp) -> Result<(), ApprovalRefusal> {
        let is_same = |name: &str| name.trim().to_lowercase() == self.by.trim().to_lowercase();
        if is_same(name) || token == Some(&*self.token) {
            return Err(ApprovalRefusal::OwnRequest);
        }
        match self.state(now) {
            ApprovalState::Pending => Ok(()),
            ApprovalState::Expired => Err(ApprovalRefusal::Expired),
            ApprovalState::Approved | ApprovalState::Denied | ApprovalState::Used => {
                Err(ApprovalRefusal::AlreadyDecided)
            }
        }
    }
}

/// A digest of an action, the policy it was asked for under, and what it would send. In hex.
fn frozen(act: &AgentAct, policy: &str, previews: &[ApprovalPreview]) -> String {
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let (act, previews) = (json(serde_json::to_string(act)), json(serde_json::to_string(previews)));
    digest(&["approval", &act, policy, &previews]).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why an approval is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalRefusal {
    /// Nobody approves what they asked for.
    #[error("who asks for something does not decide on it: somebody else must")]
    OwnRequest,
    /// Somebody did.
    #[error("it was decided already")]
    AlreadyDecided,
    /// Nobody decided in time.
    #[error("it has expired; the agent may ask again")]
    Expired,
    /// What the agent may do, or what would be done, is not what it was.
    #[error("its workflow or the rules have changed since it was asked for; the agent may ask again")]
    PolicyChanged,
    /// What would be sent is not what was shown.
    #[error("it would send something else than was shown, or to others; the agent may ask again")]
    PreviewChanged,
    /// The run moved on.
    #[error("its run is not where it was when it was asked for; the agent may ask again")]
    StaleVersion,
    /// Agents, or this one, are stopped.
    #[error("its agent is stopped; `callout agents start` lets it go on")]
    Stopped,
    /// The token is gone, or does not allow it any more.
    #[error("its agent's token was revoked, has expired, or does not allow it")]
    TokenGone,
}

impl ApprovalRefusal {
    /// A word that does not change.
    pub fn code(self) -> &'static str {
        match self {
            Self::OwnRequest => "own_request",
            Self::AlreadyDecided => "already_decided",
            Self::Expired => "expired",
            Self::PolicyChanged => "policy_changed",
            Self::PreviewChanged => "preview_changed",
            Self::StaleVersion => "stale_version",
            Self::Stopped => "stopped",
            Self::TokenGone => "token_gone",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn request() -> ApprovalRequest {
        let run = RunId::derive("monitor", "e-1", "paging", None);
        ApprovalRequest {
            by: "helper".into(),
            token: "t1".into(),
            act: AgentAct::Escalate { run: run.clone(), version: 4, start: 0 },
            workflows: vec!["paging".into()],
            policy: "p1".into(),
            previews: vec![ApprovalPreview { workflow: "paging".into(), run, step: 2, texts: vec![] }],
            expires_s: 100,
        }
    }

    fn decided(approved: bool) -> Approval {
        let decision = ApprovalDecision {
            approved,
            by: "ada".into(),
            via: "operator".into(),
            at: at(20),
            why: String::new(),
        };
        Approval { decision: Some(decision), ..Approval::ask(request(), at(10)) }
    }

    #[test]
    fn it_stands_where_decision_result_and_time_put_it() {
        let asked = Approval::ask(request(), at(10));
        assert_eq!(asked.state(at(109)), ApprovalState::Pending);
        assert_eq!(asked.state(at(110)), ApprovalState::Expired);
        assert_eq!(
            decided(true).state(at(1_000)),
            ApprovalState::Approved,
            "what was approved is done, however late"
        );
        assert_eq!(decided(false).state(at(20)), ApprovalState::Denied);
        let result = ApprovalResult { runs: vec![], refused: None, at: at(21) };
        assert_eq!(Approval { result: Some(result), ..decided(true) }.state(at(21)), ApprovalState::Used);
        assert_eq!(decided(true).kept_until(), Timestamp::MAX);
    }

    #[test]
    fn who_asked_does_not_decide_and_nobody_decides_twice() {
        let asked = Approval::ask(request(), at(10));
        for (name, token, now, may) in [
            ("ada", None, 10, Ok(())),
            ("ada", Some("t2"), 109, Ok(())),
            ("helper", None, 10, Err(ApprovalRefusal::OwnRequest)),
            (" Helper", None, 10, Err(ApprovalRefusal::OwnRequest)),
            ("ada", Some("t1"), 10, Err(ApprovalRefusal::OwnRequest)),
            ("ada", None, 110, Err(ApprovalRefusal::Expired)),
        ] {
            assert_eq!(asked.may_decide(name, token, at(now)), may, "{name} {token:?} {now}");
        }
        for approved in [true, false] {
            assert_eq!(
                decided(approved).may_decide("eve", None, at(30)),
                Err(ApprovalRefusal::AlreadyDecided)
            );
        }
    }

    #[test]
    fn the_same_call_is_the_same_approval_and_what_is_frozen_is_in_the_digest() {
        let asked = Approval::ask(request(), at(10));
        let run = RunId::derive("monitor", "e-1", "paging", None);
        let newer = AgentAct::Escalate { run: run.clone(), version: 5, start: 0 };
        let again = Approval::ask(ApprovalRequest { act: newer, ..request() }, at(20));
        assert_eq!(asked.id, again.id, "a receipt changes no meaning");
        assert_ne!(asked.digest, again.digest);
        for other in [
            ApprovalRequest { token: "t2".into(), ..request() },
            ApprovalRequest { policy: "p2".into(), ..request() },
            ApprovalRequest { previews: vec![], ..request() },
            ApprovalRequest { act: AgentAct::Escalate { run, version: 4, start: 1 }, ..request() },
        ] {
            assert_ne!(asked.id, Approval::ask(other, at(10)).id);
        }
        assert_eq!(asked.holds("p1", &request().previews), Ok(()));
        assert_eq!(asked.holds("p2", &request().previews), Err(ApprovalRefusal::PolicyChanged));
        assert_eq!(asked.holds("p1", &[]), Err(ApprovalRefusal::PreviewChanged));
    }

    #[test]
    fn it_is_stored_as_it_was_asked_for() {
        let stored = serde_json::to_value(decided(true)).unwrap();
        assert_eq!((&stored["act"], &stored["start"]), (&"escalate".into(), &0.into()), "{stored}");
        assert_eq!(serde_json::from_value::<Approval>(stored).unwrap(), decided(true));
    }
}
