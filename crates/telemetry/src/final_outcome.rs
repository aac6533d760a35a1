//! One log line for every run that opens, moves on or ends, and for every message that becomes final.
//!
//! In: the run as stored and the effects of the change. Out: log lines at `info`; a run that reached nobody is an error.
//! Never: a text, or a number that is not masked.

use domain::{
    message::MessagePhase,
    phone::without_numbers,
    policy::Verdict,
    recipient_hash::RecipientKey,
    run::Run,
    timeline::{Effects, TimelineEvent},
};
use tracing::info;

use crate::span::trace_id;

/// Logs what became final with this change; with a key, recipients by their hashes beside the masked numbers. Called once,
/// after the change is stored.
pub fn log_finals(run: &Run, effects: &Effects, key: Option<&RecipientKey>) {
    for entry in &effects.timeline {
        match (entry.message, &entry.what) {
            (Some(number), what) if is_final(what) => log_message(run, number, key),
            (None, TimelineEvent::Closed { phase, reason }) => info!(
                "run.id" = %run.id(),
                "trace.id" = run.traceparent().and_then(trace_id),
                "event.source" = without_numbers(&run.event().source),
                "event.id" = without_numbers(&run.event().id),
                workflow = run.workflow(),
                phase = phase.as_str(),
                ticket = run.ticket(),
                reason = without_numbers(reason),
                "run ended"
            ),
            _ => {}
        }
    }
}

fn is_final(what: &TimelineEvent) -> bool {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event makes a message final")]
    match what {
        TimelineEvent::Status { status, .. } => status.is_final(),
        TimelineEvent::Decided(decision) => matches!(decision.verdict, Verdict::Suppress | Verdict::Expire),
        TimelineEvent::Died { .. } | TimelineEvent::Cancelled => true,
        TimelineEvent::DoubtResolved { by, .. } => *by == domain::timeline::DoubtResolvedBy::Review,
        _ => false,
    }
}

fn log_message(run: &Run, number: u16, key: Option<&RecipientKey>) {
    let Some(message) = run.message(number) else { return };
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other phases have neither code nor rule")]
    let (code, rule) = match message.phase() {
        MessagePhase::Submitted { code, .. } | MessagePhase::Dead { code, .. } => (*code, None),
        MessagePhase::Suppressed { rule } => (None, Some(rule.id())),
        _ => (None, None),
    };
    let hash = key.map(|key| key.hash(&message.recipient().number).to_string());
    info!(
        "message.id" = %run.message_id(number),
        "message.sid" = message.sid().map(|sid| sid.as_str()),
        "message.recipient" = %message.recipient().number,
        "message.recipient_hash" = hash,
        "message.attempts" = message.attempt(),
        "message.status" = message.phase().name(),
        "trace.id" = run.traceparent().and_then(trace_id),
        "event.source" = without_numbers(&run.event().source),
        "event.id" = without_numbers(&run.event().id),
        "run.id" = %run.id(),
        workflow = run.workflow(),
        code,
        rule,
        "message is final"
    );
}
