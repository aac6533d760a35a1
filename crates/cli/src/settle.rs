//! `callout runs settle`: an operator says whether held texts were sent. In: one run, or a filter. Out: the result.
//!
//! Never: settles more than one run without `--yes`.

use clap::ValueEnum as _;
use control::{Answer, Request, RunQuery};
use domain::{
    id::{MessageId, RunId},
    limits::LIST_MAX,
    message::ReviewVerdict,
};
use serde::Serialize;

use crate::{
    args::{Common, Output, ReviewAnswer, Settle},
    bulk::Progress,
    configuration,
    control_client::{ControlClient, UNEXPECTED_ANSWER, execute},
    drawn_timeline,
    exit::{NotFound, Usage},
    output,
    run_name::run_named,
};

/// Settles what the arguments name.
pub(crate) async fn run(common: &Common, mut settle: Settle) -> anyhow::Result<()> {
    // With --all there is no run that the verdict could stand behind.
    if let Some(verdict) = settle.id.as_deref().filter(|_| settle.all && settle.verdict.is_none()) {
        settle.verdict = ReviewAnswer::from_str(verdict, false).ok();
        settle.id = settle.id.filter(|_| settle.verdict.is_none());
    }
    let verdict = verdict(&settle)?;
    let id = match (&settle.id, settle.all) {
        (None, true) => return all(common, &settle, &verdict).await,
        (Some(id), false) => id,
        (Some(_), true) | (None, false) => {
            return Err(Usage("name a run, or all held texts with --all".to_owned()).into());
        }
    };
    let id = run_named(common, id).await?;
    let request = Request::ResolveReview { id, message: settle.message, verdict };
    let answer = execute(&common.config, &settle.by, request).await?;
    let Answer::Run { run, .. } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    match common.output {
        Output::Json => output::json(&run)?,
        Output::Text => {
            output::run(&run);
            drawn_timeline::print(&run.timeline);
        }
    }
    Ok(())
}

fn verdict(settle: &Settle) -> anyhow::Result<ReviewVerdict> {
    let named = [
        settle.verdict,
        settle.sent.then_some(ReviewAnswer::Sent),
        settle.not_sent.then_some(ReviewAnswer::NotSent),
    ];
    let mut named = named.into_iter().flatten();
    match (named.next(), named.next(), settle.sid.clone()) {
        (Some(ReviewAnswer::Sent), None, sid) => Ok(ReviewVerdict::Sent { sid }),
        (Some(ReviewAnswer::NotSent), None, None) => Ok(ReviewVerdict::NotSent),
        (Some(ReviewAnswer::NotSent), None, Some(_)) => {
            Err(Usage("a text that was not sent has no SID".to_owned()).into())
        }
        (first, second, _) => {
            let say = if first.is_none() || second.is_none() { "say" } else { "say once" };
            Err(Usage(format!("{say} whether it was sent: --sent or --not-sent")).into())
        }
    }
}

/// A held text, and what became of it.
#[derive(Debug, Serialize)]
struct Line {
    message: String,
    workflow: String,
    to: String,
    /// Where it stands now; absent where nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
}

async fn all(common: &Common, settle: &Settle, verdict: &ReviewVerdict) -> anyhow::Result<()> {
    let client = ControlClient::open(&common.config).await?;
    let held = held(&client, settle.workflow.as_deref()).await?;
    if held.is_empty() {
        configuration::check_names(&common.config, settle.workflow.as_deref(), None)?;
    }
    let action = match verdict {
        ReviewVerdict::Sent { .. } => "recorded as sent",
        ReviewVerdict::NotSent => "recorded as not sent, and sent if still of use",
    };
    settle.bulk.confirm(held.len(), "held text", action)?;
    let done = settle
        .bulk
        .each(held, "held text", async |line: &Line| {
            let MessageId { run: id, number } = line.message.parse::<MessageId>()?;
            let request = Request::ResolveReview { id, message: Some(number), verdict: verdict.clone() };
            match client.execute(&settle.by, request).await {
                Ok(Answer::Run { run, .. }) => Ok(run
                    .messages
                    .into_iter()
                    .find(|message| message.id == line.message)
                    .map_or_else(String::new, |message| message.status)),
                Ok(_) => anyhow::bail!(UNEXPECTED_ANSWER),
                // A callback or another operator was first.
                Err(error) if error.is::<NotFound>() => Ok("settled before".to_owned()),
                Err(error) => Err(error),
            }
        })
        .await;
    client.close().await;
    let Progress { done, ended } = done?;
    let lines: Vec<Line> = done.into_iter().map(|(line, status)| Line { status, ..line }).collect();
    match common.output {
        Output::Json => output::json(&lines)?,
        Output::Text if lines.is_empty() && ended.is_err() => {}
        Output::Text => show(&lines, action),
    }
    ended
}

/// Every held text that matches, page by page.
async fn held(client: &ControlClient, workflow: Option<&str>) -> anyhow::Result<Vec<Line>> {
    let (mut lines, mut after) = (Vec::new(), None::<RunId>);
    loop {
        let query = RunQuery {
            workflow: workflow.map(str::to_owned),
            needs_review: true,
            after: after.clone(),
            max: LIST_MAX,
            ..RunQuery::default()
        };
        let request = Request::ListRuns(query);
        let Answer::Runs { runs, unreadable, .. } = client.execute("", request).await? else {
            anyhow::bail!(UNEXPECTED_ANSWER)
        };
        output::unreadable(&unreadable);
        for run in &runs {
            let held = run.messages.iter().filter(|message| message.status == "held");
            lines.extend(held.map(|message| Line {
                message: message.id.clone(),
                workflow: run.workflow.clone(),
                to: message.to.clone(),
                status: None,
            }));
        }
        match runs.last().map(|run| run.id.parse()).transpose()? {
            Some(last) if runs.len() == usize::from(LIST_MAX) => after = Some(last),
            Some(_) | None => return Ok(lines),
        }
    }
}

fn show(lines: &[Line], action: &str) {
    if lines.is_empty() {
        output::line("no held texts match");
    }
    for Line { message, workflow, to, status } in lines {
        // What follows the comma is said where it is confirmed.
        let planned = format!("would be {}", action.split(',').next().unwrap_or_default());
        let result = status.as_ref().unwrap_or(&planned);
        output::line(format!("{message:<24}  {:<24}  {to:<16}  {result}", output::cut(workflow, 24)));
    }
}
