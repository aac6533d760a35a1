//! Why a run went as it did. In: a run with its stored timeline. Out: the same by step and text, each verdict with its rule in
//! words and what the rule looked at.
//!
//! Never: asks a rule again, or looks at what is in force now: what was decided is what is stored.

use std::collections::BTreeMap;

use domain::{
    directory::TakenOver,
    policy::{Decision, Verdict},
    run::RunPhase,
    timeline::TimelineEvent,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::view::{MessageView, RunView, TimelineLine};

/// Why one run went as it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The run.
    pub run: String,
    /// The workflow's name.
    pub workflow: String,
    /// The event's source.
    pub source: String,
    /// The event's id within its source.
    pub event_id: String,
    /// What the event is about.
    pub subject: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Where it stands.
    pub phase: RunPhase,
    /// Its steps that began, in order.
    pub steps: Vec<StepExplanation>,
    /// What else happened to it, in order: acknowledgements, tickets, its end.
    pub rest: Vec<ExplainedLine>,
    /// Why it ended as it did, or what it waits for.
    pub why_ended: String,
}

/// One step that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepExplanation {
    /// Its number, from 1.
    pub step: u8,
    /// The round of the steps, from 1.
    #[serde(default)]
    pub round: u16,
    /// When it began.
    pub started_at: Timestamp,
    /// Targets that led to nobody, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_notified: Vec<String>,
    /// Its texts.
    pub texts: Vec<TextExplanation>,
    /// Why the run moved past it, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
}

/// One text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextExplanation {
    /// The number of its message in the run.
    pub message: u16,
    /// The recipient's name, where the number is a contact's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The recipient's number, masked.
    pub to: String,
    /// The keyed hash of the number, where the installation has a key for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_hash: Option<String>,
    /// The target of the step that led to the recipient.
    pub target: String,
    /// The override by which the recipient was on call; absent where a rotation said so, or no schedule was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_over: Option<TakenOver>,
    /// Where it stands.
    pub status: String,
    /// What happened to it, in order.
    pub lines: Vec<ExplainedLine>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedLine {
    /// When.
    pub at: Timestamp,
    /// Who speaks: `policy`, `limit`, `callout`, `provider`, `recipient` or `run`.
    pub about: String,
    /// A sentence.
    pub text: String,
    /// The verdict, where the line is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<VerdictExplanation>,
}

/// One verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictExplanation {
    /// `send`, `defer`, `suppress` or `expire`.
    pub verdict: String,
    /// The rule's id.
    pub rule: String,
    /// What the rule looked at.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// The version of the rules that decided.
    pub policy: u16,
}

impl Explanation {
    /// What the stored timeline of a run says.
    pub fn of(run: &RunView) -> Self {
        let mut steps: Vec<StepExplanation> = Vec::new();
        let mut rest = Vec::new();
        for line in &run.timeline {
            #[expect(
                clippy::wildcard_enum_match_arm,
                reason = "the other lines go to their text or to the run"
            )]
            match &line.what {
                TimelineEvent::StepStarted { step, round, unresolved } => steps.push(StepExplanation {
                    step: step + 1,
                    round: u16::from(*round) + 1,
                    started_at: line.at,
                    not_notified: unresolved.clone(),
                    texts: texts_of(run, step + 1, steps.len()),
                    over: None,
                }),
                TimelineEvent::Escalated { step, reason } => {
                    match steps.iter_mut().rev().find(|one| one.step == step + 1) {
                        Some(one) => one.over = Some(reason.clone()),
                        None => rest.push(explained(line)),
                    }
                }
                _ if line.message.is_none() || about(line) == "run" => rest.push(explained(line)),
                _ => {}
            }
        }
        Self {
            run: run.id.clone(),
            workflow: run.workflow.clone(),
            source: run.source.clone(),
            event_id: run.event_id.clone(),
            subject: run.subject.clone(),
            opened_at: run.opened_at,
            phase: run.phase,
            steps,
            rest,
            why_ended: why_ended(run),
        }
    }
}

/// The texts of a step that began after so many others.
fn texts_of(run: &RunView, step: u8, before: usize) -> Vec<TextExplanation> {
    let is_of_start = |message: &MessageView| match message.start {
        0 => true,
        start => usize::from(start) == before + 1,
    };
    let numbered =
        (1..).zip(&run.messages).filter(|(_, message)| message.step == step && is_of_start(message));
    numbered.map(|(number, message)| text_of(run, number, message)).collect()
}

fn text_of(run: &RunView, number: u16, message: &MessageView) -> TextExplanation {
    let lines = run.timeline.iter().filter(|line| line.message == Some(number) && about(line) != "run");
    let status = message
        .reason
        .as_ref()
        .map_or_else(|| message.status.clone(), |reason| format!("{}: {reason}", message.status));
    TextExplanation {
        message: number,
        name: message.name.clone(),
        to: message.to.clone(),
        to_hash: message.to_hash.clone(),
        target: message.target.clone(),
        taken_over: message.taken_over.clone(),
        status,
        lines: lines.map(explained).collect(),
    }
}

fn explained(line: &TimelineLine) -> ExplainedLine {
    let verdict = if let TimelineEvent::Decided(decision) = &line.what { Some(decision) } else { None };
    ExplainedLine {
        at: line.at,
        about: about(line).to_owned(),
        text: verdict.map_or_else(|| line.text.clone(), in_words),
        verdict: verdict.map(|decision| VerdictExplanation {
            verdict: decision.verdict.as_str().to_owned(),
            rule: decision.rule.id().to_owned(),
            inputs: decision.inputs.clone(),
            policy: decision.policy,
        }),
    }
}

fn in_words(decision: &Decision) -> String {
    let verdict = match decision.verdict {
        Verdict::Send => "may be sent".to_owned(),
        Verdict::Defer(until) => format!("waits until {until}"),
        Verdict::Suppress => "suppressed".to_owned(),
        Verdict::Expire => "expired".to_owned(),
    };
    format!("{verdict}: {}", decision.rule.meaning())
}

/// Who speaks in a line.
fn about(line: &TimelineLine) -> &'static str {
    match &line.what {
        TimelineEvent::Decided(decision) if decision.rule.is_limit() => "limit",
        TimelineEvent::Decided(_) => "policy",
        TimelineEvent::Submitted { .. }
        | TimelineEvent::Refused { .. }
        | TimelineEvent::DoubtAsked { .. }
        | TimelineEvent::DoubtResolved { .. }
        | TimelineEvent::Status { .. }
        | TimelineEvent::StatusAsked { .. }
        | TimelineEvent::StatusUnknown
        | TimelineEvent::ContradictoryStatus { .. }
        | TimelineEvent::SecondSid { .. } => "provider",
        TimelineEvent::ReplyUnclear { .. } | TimelineEvent::ConsentChanged { .. } => "recipient",
        TimelineEvent::Shortened { .. }
        | TimelineEvent::TextChanged { .. }
        | TimelineEvent::DispatchBegan { .. }
        | TimelineEvent::OriginatorChosen { .. }
        | TimelineEvent::RetryScheduled { .. }
        | TimelineEvent::DoubtBegan { .. }
        | TimelineEvent::Died { .. }
        | TimelineEvent::Replayed { .. }
        | TimelineEvent::Discarded { .. }
        | TimelineEvent::ReplyAnswered { .. }
        | TimelineEvent::AllClear { .. }
        | TimelineEvent::NextNumber { .. }
        | TimelineEvent::Digest { .. }
        | TimelineEvent::Told { .. }
        | TimelineEvent::DigestStatus { .. }
        | TimelineEvent::GoesAlone
        | TimelineEvent::Cancelled => "callout",
        TimelineEvent::Opened { .. }
        | TimelineEvent::LaneLowered { .. }
        | TimelineEvent::StepStarted { .. }
        | TimelineEvent::Escalated { .. }
        | TimelineEvent::StepDelayed { .. }
        | TimelineEvent::StepSilenced { .. }
        | TimelineEvent::DelayCut { .. }
        | TimelineEvent::Acknowledged { .. }
        | TimelineEvent::AcknowledgedPartly { .. }
        | TimelineEvent::AcknowledgementExpired { .. }
        | TimelineEvent::AcknowledgedLate { .. }
        | TimelineEvent::Observed { .. }
        | TimelineEvent::HeldByAgent { .. }
        | TimelineEvent::ResolvedLate { .. }
        | TimelineEvent::EffectReplayed { .. }
        | TimelineEvent::TicketWanted { .. }
        | TimelineEvent::TicketOpened { .. }
        | TimelineEvent::TicketFailed { .. }
        | TimelineEvent::TextsRemoved
        | TimelineEvent::Closed { .. } => "run",
    }
}

/// The end of a run in one sentence, or what it waits for.
pub(crate) fn why_ended(run: &RunView) -> String {
    if let (RunPhase::Active, Some(at)) = (run.phase, run.next_step_at) {
        return format!("it is under way: the next step begins at {at}");
    }
    if run.phase == RunPhase::Active {
        return format!("it is under way, at step {}", run.step);
    }
    let acknowledged =
        run.timeline.iter().rev().find(|line| matches!(line.what, TimelineEvent::Acknowledged { .. }));
    if let Some(line) = acknowledged.filter(|_| run.phase == RunPhase::Acknowledged) {
        return line.text.clone();
    }
    let closed = run.timeline.iter().rev().find(|line| matches!(line.what, TimelineEvent::Closed { .. }));
    closed.map_or_else(|| format!("run {}", run.phase.as_str()), |line| line.text.clone())
}
