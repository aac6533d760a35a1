//! One log line for every run that opens, moves on or ends, and for every message that becomes final.
//!
//! In: the run as stored, the effects of the change, and what the change found. Out: log lines at `info`; a run that
//! reached nobody is an error.
//! Never: a text, or a number that is not masked.

use domain::{
    message::{Message, MessagePhase},
    phone::{identifier_without_numbers, without_numbers},
    recipient_hash::RecipientKey,
    run::{Run, RunPhase},
    timeline::{Effects, TimelineEvent},
};
use jiff::Timestamp;
use tracing::{error, info};

use crate::span::trace_id;

/// What a change found, as far as what is said of it depends on that.
#[derive(Debug, Default)]
pub struct Found {
    /// Which messages were final, in their order.
    finals: Vec<bool>,
    /// When the event was taken, where the change opened its run and that is known.
    pub(crate) accepted_at: Option<Timestamp>,
}

impl Found {
    /// A run, before it was changed.
    pub fn run(run: &Run) -> Self {
        Self { finals: run.messages().iter().map(Message::is_final).collect(), accepted_at: None }
    }

    /// An event without a run.
    pub fn event(accepted_at: Option<Timestamp>) -> Self {
        Self { finals: Vec::new(), accepted_at }
    }
}

/// Logs what was stored with a change; with a key, recipients by their hashes beside the masked numbers. Called once,
/// after the change is stored.
pub(crate) fn log(run: &Run, stored: &Effects, found: &Found, key: Option<&RecipientKey>) {
    for entry in &stored.timeline {
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other event has a line of its own")]
        match &entry.what {
            TimelineEvent::Opened { event } => opened(run, event),
            TimelineEvent::Escalated { step, reason } => escalated(run, *step, reason),
            _ => {}
        }
    }
    for (index, message) in run.messages().iter().enumerate() {
        let was_final = found.finals.get(index).copied().unwrap_or_default();
        if message.is_final() && (!was_final || is_told_more(stored, message.number())) {
            log_message(run, message, key);
        }
    }
    for entry in &stored.timeline {
        if let TimelineEvent::Closed { phase, reason } = &entry.what {
            ended(run, *phase, reason);
        }
    }
}

/// Whether a change says something else of a message that was final: a late receipt, or what an operator found out.
fn is_told_more(stored: &Effects, number: u16) -> bool {
    stored
        .timeline
        .iter()
        .filter(|entry| entry.message == Some(number))
        .any(|entry| matches!(entry.what, TimelineEvent::Status { .. } | TimelineEvent::DoubtResolved { .. }))
}

fn opened(run: &Run, event: &str) {
    info!(
        "run.id" = %run.id(),
        "trace.id" = run.traceparent().and_then(trace_id),
        "event.source" = identifier_without_numbers(&run.event().source),
        "event.id" = identifier_without_numbers(&run.event().id),
        "event.type" = identifier_without_numbers(event),
        workflow = run.workflow(),
        lane = run.lane().as_str(),
        "run opened"
    );
}

fn escalated(run: &Run, step: u8, reason: &str) {
    info!(
        "run.id" = %run.id(),
        "trace.id" = run.traceparent().and_then(trace_id),
        "event.source" = identifier_without_numbers(&run.event().source),
        "event.id" = identifier_without_numbers(&run.event().id),
        workflow = run.workflow(),
        step = step + 1,
        reason = without_numbers(reason),
        "run escalated: a step ended without success"
    );
}

/// The end of a run, at the level that its macro has.
macro_rules! ended_line {
    ($level:ident, $run:expr, $phase:expr, $reason:expr, $what:literal) => {
        $level!(
            "run.id" = %$run.id(),
            "trace.id" = $run.traceparent().and_then(trace_id),
            "event.source" = identifier_without_numbers(&$run.event().source),
            "event.id" = identifier_without_numbers(&$run.event().id),
            workflow = $run.workflow(),
            phase = $phase.as_str(),
            delivered = $run.messages().iter().filter(|message| message.is_delivered()).count(),
            ticket = $run.ticket(),
            reason = without_numbers($reason),
            $what
        )
    };
}

fn ended(run: &Run, phase: RunPhase, reason: &str) {
    match phase {
        RunPhase::Exhausted => ended_line!(error, run, phase, reason, "run ended: nobody was reached"),
        RunPhase::Active
        | RunPhase::Acknowledged
        | RunPhase::Completed
        | RunPhase::Resolved
        | RunPhase::Suppressed
        | RunPhase::Expired
        | RunPhase::Cancelled => ended_line!(info, run, phase, reason, "run ended"),
    }
}

fn log_message(run: &Run, message: &Message, key: Option<&RecipientKey>) {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other phases have neither code nor rule")]
    let (code, rule) = match message.phase() {
        MessagePhase::Submitted { code, .. } | MessagePhase::Dead { code, .. } => (*code, None),
        MessagePhase::Suppressed { rule } => (None, Some(rule.id())),
        _ => (None, None),
    };
    let hash = key.map(|key| key.hash(&message.recipient().number).to_string());
    info!(
        "message.id" = %run.message_id(message.number()),
        "message.sid" = message.sid().map(|sid| sid.as_str()),
        "message.recipient" = %message.recipient().number,
        "message.recipient_hash" = hash,
        "message.attempts" = message.attempt(),
        "message.status" = message.phase().name(),
        "trace.id" = run.traceparent().and_then(trace_id),
        "event.source" = identifier_without_numbers(&run.event().source),
        "event.id" = identifier_without_numbers(&run.event().id),
        "run.id" = %run.id(),
        workflow = run.workflow(),
        code,
        rule,
        "message is final"
    );
}
