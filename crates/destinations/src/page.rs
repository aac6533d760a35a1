//! What people read of an outcome: a headline, and the body of a ticket. In: an effect. Out: text.
//!
//! Never: a number, or the text of a message.

use domain::effect::{OutcomeEvent, OutcomeKind};
use ports::EffectRequest;

/// Longest headline, in characters.
const HEADLINE_CHARS_MAX: usize = 200;

/// One line, such as `db-1: nobody took it on (incident-paging)`.
pub(crate) fn headline(event: &OutcomeEvent) -> String {
    let about = event.subject.as_deref().or(event.event_id.as_deref()).unwrap_or("callout");
    let what = match event.kind {
        OutcomeKind::RunOpened => "a run was opened",
        OutcomeKind::RunEscalated => "moved on to the next step",
        OutcomeKind::RunAcknowledged => "acknowledged",
        OutcomeKind::RunCompleted => "completed",
        OutcomeKind::RunResolved => "resolved",
        OutcomeKind::RunExhausted => "nobody took it on",
        OutcomeKind::TicketWanted => event.detail.as_deref().unwrap_or("nobody took it on"),
        OutcomeKind::RunSuppressed => "nobody may be texted",
        OutcomeKind::RunExpired => "expired",
        OutcomeKind::RunCancelled => "cancelled",
        OutcomeKind::MessageUndeliverable => "a text did not arrive",
        OutcomeKind::MessageNeedsReview => "a text needs a review",
        OutcomeKind::DeadLetterCreated => "a dead letter",
        OutcomeKind::ConsentChanged => "a recipient changed their consent",
        OutcomeKind::TicketOpened => "a ticket was opened",
        OutcomeKind::TicketFailed => "a ticket could not be opened",
        OutcomeKind::SendingStopped => "no text goes out: the provider refuses the account",
        OutcomeKind::SendingResumed => "texts go out again",
        OutcomeKind::ApprovalRequested => "an agent asks for approval",
        OutcomeKind::ApprovalDecided => "an approval was decided",
    };
    let by = event.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    let workflow = event.workflow.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let line = format!("{about}: {what}{by}{workflow}").replace(['\n', '\r'], " ");
    line.chars().take(HEADLINE_CHARS_MAX).collect()
}

/// The body of a ticket: what happened, and how to look.
pub(crate) fn ticket_body(request: &EffectRequest) -> String {
    let mut body = vec![headline(&request.effect.event), String::new()];
    body.extend(facts(request));
    if !request.timeline.is_empty() {
        // Indented lines are shown as they are, whatever they hold.
        body.push(String::new());
        body.extend(request.timeline.iter().map(|line| format!("    {line}")));
    }
    body.join("\n")
}

/// What an event is about, a line each, and how to look.
pub(crate) fn facts(request: &EffectRequest) -> Vec<String> {
    let event = &request.effect.event;
    let named = [
        ("Run", event.run.as_ref().map(ToString::to_string)),
        ("Workflow", event.workflow.clone()),
        ("Source", event.source.clone()),
        ("Event", event.event_id.clone()),
        ("Subject", event.subject.clone()),
        ("Approval", event.approval.clone()),
    ];
    let lines = named.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}", value?)));
    let look = match (&event.approval, &event.run) {
        (Some(approval), _) => Some(format!("Look: callout approvals show {approval}")),
        (None, run) => run.as_ref().map(|run| format!("Look: callout runs show {run}")),
    };
    let api = request.run_url.as_ref().map(|url| format!("API: {url}"));
    lines.chain(look).chain(api).collect()
}
