//! Results on standard output. In: views. Out: text for people, JSON for scripts.

use std::io::Write as _;

use control::RunView;
use domain::plural::counted;
use serde::Serialize;

use crate::printable::printable;

/// Prints a line. That the reader has closed the pipe is not an error.
pub(crate) fn line(text: impl std::fmt::Display) {
    drop(writeln!(std::io::stdout(), "{}", printable(&text.to_string())));
}

/// Prints a value as JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints runs, one per line.
pub(crate) fn runs(runs: &[RunView]) {
    if runs.is_empty() {
        return line("no runs");
    }
    line(format!(
        "{:<19}  {:<12}  {:<26}  {:<20}  {:<19}  MESSAGES",
        "RUN", "PHASE", "WORKFLOW", "EVENT", "OPENED (UTC)"
    ));
    for run in runs {
        let messages: Vec<_> = run.messages.iter().map(|message| message.status.as_str()).collect();
        line(format!(
            "{:<19}  {:<12}  {:<26}  {:<20}  {:<19}  {}",
            run.id,
            run.phase.as_str(),
            run.workflow,
            run.event_id,
            run.opened_at.strftime("%Y-%m-%d %H:%M:%S"),
            messages.join(", ")
        ));
    }
}

/// Prints a run with its timeline.
pub(crate) fn run(run: &RunView) {
    line(format!("run        {}  {}", run.id, run.phase.as_str()));
    line(format!("workflow   {}, step {}", run.workflow, run.step));
    line(format!("event      {} from {}", run.event_id, run.source));
    if let Some(subject) = &run.subject {
        line(format!("subject    {subject}"));
    }
    if let Some(ticket) = &run.ticket {
        line(format!("ticket     opened in {ticket}"));
    }
    for message in &run.messages {
        let why =
            message.reason.iter().cloned().chain(message.error_code.map(|code| format!("error {code}")));
        let why: Vec<_> = why.collect();
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        line(format!(
            "message    {}  {} to {} via {}{why}, {}, {}{}",
            message.id,
            message.status,
            message.to,
            message.target,
            counted(message.attempts, "attempt"),
            counted(message.segments, "segment"),
            message.sid.as_ref().map(|sid| format!(", {sid}")).unwrap_or_default()
        ));
    }
    line("timeline");
    for entry in &run.timeline {
        line(format!("  {}  {}", entry.at.strftime("%H:%M:%S%.3f"), entry.text));
    }
}
