//! What a simulated event led to. In: the run at its end and its timeline. Out: texts, notes and the end, for people and scripts.
//!
//! Never: decides anything.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::Event,
    message::{Message, MessagePhase},
    policy::Decision,
    run::{Run, RunPhase},
    timeline::{Entry, TimelineEvent, sentence},
};

/// What one event would lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatedRun {
    /// The event's source.
    pub source: String,
    /// The event's id within its source.
    pub event_id: String,
    /// What the event is about.
    pub subject: Option<String>,
    /// When it happens.
    pub at: Timestamp,
    /// Its texts, in order.
    pub texts: Vec<SimulatedText>,
    /// How it would escalate where that is more than one step after another, in order: rounds, delays, other numbers,
    /// those who take part, acknowledgements that expire, and texts that are held for a digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<SimulatedNote>,
    /// Targets that would lead to nobody, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_notified: Vec<String>,
    /// The queues in which tickets would be opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<String>,
    /// The phase in which the run would end.
    pub phase: RunPhase,
    /// When it would end; absent where it would not.
    pub ended_at: Option<Timestamp>,
    /// Why, where that is not plain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// One text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatedText {
    /// When it would be sent; absent where it would not.
    pub at: Option<Timestamp>,
    /// Its step, from 1.
    pub step: u8,
    /// The target that leads to the recipient.
    pub target: String,
    /// The recipient's name, or the masked number of one without.
    pub to: String,
    /// Where it would stand in the end.
    pub status: String,
    /// The rule that would forbid it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What quiet hours would decide about it, in order: with zone, window and end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quiet: Vec<Decision>,
}

/// Something that would happen to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatedNote {
    /// When.
    pub at: Timestamp,
    /// In one sentence.
    pub text: String,
}

/// The rule that forbids it, if one does.
fn rule_of(message: &Message) -> Option<String> {
    let MessagePhase::Suppressed { rule } = message.phase() else { return None };
    Some(rule.id().to_owned())
}

/// Whether a line tells how a run escalates, where that is more than one step after another.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other lines are told by the texts, or by the end")]
fn is_noted(what: &TimelineEvent) -> bool {
    match what {
        TimelineEvent::StepStarted { round, .. } => *round > 0,
        TimelineEvent::Decided(decision) => decision.rule.is_of_group(),
        TimelineEvent::StepDelayed { .. }
        | TimelineEvent::StepSilenced { .. }
        | TimelineEvent::Told { .. }
        | TimelineEvent::NextNumber { .. }
        | TimelineEvent::AcknowledgedPartly { .. }
        | TimelineEvent::AcknowledgementExpired { .. } => true,
        _ => false,
    }
}

/// What became of an event.
pub(super) fn told(event: &Event, at: Timestamp, run: &Run, timeline: &[Entry]) -> SimulatedRun {
    let sent_at = |number: u16| {
        let began = timeline.iter().find(|entry| {
            entry.message == Some(number) && matches!(entry.what, TimelineEvent::DispatchBegan { .. })
        });
        began.map(|entry| entry.at)
    };
    let quiet = |number: u16| {
        let of_message = timeline.iter().filter(|entry| entry.message == Some(number));
        let decided = of_message.filter_map(|entry| {
            let TimelineEvent::Decided(decision) = &entry.what else { return None };
            decision.rule.is_of_quiet_hours().then(|| decision.clone())
        });
        decided.collect()
    };
    let text = |message: &Message| SimulatedText {
        at: sent_at(message.number()),
        step: message.step() + 1,
        target: message.recipient().target.clone(),
        to: message.recipient().shown_name(),
        status: message.phase().name().to_owned(),
        rule: rule_of(message),
        quiet: quiet(message.number()),
    };
    let (mut not_notified, mut tickets, mut reason) = (Vec::new(), Vec::new(), String::new());
    let whom = |entry: &Entry| {
        let message = entry.message.and_then(|number| run.message(number));
        message.map(|message| message.recipient().shown_name()).unwrap_or_default()
    };
    let notes = timeline
        .iter()
        .filter(|entry| is_noted(&entry.what))
        .map(|entry| SimulatedNote { at: entry.at, text: sentence(&entry.what, &whom(entry)) });
    for entry in timeline {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other lines are told by the texts")]
        match &entry.what {
            TimelineEvent::StepStarted { unresolved, .. } => not_notified.extend(unresolved.iter().cloned()),
            TimelineEvent::TicketWanted { queue, .. } => tickets.push(queue.clone()),
            TimelineEvent::Acknowledged { by, .. } => reason = format!("by {by}"),
            TimelineEvent::Closed { reason: why, .. } if !why.is_empty() => reason.clone_from(why),
            _ => {}
        }
    }
    SimulatedRun {
        source: event.key.source.clone(),
        event_id: event.key.id.clone(),
        subject: event.subject.clone(),
        at,
        texts: run.messages().iter().map(text).collect(),
        notes: notes.collect(),
        not_notified,
        tickets,
        phase: run.phase(),
        ended_at: run.closed_at(),
        reason,
    }
}
