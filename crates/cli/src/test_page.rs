//! `callout test-page`: a page to try the whole way with. In: a contact. Out: how long each leg took, or what is missing.
//!
//! Never: waits where nothing runs that could send it.

use std::process::ExitCode;

use control::{Answer, NewTestPage, Request, RunView, TimelineLine};
use domain::{id::RunId, policy::Verdict, provider::ProviderStatus, run::RunPhase, timeline::TimelineEvent};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, SystemClock};
use serde::Serialize;

use crate::{
    args::{Common, Output, TestPage},
    control_client::{ControlClient, UNEXPECTED_ANSWER},
    output,
};

/// How long to wait between two looks.
const LOOK_EVERY: SignedDuration = SignedDuration::from_millis(250);
/// How long after its deadline a run has until it must have ended.
const GRACE: SignedDuration = SignedDuration::from_secs(5);

/// What came of a test page.
#[derive(Debug, Serialize)]
struct Report {
    run: String,
    to: String,
    phase: RunPhase,
    /// Whether everything that was waited for came.
    arrived: bool,
    legs: Vec<Leg>,
    /// What did not come, and why where that is known.
    missing: Vec<String>,
}

/// The time between two things that happened.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Leg {
    leg: &'static str,
    milliseconds: i64,
}

/// Sends it, and follows it to its end.
pub(crate) async fn send(common: &Common, args: TestPage) -> anyhow::Result<ExitCode> {
    let client = ControlClient::open(&common.config).await?;
    let followed = match client.is_alone() {
        true => Err(anyhow::anyhow!(
            "no callout runs on this database, so nothing would send the page: start `callout serve` first"
        )),
        false => follow(&client, &args).await,
    };
    client.close().await;
    let report = report(&followed?, !args.no_reply);
    match common.output {
        Output::Json => output::json(&report)?,
        Output::Text => print(&report),
    }
    Ok(if report.arrived { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn follow(client: &ControlClient, args: &TestPage) -> anyhow::Result<RunView> {
    let within_s = u32::try_from(args.wait.as_secs()).unwrap_or(u32::MAX);
    let new = NewTestPage { contact: args.contact.clone(), wants_reply: !args.no_reply, within_s };
    let give_up_at = SystemClock.now() + args.wait + GRACE;
    let mut run = look(client, &args.by, Request::TestPage(new)).await?;
    let id: RunId = run.id.parse()?;
    let asked = if args.no_reply { "" } else { "; reply ACK and its code to the text" };
    output::remark(format!("test page {id} to {}{asked}", args.contact));
    while is_awaited(&run) && SystemClock.now() < give_up_at {
        SystemClock.sleep_until(SystemClock.now() + LOOK_EVERY).await;
        run = look(client, "", Request::ShowRun { id: id.clone(), reveal: false }).await?;
    }
    Ok(run)
}

/// Whether something may still come: a reply may be there before the receipt.
fn is_awaited(run: &RunView) -> bool {
    let is_unfinished = || run.messages.iter().any(|message| message.unfinished);
    run.phase == RunPhase::Active || run.phase == RunPhase::Acknowledged && is_unfinished()
}

async fn look(client: &ControlClient, by: &str, request: Request) -> anyhow::Result<RunView> {
    let Answer::Run { run, .. } = client.execute(by, request).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER)
    };
    Ok(*run)
}

/// What a run's timeline says of its legs.
fn report(run: &RunView, wants_reply: bool) -> Report {
    let last = |is: fn(&TimelineEvent) -> bool| {
        run.timeline.iter().rev().find(|line| is(&line.what)).map(|line| line.at)
    };
    let posted = last(|what| matches!(what, TimelineEvent::DispatchBegan { .. }));
    let taken = last(|what| matches!(what, TimelineEvent::Submitted { .. }));
    let delivered =
        last(|what| matches!(what, TimelineEvent::Status { status: ProviderStatus::Delivered, .. }));
    let replied = last(|what| matches!(what, TimelineEvent::Acknowledged { .. }));
    let leg = |leg, from: Option<Timestamp>, until: Option<Timestamp>| {
        let milliseconds = i64::try_from(until?.duration_since(from?).as_millis()).unwrap_or(i64::MAX);
        Some(Leg { leg, milliseconds })
    };
    let legs = [
        leg("event to request", Some(run.opened_at), posted),
        leg("request to provider's answer", posted, taken),
        leg("request to delivered", posted, delivered),
        leg("delivered to reply", delivered, replied),
    ];
    let wanted = [
        (posted, "the text was not sent", true),
        // The receipt may be there before the answer.
        (taken.or(delivered), "the provider did not take it", true),
        (delivered, "no receipt says that it was delivered", true),
        (replied, "no reply acknowledged it", wants_reply),
    ];
    let first = wanted.iter().find(|(at, _, is_wanted)| *is_wanted && at.is_none());
    let missing = first.map(|(_, missing, _)| match run.timeline.iter().rev().find_map(held_back) {
        Some(why) if replied.is_none() => format!("{missing}: {why}"),
        Some(_) | None => (*missing).to_owned(),
    });
    Report {
        run: run.id.clone(),
        to: run.messages.first().map(|message| message.to.clone()).unwrap_or_default(),
        phase: run.phase,
        arrived: missing.is_none(),
        legs: legs.into_iter().flatten().collect(),
        missing: missing.into_iter().collect(),
    }
}

/// What kept the text from going on, if a line says so.
fn held_back(line: &TimelineLine) -> Option<String> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other lines hold nothing back")]
    match &line.what {
        TimelineEvent::Decided(decision) if decision.verdict != Verdict::Send => {
            Some(format!("{} ({})", decision.rule.meaning(), decision.rule.id()))
        }
        TimelineEvent::Refused { .. }
        | TimelineEvent::Died { .. }
        | TimelineEvent::DoubtBegan { .. }
        | TimelineEvent::DoubtAsked { .. } => Some(line.text.clone()),
        TimelineEvent::Status { status, .. } if status.is_failure() => Some(line.text.clone()),
        TimelineEvent::StepStarted { unresolved, .. } if !unresolved.is_empty() => {
            Some(unresolved.join("; "))
        }
        _ => None,
    }
}

fn print(report: &Report) {
    let Report { run, to, phase, arrived, legs, missing } = report;
    output::line(format!("test page to {to}, run {run}: {}", phase.as_str()));
    for Leg { leg, milliseconds } in legs {
        output::line(format!("  {leg:<30} {:>9.3} s", *milliseconds as f64 / 1_000.0));
    }
    for what in missing {
        output::wrapped(&format!("  missing: {what}"), 4);
    }
    if *arrived {
        output::line("  everything arrived");
    } else {
        output::line(format!("  see `callout runs explain {run}`"));
    }
}
