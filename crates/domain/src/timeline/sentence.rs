//! Lines of a timeline as sentences. In: what happened. Out: English. Never: a text, or a whole number.

use super::TimelineEvent;
use crate::{
    consent::ConsentChange,
    id::RunId,
    plural::counted,
    policy::{Decision, Verdict},
    workflow::Lane,
};

/// Most runs that a line names.
const DIGEST_RUNS_SHOWN: usize = 20;

/// What happened, in one sentence. `whom` is the recipient of the message it concerns.
#[expect(clippy::too_many_lines, reason = "an arm for each kind of line")]
pub fn sentence(what: &TimelineEvent, whom: &str) -> String {
    let code_of = |code: &Option<u32>| code.map(|code| format!(" with error {code}")).unwrap_or_default();
    match what {
        TimelineEvent::LaneLowered { lane } => lane_lowered(*lane),
        TimelineEvent::Opened { event } => format!("run opened by {event}"),
        TimelineEvent::StepStarted { step, round, unresolved } => step_words(*step, *round, unresolved),
        TimelineEvent::StepDelayed { step, until } => {
            format!("step {} begins at {until}, unless somebody acknowledges before", step + 1)
        }
        TimelineEvent::StepSilenced { step, until, silence, why } => {
            format!("step {} waits until silence {silence} ends at {until}: {why}", step + 1)
        }
        TimelineEvent::DelayCut { step, reason } => format!("step {} begins now: {reason}", step + 1),
        TimelineEvent::NextNumber { follows } => {
            format!("text {follows} was not delivered: it goes to the next number of {whom}")
        }
        TimelineEvent::Decided(decision) if decision.rule.is_of_group() => held_words(decision, whom),
        TimelineEvent::Decided(decision) => decision_words(decision, whom),
        TimelineEvent::Digest { runs } => digest_words(runs, whom),
        TimelineEvent::Told { by } => format!("{whom} is told by text {} of run {}", by.number, by.run),
        TimelineEvent::DigestStatus { status, code } => {
            format!("digest to {whom} {}{}", status.as_str(), code_of(code))
        }
        TimelineEvent::GoesAlone => format!("text to {whom} goes out by itself: there is no digest"),
        TimelineEvent::TextChanged { changes } => {
            let changes: Vec<_> =
                changes.iter().map(|change| format!("{}: {}", change.field, change.reason)).collect();
            format!("text to {whom} changed: {}", changes.join("; "))
        }
        TimelineEvent::Shortened { fields } => format!("text to {whom} shortened in {}", fields.join(", ")),
        TimelineEvent::DispatchBegan { attempt } => format!("sending to {whom}, attempt {attempt}"),
        TimelineEvent::OriginatorChosen { originator, instead_of, reason } => {
            format!("text to {whom} goes from {originator} instead of {instead_of}: {reason}")
        }
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
            format!("text to {whom} {}{}", status.as_str(), code_of(code))
        }
        TimelineEvent::StatusAsked { status } => {
            format!("no callback came, so the provider was asked: {}", status.as_str())
        }
        TimelineEvent::StatusUnknown => "the provider was asked and has no such text any more".to_owned(),
        TimelineEvent::ContradictoryStatus { status } => {
            let status = status.as_str();
            format!("status {status} ignored: it contradicts an earlier final status")
        }
        TimelineEvent::SecondSid { sid } => format!("the provider has a second text for this message: {sid}"),
        TimelineEvent::Died { reason } => format!("text to {whom} is a dead letter: {reason}"),
        TimelineEvent::EffectReplayed { by, destination } => of_letter(destination, "replayed", by),
        TimelineEvent::Replayed { by } => format!("text to {whom} replayed by {by}"),
        TimelineEvent::Discarded { by, destination } => discarded(by, destination.as_deref(), whom),
        TimelineEvent::TextsRemoved => {
            "texts and fields of the event removed: kept for long enough".to_owned()
        }
        TimelineEvent::Cancelled => format!("text to {whom} withdrawn"),
        TimelineEvent::Escalated { step, reason } => format!("step {} is over: {reason}", step + 1),
        TimelineEvent::ReplyAnswered { run } => format!("{whom} gets an answer: run {run}"),
        TimelineEvent::AllClear { run } => format!("{whom} gets an all-clear: run {run}"),
        TimelineEvent::ConsentChanged { change } => format!("{whom} {}", consent_words(*change)),
        TimelineEvent::ReplyUnclear { reason } => format!("reply from {whom} acknowledges nothing: {reason}"),
        TimelineEvent::Acknowledged { by, via } => format!("acknowledged by {by} ({via})"),
        TimelineEvent::AcknowledgedPartly { by, via, awaited } => {
            format!("acknowledged by {by} ({via}); still awaited: {}", awaited.join(", "))
        }
        TimelineEvent::AcknowledgementExpired { step } => {
            format!("not resolved since it was acknowledged: paging again from step {}", step + 1)
        }
        TimelineEvent::AcknowledgedLate { by } => format!("acknowledged by {by} after the run was over"),
        TimelineEvent::Observed { by, note } => {
            format!("seen by agent {by}: {}; the run goes on", note.as_str().replace('_', " "))
        }
        TimelineEvent::HeldByAgent { by, until } => {
            format!("agent {by} holds the next step until {until} at most, once; the run goes on then")
        }
        TimelineEvent::ResolvedLate { reason } => format!("{reason}, after the run was over"),
        TimelineEvent::Closed { phase, reason } if reason.is_empty() => format!("run {}", phase.as_str()),
        TimelineEvent::Closed { phase, reason } => format!("run {}: {reason}", phase.as_str()),
        TimelineEvent::TicketWanted { queue, because } => {
            let why = because.map(|failure| format!(": {}", failure.words())).unwrap_or_default();
            format!("ticket wanted in {queue}{why}")
        }
        TimelineEvent::TicketOpened { queue, key, url } => {
            let at = url.as_ref().or(key.as_ref()).map(|at| format!(": {at}")).unwrap_or_default();
            format!("ticket opened in {queue}{at}")
        }
        TimelineEvent::TicketFailed { queue, reason } => format!("no ticket in {queue}: {reason}"),
    }
}

fn step_words(step: u8, round: u8, unresolved: &[String]) -> String {
    let number = u16::from(step) + 1;
    let started = match round {
        0 => format!("step {number} started"),
        round => format!("step {number} started, round {}", u16::from(round) + 1),
    };
    if unresolved.is_empty() {
        started
    } else {
        format!("{started}; not notified: {}", unresolved.join("; "))
    }
}

fn lane_lowered(lane: Lane) -> String {
    let lane = lane.as_str();
    format!("in lane {lane}: its source exceeded its quota, or its type is in that lane until a restart")
}

fn discarded(by: &str, destination: Option<&str>, whom: &str) -> String {
    match destination {
        None => format!("dead letter of the text to {whom} discarded by {by}"),
        Some(destination) => of_letter(destination, "discarded", by),
    }
}

fn of_letter(destination: &str, done: &str, by: &str) -> String {
    format!("dead letter for {destination} {done} by {by}")
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

fn held_words(decision: &Decision, whom: &str) -> String {
    let said = |name: &str| decision.inputs.get(name).map_or("", String::as_str);
    let of = match said("group") {
        "" => String::new(),
        group => format!(" of {group}"),
    };
    format!("text to {whom} held for the digest{of} until {} by rule {}", said("until"), decision.rule.id())
}

fn digest_words(runs: &[RunId], whom: &str) -> String {
    let named: Vec<_> = runs.iter().take(DIGEST_RUNS_SHOWN).map(RunId::as_str).collect();
    let more = runs.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("text to {whom} tells of {} as well: {}{more}", counted(runs.len(), "run"), named.join(", "))
}

fn consent_words(change: ConsentChange) -> &'static str {
    match change {
        ConsentChange::OptOut => "opted out: no more texts to that phone",
        ConsentChange::OptIn => "opted in again",
        ConsentChange::Grant(_) => "granted a category",
        ConsentChange::Revoke(_) => "took back a category",
    }
}
