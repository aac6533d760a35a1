//! `callout status`: is all well, and if not, what to do first?
//!
//! In: a status report. Out: text or JSON, once or again and again, and an exit code.
//! Never: says that all is well where it could not look.

use std::{io::IsTerminal as _, process::ExitCode, time::Duration};

use control::{Answer, Request, StatusReport};
use domain::{
    originator::ReceiptCount,
    plural::counted,
    status::{Heartbeat, OriginatorStatus, Sealing, Status as Facts, Waiting, age, canary_in_words},
};
use jiff::SignedDuration;
use ports::{Clock as _, SystemClock};

use crate::{
    args::{Common, Output, Status},
    control_client::{ControlClient, UNEXPECTED_ANSWER},
    output,
};

/// What clears a terminal.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

/// Prints the status; the exit code says whether there is a problem.
pub(crate) async fn status(common: &Common, args: &Status) -> anyhow::Result<ExitCode> {
    let client = ControlClient::open(&common.config).await?;
    let shown = if args.watch { watch(common, args, &client).await } else { once(common, &client).await };
    client.close().await;
    Ok(if shown? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn once(common: &Common, client: &ControlClient) -> anyhow::Result<bool> {
    let report = ask(client).await?;
    match common.output {
        Output::Json => output::json(&report)?,
        Output::Text => print(&report),
    }
    Ok(report.is_well)
}

/// Prints it again and again, until nobody reads it any more or Ctrl-C.
async fn watch(common: &Common, args: &Status, client: &ControlClient) -> anyhow::Result<bool> {
    let every = SignedDuration::try_from(Duration::from_secs(args.every.into()))?;
    loop {
        let report = ask(client).await;
        let clears = std::io::stdout().is_terminal() && common.output == Output::Text;
        if clears {
            output::bytes(CLEAR.as_bytes());
        }
        match (&report, common.output) {
            (Ok(report), Output::Json) => output::line(serde_json::to_string(report)?),
            (Ok(report), Output::Text) => print(report),
            // Whoever watches wants to see when it is back.
            (Err(error), _) => output::remark(format!("error: {error:#}")),
        }
        if output::lost().is_some() {
            return Ok(report.is_ok_and(|report| report.is_well));
        }
        SystemClock.sleep_until(SystemClock.now() + every).await;
    }
}

async fn ask(client: &ControlClient) -> anyhow::Result<StatusReport> {
    let Answer::Status { report } = client.execute("", Request::Status).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    Ok(*report)
}

fn print(report: &StatusReport) {
    let StatusReport { is_well, findings, status } = report;
    let of = format!("{}, callout {}, {}", status.environment, status.version, output::time(status.now));
    match findings.iter().find(|finding| finding.is_problem) {
        Some(first) if !is_well => {
            output::line(format!("NOT WELL ({of})"));
            output::wrapped(&format!("do first: {} - {}", first.what, first.remedy), 10);
        }
        Some(_) | None => output::line(format!("all is well ({of})")),
    }
    for (title, is_problem) in [("problems", true), ("notes", false)] {
        let of_kind: Vec<_> = findings.iter().filter(|finding| finding.is_problem == is_problem).collect();
        if !of_kind.is_empty() {
            output::line("");
            output::line(title);
        }
        for finding in of_kind {
            output::wrapped(&format!("  {}", finding.what), 4);
            output::wrapped(&format!("    -> {}", finding.remedy), 7);
        }
    }
    output::line("");
    print_preflight(status);
    print_processes(status);
    output::line("");
    print_waiting(status);
}

fn print_preflight(status: &Facts) {
    let Some(seen) = &status.preflight else { return };
    let verdict = match seen.errors {
        0 => "passed".to_owned(),
        errors => format!("failed with {}", counted(errors, "error")),
    };
    let ago = age(status.now, seen.at);
    output::line(format!("preflight: {verdict} {ago} ago, {}", counted(seen.warnings, "warning")));
    output::line("");
}

fn print_processes(status: &Facts) {
    output::line(format!(
        "{:<13}  {:<32}  {:<9}  {:>4}  {:>10}",
        "ROLE", "PROCESS", "VERSION", "UP", "LAST SEEN"
    ));
    let others = status.processes.iter().flat_map(|process| &process.roles);
    let mut roles: Vec<&String> = status.roles.iter().chain(others).collect();
    let mut seen = std::collections::BTreeSet::new();
    roles.retain(|role| seen.insert(*role));
    for role in roles {
        let of_role: Vec<&Heartbeat> =
            status.processes.iter().filter(|process| process.roles.contains(role)).collect();
        if of_role.is_empty() {
            output::line(format!("{role:<13}  {:<32}", "none"));
        }
        for process in of_role {
            let ago = age(status.now, process.at);
            let ago = if process.is_alive(status.now) { ago } else { format!("{ago}, GONE") };
            output::line(format!(
                "{role:<13}  {:<32}  {:<9}  {:>4}  {ago:>10}",
                output::cut(&process.process, 32),
                process.version,
                age(process.at, process.started_at),
            ));
        }
    }
}

fn print_originators(status: &Facts) {
    output::line(format!(
        "{:<32}  {:>7}  {:>9}  {:>9}  {:>6}",
        "TEXTS FROM", "TO", "DELIVERED", "FAILED", "SCORE"
    ));
    for OriginatorStatus { count, score, is_demoted } in &status.originators {
        let ReceiptCount { originator, calling_code, arrived } = count;
        let demoted = if *is_demoted { "  DEMOTED" } else { "" };
        output::line(format!(
            "{originator:<32}  {calling_code:>7}  {:>9}  {:>9}  {score:>5}%{demoted}",
            arrived.delivered, arrived.failed,
        ));
    }
}

fn print_waiting(status: &Facts) {
    output::line(format!("{:<32}  {:>9}  {:>9}  {:>9}", "WAITS", "COUNT", "OLDEST", "CONSUMERS"));
    for queue in &status.queues {
        output::line(format!("{:<32}  {:>9}  {:>9}  {:>9}", queue.name, queue.depth, "", queue.consumers));
    }
    let backlog = &status.backlog;
    for (name, waiting) in [
        ("accepted events", backlog.events),
        ("overdue deadlines", backlog.overdue),
        ("texts in doubt", Waiting { count: status.in_doubt, since: None }),
        ("texts to be sent again", status.retry_waits.texts),
        ("runs that need review", backlog.needs_review),
        ("dead letters", backlog.dead_letters),
    ] {
        let oldest = waiting.since.map(|since| age(status.now, since)).unwrap_or_default();
        output::line(format!("{name:<32}  {:>9}  {oldest:>9}", waiting.count));
    }
    for (destination, count) in &backlog.effects {
        output::line(format!("{:<32}  {count:>9}", output::cut(&format!("effects for {destination}"), 32)));
    }
    if let Some(key) = &backlog.sealed_by {
        let how = if backlog.sealing == Sealing::UnderWay { ", all but what is older" } else { "" };
        output::line(format!("{:<32}  with key {key}{how}", "encrypted"));
    }
    if let Some(end) = status.silences.next_end {
        let count = counted(status.silences.count, "silence");
        output::line(format!("{:<32}  {count} now, the next ends {}", "silenced", output::time(end)));
    }
    for canary in &status.canaries {
        let name = output::cut(&format!("canary from {}", canary.originator), 32);
        output::wrapped(&format!("{name:<32}  {}", canary_in_words(canary, status.now)), 34);
    }
    for state in &status.calendars {
        let name = output::cut(&format!("calendar of {}/{}", state.schedule, state.layer), 32);
        let copy = state.copy.as_ref().map_or_else(
            || "no copy".to_owned(),
            |copy| {
                format!("confirmed {} ago, {}", age(status.now, copy.read_at), counted(copy.shifts, "shift"))
            },
        );
        let failing = if state.error.is_some() { ", CANNOT BE READ" } else { "" };
        output::line(format!("{name:<32}  {copy}{failing}"));
    }
    if !status.originators.is_empty() {
        output::line("");
        print_originators(status);
    }
}
