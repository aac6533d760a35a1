//! `callout top`: who is busy. In: the runs of the last minutes, heartbeats. Out: workflows, recipients and senders by how
//! much they do.
//!
//! Never: shows a whole number.

use std::{cmp::Reverse, collections::BTreeMap};

use control::{Answer, MessageView, Request, RunConditions, RunQuery, RunView};
use domain::{limits::LIST_MAX, run::RunPhase, status::Heartbeat};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    args::{Common, Output, Top},
    control_client::{ControlClient, UNEXPECTED_ANSWER},
    output,
};

/// Most runs that are looked at.
const RUNS_MAX: usize = 20_000;

/// Runs and texts of one workflow, or texts to one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Load {
    name: String,
    runs: u64,
    texts: u64,
    delivered: u64,
    /// Failed, undelivered, expired or a dead letter.
    not_delivered: u64,
    /// Not final yet.
    under_way: u64,
    /// Held back by a rule, withdrawn, or sent without a receipt.
    other: u64,
    acknowledged: u64,
}

/// What one process sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Sender {
    process: String,
    /// Requests to send a text since it started.
    submitted: u64,
    /// On average, since it started.
    per_minute: f64,
}

#[derive(Debug, Serialize)]
struct Report {
    since: Timestamp,
    /// Whether there are more runs than were looked at.
    more: bool,
    workflows: Vec<Load>,
    recipients: Vec<Load>,
    senders: Vec<Sender>,
}

/// Prints who was busy.
pub(crate) async fn top(common: &Common, args: &Top) -> anyhow::Result<()> {
    let client = ControlClient::open(&common.config).await?;
    let report = report(&client, args).await;
    client.close().await;
    let report = report?;
    match common.output {
        Output::Json => output::json(&report)?,
        Output::Text => print(&report),
    }
    Ok(())
}

async fn report(client: &ControlClient, args: &Top) -> anyhow::Result<Report> {
    let (mut workflows, mut recipients) = (BTreeMap::new(), BTreeMap::new());
    let (mut looked_at, mut after, mut more) = (0, None, true);
    while more && looked_at < RUNS_MAX {
        let conditions = RunConditions { since: Some(args.since), ..RunConditions::default() };
        let query = RunQuery { after: after.take(), conditions, max: LIST_MAX, ..RunQuery::default() };
        let answer = client.execute("", Request::ListRuns(query)).await?;
        let Answer::Runs { runs, more: has_more, unreadable, .. } = answer else {
            anyhow::bail!(UNEXPECTED_ANSWER)
        };
        output::unreadable(&unreadable);
        looked_at += runs.len();
        more = has_more;
        after = runs.last().map(|run| run.id.parse()).transpose()?;
        for run in &runs {
            add(&mut workflows, &mut recipients, run);
        }
    }
    let Answer::Status { report } = client.execute("", Request::Status).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    let max = usize::from(args.max);
    let mut senders: Vec<_> = report.status.alive("sender").map(sender).collect();
    senders.sort_by_key(|sender| Reverse(sender.submitted));
    senders.truncate(max);
    let (workflows, recipients) = (busiest(workflows, max), busiest(recipients, max));
    Ok(Report { since: args.since, more, workflows, recipients, senders })
}

fn add(workflows: &mut BTreeMap<String, Load>, recipients: &mut BTreeMap<String, Load>, run: &RunView) {
    let is_acknowledged = run.phase == RunPhase::Acknowledged;
    let workflow = workflows.entry(run.workflow.clone()).or_default();
    workflow.runs += 1;
    workflow.acknowledged += u64::from(is_acknowledged);
    let mut seen = Vec::new();
    for message in &run.messages {
        workflow.add(message);
        // The same masked number may be that of several people; their hashes differ, where there are any.
        let name =
            message.to_hash.as_ref().map_or(message.to.clone(), |hash| format!("{} {hash}", message.to));
        let recipient = recipients.entry(name.clone()).or_default();
        recipient.add(message);
        if !seen.contains(&name) {
            recipient.runs += 1;
            recipient.acknowledged += u64::from(is_acknowledged);
            seen.push(name);
        }
    }
}

impl Load {
    fn add(&mut self, message: &MessageView) {
        self.texts += 1;
        match message.status.as_str() {
            "delivered" => self.delivered += 1,
            "undelivered" | "failed" | "expired" | "dead" => self.not_delivered += 1,
            _ if message.unfinished => self.under_way += 1,
            _ => self.other += 1,
        }
    }
}

fn busiest(loads: BTreeMap<String, Load>, max: usize) -> Vec<Load> {
    let mut loads: Vec<_> = loads.into_iter().map(|(name, load)| Load { name, ..load }).collect();
    loads.sort_by_key(|load| Reverse((load.texts, load.runs)));
    loads.truncate(max);
    loads
}

fn sender(process: &Heartbeat) -> Sender {
    let minutes = process.at.duration_since(process.started_at).as_secs_f64() / 60.0;
    let per_minute = if minutes > 0.0 { process.submitted as f64 / minutes } else { 0.0 };
    Sender { process: process.process.clone(), submitted: process.submitted, per_minute }
}

fn print(report: &Report) {
    output::line(format!("since {}", output::time(report.since)));
    if report.more {
        output::note(format!(
            "more than {RUNS_MAX} runs: those are the latest; look at a shorter time with --since"
        ));
    }
    for (title, loads) in [("WORKFLOW", &report.workflows), ("RECIPIENT", &report.recipients)] {
        output::line("");
        output::line(format!(
            "{title:<30}  {:>7}  {:>7}  {:>9}  {:>7}  {:>9}  {:>7}  {:>6}",
            "RUNS", "TEXTS", "DELIVERED", "FAILED", "UNDER WAY", "OTHER", "ACKED"
        ));
        for load in loads {
            let Load { name, runs, texts, delivered, not_delivered, under_way, other, acknowledged } = load;
            let name = output::cut(name, 30);
            output::line(format!(
                "{name:<30}  {runs:>7}  {texts:>7}  {delivered:>9}  {not_delivered:>7}  {under_way:>9}  {other:>7}  {acknowledged:>6}"
            ));
        }
    }
    output::line("");
    output::line(format!("{:<30}  {:>15}  {:>11}", "SENDER", "TEXTS SUBMITTED", "PER MINUTE"));
    for Sender { process, submitted, per_minute } in &report.senders {
        output::line(format!("{:<30}  {submitted:>15}  {per_minute:>11.1}", output::cut(process, 30)));
    }
}
