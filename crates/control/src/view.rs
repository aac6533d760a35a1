//! Runs as people and scripts read them.
//!
//! In: runs and timelines as stored. Out: the same with masked numbers and sentences for what happened.
//! Never: shows a whole number, or the text of a message unless that was asked for.

use domain::{
    consent::ConsentChange,
    message::Message,
    policy::{Decision, Verdict},
    run::{Run, RunPhase},
    timeline::{Entry, TimelineEvent},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub phase: RunPhase,
    /// The workflow's name.
    pub workflow: String,
    /// The event's source.
    pub source: String,
    /// The event's id within its source.
    pub event_id: String,
    /// What the event is about.
    pub subject: Option<String>,
    /// The step under way, from 1.
    pub step: u8,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// The queue in which a ticket was opened.
    pub ticket: Option<String>,
    /// Its messages.
    pub messages: Vec<MessageView>,
    /// What happened, in order; empty in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<TimelineLine>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// The step it belongs to, from 1.
    pub step: u8,
    /// How its recipient was chosen.
    pub target: String,
    /// The recipient's number, masked.
    pub to: String,
    /// Where it stands.
    pub status: String,
    /// The rule that forbade it, or why it died.
    pub reason: Option<String>,
    /// The provider's error code.
    pub error_code: Option<u32>,
    /// The provider's name for it.
    pub sid: Option<String>,
    /// Requests made for it.
    pub attempts: u16,
    /// SMS parts of its text.
    pub segments: u8,
    /// Its text, where that was asked for and it is composed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether something is still to be done or expected.
    #[serde(default)]
    pub unfinished: bool,
    /// When it is due next without an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineLine {
    /// The time of the line.
    pub at: Timestamp,
    /// The number of the message it concerns.
    pub message: Option<u16>,
    /// A sentence.
    pub text: String,
    /// The same for machines.
    pub what: TimelineEvent,
}

impl RunView {
    /// A run without its timeline.
    pub(crate) fn in_list(run: &Run) -> Self {
        Self::new(run, &[])
    }

    /// Adds the texts of the messages.
    pub(crate) fn reveal(&mut self, run: &Run) {
        for (view, message) in self.messages.iter_mut().zip(run.messages()) {
            view.text = message.text().map(|text| text.0.to_string());
        }
    }

    /// A run with its timeline.
    pub fn new(run: &Run, timeline: &[Entry]) -> Self {
        Self {
            id: run.id().to_string(),
            phase: run.phase(),
            workflow: run.workflow().to_owned(),
            source: run.event().source.clone(),
            event_id: run.event().id.clone(),
            subject: run.subject().map(str::to_owned),
            step: run.step() + 1,
            opened_at: run.opened_at(),
            closed_at: run.closed_at(),
            ticket: run.ticket().map(str::to_owned),
            messages: run.messages().iter().map(|message| MessageView::new(run, message)).collect(),
            timeline: timeline.iter().map(|entry| TimelineLine::new(run, entry)).collect(),
        }
    }
}

impl MessageView {
    fn new(run: &Run, message: &Message) -> Self {
        use domain::message::MessagePhase;
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other phases have neither reason nor code")]
        let (reason, error_code) = match message.phase() {
            MessagePhase::Suppressed { rule } => (Some(rule.id().to_owned()), None),
            MessagePhase::Dead { reason, code } => (Some(reason.clone()), *code),
            MessagePhase::Submitted { code, .. } => (None, *code),
            _ => (None, None),
        };
        Self {
            id: run.message_id(message.number()).to_string(),
            step: message.step() + 1,
            target: message.recipient().target.clone(),
            to: message.recipient().number.masked(),
            status: message.phase().name().to_owned(),
            reason,
            error_code,
            sid: message.sid().map(ToString::to_string),
            attempts: message.attempt(),
            segments: message.segments(),
            text: None,
            unfinished: message.is_unfinished(),
            next_at: message.next_due(),
        }
    }
}

impl TimelineLine {
    fn new(run: &Run, entry: &Entry) -> Self {
        let whom = entry.message.and_then(|number| run.message(number)).map(|message| {
            let name = &message.recipient().name;
            if name.is_empty() { message.recipient().number.masked() } else { name.clone() }
        });
        let text = sentence(&entry.what, whom.as_deref().unwrap_or("the recipient"));
        Self { at: entry.at, message: entry.message, text, what: entry.what.clone() }
    }
}

/// What happened, in one sentence. `whom` is the recipient of the message it concerns.
fn sentence(what: &TimelineEvent, whom: &str) -> String {
    let code_of = |code: &Option<u32>| code.map(|code| format!(" with error {code}")).unwrap_or_default();
    match what {
        TimelineEvent::LaneLowered { lane } => {
            format!("in lane {}: its source exceeded its quota", lane.as_str())
        }
        TimelineEvent::Opened { event } => format!("run opened by {event}"),
        TimelineEvent::StepStarted { step, unresolved } if unresolved.is_empty() => {
            format!("step {} started", step + 1)
        }
        TimelineEvent::StepStarted { step, unresolved } => {
            format!("step {} started; not notified: {}", step + 1, unresolved.join("; "))
        }
        TimelineEvent::Decided(decision) => decision_words(decision, whom),
        TimelineEvent::TextChanged { changes } => {
            let changes: Vec<_> =
                changes.iter().map(|change| format!("{}: {}", change.field, change.reason)).collect();
            format!("text to {whom} changed: {}", changes.join("; "))
        }
        TimelineEvent::Shortened { fields } => format!("text to {whom} shortened in {}", fields.join(", ")),
        TimelineEvent::DispatchBegan { attempt } => format!("sending to {whom}, attempt {attempt}"),
        TimelineEvent::Submitted { sid } => format!("taken by the provider as {sid}"),
        TimelineEvent::Refused { code, reason } => {
            format!("refused by the provider{}: {reason}", code_of(code))
        }
        TimelineEvent::RetryScheduled { until } => format!("will be sent again at {until}"),
        TimelineEvent::DoubtBegan { reason } => {
            format!("in doubt whether the text to {whom} went out: {reason}")
        }
        TimelineEvent::DoubtAsked { asked, evidence } => format!("provider asked, time {asked}: {evidence}"),
        TimelineEvent::DoubtResolved { by, evidence } => {
            format!("doubt resolved ({}): {evidence}", by.as_str())
        }
        TimelineEvent::Status { status, code } => {
            let status = format!("{status:?}").to_lowercase();
            format!("text to {whom} {status}{}", code_of(code))
        }
        TimelineEvent::StatusAsked { status } => {
            let status = format!("{status:?}").to_lowercase();
            format!("no callback came, so the provider was asked: {status}")
        }
        TimelineEvent::StatusUnknown => "the provider was asked and has no such text any more".to_owned(),
        TimelineEvent::ContradictoryStatus { status } => {
            let status = format!("{status:?}").to_lowercase();
            format!("status {status} ignored: it contradicts an earlier final status")
        }
        TimelineEvent::SecondSid { sid } => format!("the provider has a second text for this message: {sid}"),
        TimelineEvent::Died { reason } => format!("text to {whom} is a dead letter: {reason}"),
        TimelineEvent::Replayed { by } => format!("text to {whom} replayed by {by}"),
        TimelineEvent::Cancelled => format!("text to {whom} withdrawn"),
        TimelineEvent::Escalated { step, reason } => format!("step {} is over: {reason}", step + 1),
        TimelineEvent::ReplyAnswered { run } => format!("{whom} gets an answer: run {run}"),
        TimelineEvent::AllClear { run } => format!("{whom} gets an all-clear: run {run}"),
        TimelineEvent::ConsentChanged { change } => format!("{whom} {}", consent_words(*change)),
        TimelineEvent::ReplyUnclear { reason } => format!("reply from {whom} acknowledges nothing: {reason}"),
        TimelineEvent::Acknowledged { by, via } => format!("acknowledged by {by} ({via})"),
        TimelineEvent::AcknowledgedLate { by } => format!("acknowledged by {by} after the run was over"),
        TimelineEvent::Closed { phase, reason } if reason.is_empty() => format!("run {}", phase.as_str()),
        TimelineEvent::Closed { phase, reason } => format!("run {}: {reason}", phase.as_str()),
        TimelineEvent::TicketOpened { queue } => format!("ticket opened in {queue}"),
    }
}

fn decision_words(decision: &Decision, whom: &str) -> String {
    let inputs: Vec<_> = decision.inputs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let inputs = if inputs.is_empty() { String::new() } else { format!(" ({})", inputs.join(", ")) };
    let verdict = match decision.verdict {
        Verdict::Send => format!("text to {whom} allowed"),
        Verdict::Defer(until) => format!("text to {whom} deferred until {until}"),
        Verdict::Suppress => format!("text to {whom} suppressed"),
        Verdict::Expire => format!("text to {whom} expired"),
    };
    format!("{verdict} by rule {}{inputs}", decision.rule.id())
}

fn consent_words(change: ConsentChange) -> &'static str {
    match change {
        ConsentChange::OptOut => "opted out: no more texts to that phone",
        ConsentChange::OptIn => "opted in again",
        ConsentChange::Grant(_) => "granted a category",
        ConsentChange::Revoke(_) => "took back a category",
    }
}
