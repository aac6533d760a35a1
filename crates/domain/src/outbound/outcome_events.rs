//! What happened to a run, as it is told outside. In: a run and the lines that a transition wrote. Out: events, in order.
//!
//! Never: a text, or a whole number.

use jiff::Timestamp;

use crate::{
    effect::{OutcomeEvent, OutcomeKind},
    id::{RunId, short},
    message::Message,
    notice,
    phone::{identifier_without_numbers, without_numbers},
    run::Run,
    timeline::{DoubtResolvedBy, Effects, Entry, TimelineEvent},
};

use super::names::DEAD_EFFECT;

/// What a transition did to a run, in the order of its timeline.
pub(super) fn events(run: &Run, done: &Effects) -> Vec<OutcomeEvent> {
    let told = done.timeline.iter().filter_map(|entry| of_line(run, entry));
    // A ticket that is not opened is told as such.
    let letters =
        done.dead_letters.iter().filter(|letter| letter.reason != DEAD_EFFECT).map(|letter| OutcomeEvent {
            detail: Some(without_numbers(&letter.reason)),
            message: letter.message.as_ref().map(|message| message.number),
            ..named(about(OutcomeKind::DeadLetterCreated, run, letter.at), &letter.id)
        });
    told.chain(letters).collect()
}

/// The queues that a transition wants tickets in, each with what the destination that keeps them is asked with.
pub(super) fn tickets_wanted<'a>(run: &Run, done: &'a Effects) -> Vec<(&'a str, OutcomeEvent)> {
    if notice::WORKFLOWS.contains(&run.workflow()) {
        return Vec::new();
    }
    let mut step = None;
    let mut wanted = Vec::new();
    for entry in &done.timeline {
        if let TimelineEvent::TicketWanted { queue, because } = &entry.what {
            let detail = match (because, step) {
                (Some(failure), _) => Some(failure.words().to_owned()),
                (None, Some(step)) => Some(format!("step {} began", u16::from(step) + 1)),
                (None, None) => None,
            };
            let about = about(OutcomeKind::TicketWanted, run, entry.at);
            wanted.push((&**queue, OutcomeEvent { message: entry.message, detail, ..about }));
        }
        // A step asks for its ticket as it begins.
        step = if let TimelineEvent::StepStarted { step, .. } = &entry.what { Some(*step) } else { None };
    }
    wanted
}

/// What a ticket is updated with that is opened after its run's subject was resolved.
pub(super) fn resolved_before(run: &Run, opened: &Entry) -> OutcomeEvent {
    let detail = Some("before this ticket was opened".to_owned());
    OutcomeEvent { detail, ..named(about(OutcomeKind::RunResolved, run, opened.at), "ticket") }
}

/// OutcomeEvent of this kind about a run.
fn about(kind: OutcomeKind, run: &Run, at: Timestamp) -> OutcomeEvent {
    // Producers put numbers where they like; what leaves shows none.
    let event = OutcomeEvent {
        id: String::new(),
        kind,
        at,
        run: Some(run.id().clone()),
        workflow: Some(run.workflow().to_owned()),
        source: Some(identifier_without_numbers(&run.event().source)),
        event_id: Some(identifier_without_numbers(&run.event().id)),
        subject: run.subject().map(identifier_without_numbers),
        phase: Some(run.phase()),
        step: Some(run.step()),
        message: None,
        by: None,
        detail: None,
        ticket: None,
        approval: None,
    };
    named(event, "")
}

/// Named by its run, its kind, its time and what else tells two of them apart.
fn named(mut event: OutcomeEvent, apart: &str) -> OutcomeEvent {
    let run = event.run.as_ref().map_or("", RunId::as_str);
    event.id = short(&[run, event.kind.as_str(), &event.at.as_microsecond().to_string(), apart]);
    event
}

/// Which digest told of the last of these messages that one told of.
fn digest_words<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Option<String> {
    let told_by = messages.into_iter().filter_map(Message::told_by).last()?;
    Some(format!("told by the digest of run {}", told_by.run))
}

#[expect(clippy::too_many_lines, reason = "an arm for each kind of line")]
fn of_line(run: &Run, entry: &Entry) -> Option<OutcomeEvent> {
    let of = |kind| {
        let apart = entry.message.map(|number| number.to_string()).unwrap_or_default();
        OutcomeEvent { message: entry.message, ..named(about(kind, run, entry.at), &apart) }
    };
    let message = entry.message.and_then(|number| run.message(number));
    let is_over = message.is_some_and(Message::is_final);
    let detail = |text: &str| Some(without_numbers(text)).filter(|text| !text.is_empty());
    let told = |kind, text: &str| OutcomeEvent { detail: detail(text), ..of(kind) };
    Some(match &entry.what {
        TimelineEvent::Opened { event } => told(OutcomeKind::RunOpened, event),
        TimelineEvent::Escalated { step, reason } => {
            OutcomeEvent { step: Some(*step), detail: detail(reason), ..of(OutcomeKind::RunEscalated) }
        }
        TimelineEvent::Acknowledged { by, via } => {
            OutcomeEvent { by: detail(by), detail: detail(via), ..of(OutcomeKind::RunAcknowledged) }
        }
        TimelineEvent::AcknowledgementExpired { step } => {
            let expired = Some("its acknowledgement expired".to_owned());
            OutcomeEvent { step: Some(*step), detail: expired, ..of(OutcomeKind::RunEscalated) }
        }
        TimelineEvent::AcknowledgedLate { by } => {
            let late = Some("after the run was over".to_owned());
            OutcomeEvent { by: detail(by), detail: late, ..of(OutcomeKind::RunAcknowledged) }
        }
        TimelineEvent::ResolvedLate { reason } => told(OutcomeKind::RunResolved, reason),
        TimelineEvent::Closed { phase, reason } => {
            let reason =
                [Some(reason.clone()).filter(|reason| !reason.is_empty()), digest_words(run.messages())];
            told(OutcomeKind::of_phase(*phase)?, &reason.into_iter().flatten().collect::<Vec<_>>().join("; "))
        }
        // One that is tried again may still arrive.
        TimelineEvent::Status { status, code } | TimelineEvent::DigestStatus { status, code }
            if status.is_failure() && is_over =>
        {
            let name = message.map_or("failed", |message| message.phase().name());
            let said = code.map_or(name.to_owned(), |code| format!("{name}, code {code}"));
            let said = match message.and_then(|message| digest_words([message])) {
                Some(digest) => format!("{said}; {digest}"),
                None => said,
            };
            OutcomeEvent { detail: Some(said), ..of(OutcomeKind::MessageUndeliverable) }
        }
        TimelineEvent::Died { reason } => told(OutcomeKind::MessageUndeliverable, reason),
        TimelineEvent::DoubtResolved { by: DoubtResolvedBy::Review, evidence } => {
            told(OutcomeKind::MessageNeedsReview, evidence)
        }
        TimelineEvent::ConsentChanged { change } => {
            OutcomeEvent { detail: Some(change.as_str().to_owned()), ..of(OutcomeKind::ConsentChanged) }
        }
        TimelineEvent::TicketOpened { queue, key, url } => {
            let ticket = url.clone().or_else(|| key.clone());
            OutcomeEvent { detail: detail(queue), ticket, ..of(OutcomeKind::TicketOpened) }
        }
        TimelineEvent::TicketFailed { queue, reason } => {
            told(OutcomeKind::TicketFailed, &format!("{queue}: {reason}"))
        }
        TimelineEvent::LaneLowered { .. }
        | TimelineEvent::StepStarted { .. }
        | TimelineEvent::StepDelayed { .. }
        | TimelineEvent::StepSilenced { .. }
        | TimelineEvent::DelayCut { .. }
        | TimelineEvent::NextNumber { .. }
        | TimelineEvent::AcknowledgedPartly { .. }
        | TimelineEvent::Decided(_)
        | TimelineEvent::Digest { .. }
        | TimelineEvent::Told { .. }
        | TimelineEvent::DigestStatus { .. }
        | TimelineEvent::GoesAlone
        | TimelineEvent::Shortened { .. }
        | TimelineEvent::TextChanged { .. }
        | TimelineEvent::DispatchBegan { .. }
        | TimelineEvent::OriginatorChosen { .. }
        | TimelineEvent::Submitted { .. }
        | TimelineEvent::Refused { .. }
        | TimelineEvent::RetryScheduled { .. }
        | TimelineEvent::DoubtBegan { .. }
        | TimelineEvent::DoubtAsked { .. }
        | TimelineEvent::DoubtResolved { .. }
        | TimelineEvent::Status { .. }
        | TimelineEvent::StatusAsked { .. }
        | TimelineEvent::StatusUnknown
        | TimelineEvent::ContradictoryStatus { .. }
        | TimelineEvent::SecondSid { .. }
        | TimelineEvent::Replayed { .. }
        | TimelineEvent::EffectReplayed { .. }
        | TimelineEvent::Discarded { .. }
        | TimelineEvent::Cancelled
        | TimelineEvent::ReplyUnclear { .. }
        | TimelineEvent::ReplyAnswered { .. }
        | TimelineEvent::AllClear { .. }
        | TimelineEvent::Observed { .. }
        | TimelineEvent::HeldByAgent { .. }
        | TimelineEvent::TextsRemoved
        | TimelineEvent::TicketWanted { .. } => return None,
    })
}
