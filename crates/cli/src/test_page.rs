//! `callout test-page`: a page to try the whole way with. In: a contact. Out: how long each leg took, or what is missing.
//!
//! Never: waits where nothing runs that could send it.

use std::process::ExitCode;

use control::{Answer, NewTestPage, Request, RunView, TestPageLeg, TestPageReport};
use domain::{id::RunId, run::RunPhase};
use jiff::SignedDuration;
use ports::{Clock as _, SystemClock};

use crate::{
    args::{Common, Output, TestPage},
    control_client::{ControlClient, UNEXPECTED_ANSWER},
    output,
};

/// How long to wait between two looks.
const LOOK_EVERY: SignedDuration = SignedDuration::from_millis(250);
/// How long after its deadline a run has until it must have ended.
const GRACE: SignedDuration = SignedDuration::from_secs(5);

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
    let report = TestPageReport::of(&followed?, !args.no_reply);
    match common.output {
        Output::Json => output::json(&report)?,
        Output::Text => print(&report),
    }
    Ok(if report.arrived { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn follow(client: &ControlClient, args: &TestPage) -> anyhow::Result<RunView> {
    let within_s = u32::try_from(args.wait.as_secs()).unwrap_or(u32::MAX);
    let new =
        NewTestPage { contact: args.contact.clone(), wants_reply: !args.no_reply, within_s, name: None };
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

fn print(report: &TestPageReport) {
    let TestPageReport { run, to, phase, arrived, legs, missing } = report;
    output::line(format!("test page to {to}, run {run}: {}", phase.as_str()));
    for TestPageLeg { leg, milliseconds } in legs {
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
