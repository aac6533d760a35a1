//! Results on standard output. In: views. Out: text for people, JSON for scripts; whether it was written.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind, Write as _},
    sync::OnceLock,
};

use control::RunView;
use domain::{effect::Ticket, plural::counted, status::age, timeline::TimelineEvent};
use jiff::Timestamp;
use ports::{Clock as _, SystemClock, store::Unreadable};
use serde::Serialize;
use twilio::error_code::meaning;

use crate::printable::printable;

/// Why a part of the result was not written, once one was not.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Prints a line.
pub(crate) fn line(text: impl std::fmt::Display) {
    bytes(format!("{}\n", printable(&text.to_string())).as_bytes());
}

/// Prints what is made for another program. After the first part that cannot be written nothing is tried any more.
pub(crate) fn bytes(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    if LOST.get().is_none()
        && let Err(error) = out.write_all(bytes).and_then(|()| out.flush())
    {
        let _ = LOST.set(error);
    }
}

/// Why not everything was written, if so.
pub(crate) fn lost() -> Option<&'static io::Error> {
    LOST.get()
}

/// Fails if a part of the result was not written. A reader that has closed the pipe has read what it wanted.
pub(crate) fn written() -> anyhow::Result<()> {
    or_lost(lost())
}

/// Fails if this is why a part was not written.
pub(crate) fn or_lost(lost: Option<&io::Error>) -> anyhow::Result<()> {
    match lost {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(anyhow::anyhow!("the result cannot be written to standard output: {error}"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Names what a list lacks because it cannot be read, so that nobody takes the list for whole.
pub(crate) fn unreadable(unreadable: &[Unreadable]) {
    for Unreadable { error, .. } in unreadable {
        note(format!("left out, because it cannot be read: {error}"));
    }
}

/// Says something about a result, beside it.
pub(crate) fn note(text: impl std::fmt::Display) {
    remark(format!("note: {}", printable(&text.to_string())));
}

/// Prints a line on standard error, where what is no result goes. Nobody could be told that it is lost.
pub(crate) fn remark(text: impl std::fmt::Display) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Widths of the columns of a list: with what follows them it fits 100 characters.
const WORKFLOW: usize = 14;
const SUBJECT: usize = 18;
const MESSAGES: usize = 23;

/// Prints runs, one per line, and how to see more if there are more.
pub(crate) fn runs(runs: &[RunView], more: bool) {
    if runs.is_empty() {
        return line("no runs");
    }
    line(format!(
        "{:<19}  {:<12}  {:>4}  {:<WORKFLOW$}  {:<SUBJECT$}  MESSAGES",
        "RUN", "PHASE", "AGE", "WORKFLOW", "SUBJECT OR EVENT"
    ));
    let now = SystemClock.now();
    for run in runs {
        line(format!(
            "{:<19}  {:<12}  {:>4}  {:<WORKFLOW$}  {:<SUBJECT$}  {}",
            run.id,
            run.phase.as_str(),
            age(now, run.opened_at),
            cut(&run.workflow, WORKFLOW),
            cut(run.subject.as_ref().unwrap_or(&run.event_id), SUBJECT),
            cut(&statuses(run), MESSAGES)
        ));
    }
    if let Some(last) = runs.last().filter(|_| more) {
        line(format!("there are more: see the next with --after {}, or longer lists with --max", last.id));
    }
}

/// How many messages have each status, in the order of their first.
fn statuses(run: &RunView) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for message in &run.messages {
        match counts.iter_mut().find(|(status, _)| *status == message.status) {
            Some((_, count)) => *count += 1,
            None => counts.push((&message.status, 1)),
        }
    }
    let text = |(status, count): &(&str, usize)| match count {
        1 => (*status).to_owned(),
        _ => format!("{count} {status}"),
    };
    counts.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// A text that fits a column.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['\u{2026}']).collect()
}

/// A time with date and zone, the same everywhere.
pub(crate) fn time(at: Timestamp) -> impl std::fmt::Display {
    at.strftime("%Y-%m-%d %H:%M:%SZ")
}

/// The longest line for people, in characters.
const WIDTH: usize = 100;

/// Prints a line that may be long: what does not fit follows on lines with this indent.
pub(crate) fn wrapped(text: &str, indent: usize) {
    let mut rest = text.to_owned();
    while let Some((end, c)) = rest.char_indices().nth(WIDTH) {
        let within = if c == ' ' { Some(end) } else { rest[..end].rfind(' ') };
        // A word that is longer than a line stays whole.
        let behind = || rest[end..].find(' ').map(|at| end + at);
        let Some(at) = within.filter(|at| *at > indent).or_else(behind) else { break };
        line(rest[..at].trim_end());
        rest = format!("{:indent$}{}", "", rest[at..].trim_start());
    }
    line(rest);
}

/// What became of the tickets of a run, by queue.
fn tickets(run: &RunView) -> Vec<String> {
    let mut by_queue = BTreeMap::new();
    by_queue.extend(run.ticket.iter().map(|queue| (queue.clone(), format!("wanted in {queue}"))));
    for entry in &run.timeline {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other lines are about no ticket")]
        match &entry.what {
            TimelineEvent::TicketWanted { queue, .. }
            | TimelineEvent::EffectReplayed { destination: queue, .. } => {
                by_queue.insert(queue.clone(), format!("wanted in {queue}"));
            }
            TimelineEvent::TicketFailed { queue, reason } => {
                by_queue.insert(queue.clone(), format!("failed in {queue}: {reason}"));
            }
            _ => {}
        }
    }
    for Ticket { destination, key, url } in &run.tickets {
        let url = url.as_ref().map(|url| format!(" {url}")).unwrap_or_default();
        by_queue.insert(destination.clone(), format!("{key}{url} ({destination})"));
    }
    by_queue.into_values().collect()
}

/// Prints a run without its timeline.
pub(crate) fn run(run: &RunView) {
    line(format!("run        {}  {}", run.id, run.phase.as_str()));
    let round = if run.round > 1 { format!(", round {}", run.round) } else { String::new() };
    line(format!("workflow   {}, step {}{round}", run.workflow, run.step));
    line(format!("event      {} from {}", run.event_id, run.source));
    if let Some(subject) = &run.subject {
        line(format!("subject    {subject}"));
    }
    for ticket in tickets(run) {
        wrapped(&format!("ticket     {ticket}"), 11);
    }
    line(format!("opened     {}", time(run.opened_at)));
    if let Some(closed_at) = run.closed_at {
        line(format!("ended      {}", time(closed_at)));
    }
    if let Some(at) = run.next_step_at {
        line(format!("next step  {}", time(at)));
    }
    if let Some(at) = run.ack_expires_at {
        line(format!("pages again {}, unless it is resolved", time(at)));
    }
    for message in &run.messages {
        let why = message
            .reason
            .iter()
            .cloned()
            .chain(message.error_code.map(|code| format!("error {code}: {}", meaning(code))));
        let why: Vec<_> = why.chain(message.in_digest()).collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        line(format!(
            "message    {}  {} to {} via {}",
            message.id, message.status, message.to, message.target
        ));
        let details = format!(
            "           {}, {}{}{why}",
            counted(message.attempts, "attempt"),
            counted(message.segments, "segment"),
            message.sid.as_ref().map(|sid| format!(", {sid}")).unwrap_or_default()
        );
        wrapped(&details, 11);
        if let Some(text) = &message.text {
            text.lines().for_each(|part| line(format!("           | {part}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_is_cut_and_says_so() {
        assert_eq!((cut("db-1", 4), cut("db-11", 4)), ("db-1".to_owned(), "db-\u{2026}".to_owned()));
    }
}
