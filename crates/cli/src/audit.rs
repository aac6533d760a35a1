//! `callout audit`: is anything lost, and what is unfinished?
//!
//! In: audit counts, and every unfinished run. Out: text or one JSON document, and an exit code.
//! Never: counts an unfinished message as lost; it says what the message waits for.

use std::process::ExitCode;

use control::{Answer, DecisionAudit, DifferentDecision, MessageView, Request, RunQuery, RunView};
use domain::{limits::LIST_MAX, plural::counted};
use jiff::Timestamp;
use ports::store::AuditCounts;
use serde::Serialize;

use crate::{
    args::{Audit, Common, Output},
    control_client::{ControlClient, UNEXPECTED_ANSWER},
    output,
};

/// What is printed.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    counts: AuditCounts,
    /// Unfinished messages, and runs that wait for an acknowledgement, latest first.
    unfinished: Vec<Unfinished>,
    /// Whether there are more of them than `--max` allows.
    more: bool,
}

/// An unfinished message, or a run that waits for an acknowledgement.
#[derive(Serialize)]
struct Unfinished {
    run: String,
    run_phase: &'static str,
    workflow: String,
    event_id: String,
    /// Absent for a run whose messages have all ended.
    message: Option<MessageView>,
}

/// Prints the audit; the exit code says whether the counts balance.
pub(crate) async fn audit(common: &Common, args: &Audit) -> anyhow::Result<ExitCode> {
    if args.decisions {
        return decisions(common).await;
    }
    let client = ControlClient::open(&common.config).await?;
    let report = report(&client, args.max).await;
    client.close().await;
    let report = report?;
    match common.output {
        Output::Json => output::json(&report)?,
        Output::Text => print(&report),
    }
    Ok(if report.counts.balances() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs after which a note says how far it is.
const NOTED_EVERY: u64 = 10_000;

async fn decisions(common: &Common) -> anyhow::Result<ExitCode> {
    let client = ControlClient::open(&common.config).await?;
    let audited = audited(&client).await;
    client.close().await;
    let audit = audited?;
    match common.output {
        Output::Json => output::json(&audit)?,
        Output::Text => print_decisions(&audit),
    }
    let is_clean = audit.different.is_empty() && audit.unreadable.is_empty();
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn audited(client: &ControlClient) -> anyhow::Result<DecisionAudit> {
    let (mut all, mut after, mut noted) = (DecisionAudit::default(), None, 0);
    loop {
        let Answer::DecisionsAudited { audit, next } =
            client.execute("", Request::AuditDecisions { after }).await?
        else {
            anyhow::bail!(UNEXPECTED_ANSWER);
        };
        all.extend(*audit);
        if next.is_none() {
            return Ok(all);
        }
        if all.runs / NOTED_EVERY > noted {
            noted = all.runs / NOTED_EVERY;
            output::note(format!("{} so far", counted(all.runs, "run")));
        }
        after = next;
    }
}

fn print_decisions(audit: &DecisionAudit) {
    let DecisionAudit { runs, same, limits, other_versions, without_facts, different, unreadable } = audit;
    output::unreadable(unreadable);
    output::line(format!(
        "{} of {}: the rules say the same",
        counted(*same, "verdict"),
        counted(*runs, "run")
    ));
    for (count, what) in [
        (limits, "of limits, whose state is not kept"),
        (other_versions, "of other versions of the rules"),
        (without_facts, "whose facts retention removed"),
    ] {
        if *count > 0 {
            output::line(format!("{} {what}: not asked again", counted(*count, "verdict")));
        }
    }
    for DifferentDecision { message, at, stored, now } in different {
        let said = |decision: &domain::policy::Decision| {
            format!("{} by {} {:?}", decision.verdict.as_str(), decision.rule.id(), decision.inputs)
        };
        let at = output::time(*at);
        output::wrapped(&format!("{message} at {at}: stored {}, now {}", said(stored), said(now)), 4);
    }
    output::line(format!("{} not the same", counted(different.len(), "verdict")));
}

async fn report(client: &ControlClient, max: usize) -> anyhow::Result<Report> {
    let Answer::AuditCounts { counts } = client.execute("", Request::AuditCounts).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    let (unfinished, more) = unfinished(client, max).await?;
    Ok(Report { counts, unfinished, more })
}

/// What is unfinished, at most `max` of it, and whether there is more.
async fn unfinished(client: &ControlClient, max: usize) -> anyhow::Result<(Vec<Unfinished>, bool)> {
    let (mut found, mut after) = (Vec::new(), None);
    while found.len() <= max {
        let query = RunQuery { unfinished: true, after: after.take(), max: LIST_MAX, ..RunQuery::default() };
        let request = Request::ListRuns(query);
        let Answer::Runs { runs, unreadable, .. } = client.execute("", request).await? else {
            anyhow::bail!(UNEXPECTED_ANSWER);
        };
        output::unreadable(&unreadable);
        found.extend(runs.iter().flat_map(of_run));
        match runs.last() {
            Some(last) if runs.len() == usize::from(LIST_MAX) => after = Some(last.id.parse()?),
            Some(_) | None => break,
        }
    }
    let more = found.len() > max;
    found.truncate(max);
    Ok((found, more))
}

fn of_run(run: &RunView) -> Vec<Unfinished> {
    let unfinished = |message: Option<&MessageView>| Unfinished {
        run: run.id.clone(),
        run_phase: run.phase.as_str(),
        workflow: run.workflow.clone(),
        event_id: run.event_id.clone(),
        message: message.cloned(),
    };
    let messages: Vec<_> = run
        .messages
        .iter()
        .filter(|message| message.unfinished)
        .map(|message| unfinished(Some(message)))
        .collect();
    if messages.is_empty() { vec![unfinished(None)] } else { messages }
}

fn print(report: &Report) {
    let Report { counts, unfinished, more } = report;
    for (title, of) in
        [("runs", &counts.runs), ("messages", &counts.messages), ("dead letters", &counts.dead_letters)]
    {
        output::line(format!("{title}: {}", of.values().sum::<u64>()));
        of.iter().for_each(|(name, count)| output::line(format!("  {name:<14} {count}")));
    }
    let events = &counts.events;
    output::line(format!("events accepted: {}", events.accepted));
    output::line(format!("  {:<14} {}", "concluded", events.concluded));
    output::line(format!("  {:<14} {}", "pending", events.pending));
    output::line(format!("published directly: {}", events.published_directly));
    let effects = &counts.effects;
    output::line(format!("effects due: {}", effects.due));
    for (name, count) in
        [("delivered", effects.delivered), ("waiting", effects.waiting), ("dead", effects.dead)]
    {
        output::line(format!("  {name:<14} {count}"));
    }
    output::line(format!("without a due row: {}", counts.forgotten));
    let at_least = if *more { "more than " } else { "" };
    output::line(format!("unfinished: {at_least}{}", unfinished.len()));
    unfinished.iter().for_each(|one| output::wrapped(&format!("  {}", one.line()), 25));
    if *more {
        output::line("  ... `callout audit --max N` lists more of them");
    }
    output::line(if counts.balances() { "the counts balance" } else { "THE COUNTS DO NOT BALANCE" });
}

impl Unfinished {
    fn line(&self) -> String {
        let of = format!("{} of event {}", self.workflow, self.event_id);
        let Some(message) = &self.message else {
            return format!(
                "{:<21} {:<14} {of}: waits for an acknowledgement or its deadline",
                self.run, self.run_phase
            );
        };
        let next = message.next_at.map_or_else(
            || "waits for an operator: `callout runs settle`".to_owned(),
            |at: Timestamp| format!("next check {}", output::time(at)),
        );
        format!("{:<21} {:<14} {of}, to {}: {next}", message.id, message.status, message.to)
    }
}
