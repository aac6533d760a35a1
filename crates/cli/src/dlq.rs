//! `callout dlq`: lists, shows, replays and discards dead letters. In: filters or ids. Out: the result for each.
//!
//! Never: changes anything without `--yes`.

use std::process::ExitCode;

use control::{Answer, Request, Settled};
use domain::timeline::DeadLetter;
use ports::store::DeadLetterFilter;
use serde::Serialize;

use crate::{
    args::{Common, Dlq, DlqChange, DlqFilter, Output},
    configuration,
    control_client::{ControlClient, UNEXPECTED_ANSWER, execute},
    output,
};

/// Runs one of the commands.
pub(crate) async fn run(common: &Common, command: Dlq) -> anyhow::Result<ExitCode> {
    match command {
        Dlq::List(filter) => {
            let letters = list(common, &filter).await?;
            match common.output {
                Output::Json => output::json(&letters)?,
                Output::Text if letters.is_empty() => output::line("no dead letters"),
                Output::Text => letters.iter().for_each(show_line),
            }
        }
        Dlq::Show(show) => {
            let letter = find(common, &show.id).await?;
            match common.output {
                Output::Json => output::json(&letter)?,
                Output::Text => show_whole(&letter),
            }
        }
        Dlq::Replay(change) => return settle(common, &change, "replay", |id| Request::Replay { id }).await,
        Dlq::Discard(change) => {
            return settle(common, &change, "discard", |id| Request::Discard { id }).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(common: &Common, filter: &DlqFilter) -> anyhow::Result<Vec<DeadLetter>> {
    let max = filter.max;
    let filter = DeadLetterFilter {
        reason: filter.reason.clone(),
        workflow: filter.workflow.clone(),
        source: filter.source.clone(),
        since: filter.since,
        until: filter.until,
    };
    let named = filter.workflow.clone();
    let letters = letters(common, filter, max).await?;
    if let (true, Some(workflow)) = (letters.is_empty(), named) {
        configuration::check_workflow(&common.config, &workflow)?;
    }
    Ok(letters)
}

async fn letters(common: &Common, filter: DeadLetterFilter, max: u16) -> anyhow::Result<Vec<DeadLetter>> {
    let answer = execute(&common.config, "", Request::ListDeadLetters { filter, max }).await?;
    let Answer::DeadLetters { letters } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    Ok(letters)
}

async fn find(common: &Common, id: &str) -> anyhow::Result<DeadLetter> {
    match execute(&common.config, "", Request::ShowDeadLetter { id: id.to_owned() }).await? {
        Answer::DeadLetter { letter } => Ok(*letter),
        Answer::Runs { .. }
        | Answer::Run { .. }
        | Answer::DeadLetters { .. }
        | Answer::Settled { .. }
        | Answer::AuditCounts { .. } => anyhow::bail!(UNEXPECTED_ANSWER),
    }
}

/// The result for one dead letter, for scripts.
#[derive(Debug, Serialize)]
struct Line {
    id: String,
    #[serde(flatten)]
    settled: Option<Settled>,
}

async fn settle(
    common: &Common,
    change: &DlqChange,
    verb: &str,
    request: impl Fn(String) -> Request,
) -> anyhow::Result<ExitCode> {
    let ids = if change.ids.is_empty() {
        list(common, &change.filter).await?.into_iter().map(|letter| letter.id).collect()
    } else {
        change.ids.clone()
    };
    change.bulk.confirm(ids.len(), "dead letter", &format!("{verb}ed"))?;
    let client = ControlClient::open(&common.config).await?;
    let done = change
        .bulk
        .each(ids, async |id: &String| {
            let answer = client.execute(&change.by, request(id.clone())).await?;
            let Answer::Settled { settled } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
            Ok(settled)
        })
        .await;
    client.close().await;
    let lines: Vec<Line> = done?.into_iter().map(|(id, settled)| Line { id, settled }).collect();
    match common.output {
        Output::Json => output::json(&lines)?,
        Output::Text => show_settled(&lines, verb),
    }
    let stale = lines.iter().any(|line| matches!(line.settled, Some(Settled::Stale { .. })));
    Ok(if stale { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show_settled(lines: &[Line], verb: &str) {
    if lines.is_empty() {
        output::line("no dead letters match");
    }
    for Line { id, settled } in lines {
        output::line(match settled {
            None => format!("{id}  would be {verb}ed"),
            Some(Settled::Replayed) => format!("{id}  replayed"),
            Some(Settled::Discarded) => format!("{id}  discarded"),
            Some(Settled::Gone) => format!("{id}  nothing to do: replayed or discarded before"),
            Some(Settled::Stale { reason }) => format!("{id}  not replayed: {reason}"),
        });
    }
}

fn show_line(letter: &DeadLetter) {
    let of = letter.workflow.as_deref().or(letter.source.as_deref()).unwrap_or("-");
    let at = letter.at.strftime("%Y-%m-%d %H:%M:%S");
    output::line(format!("{:<26}  {at}  {:<18}  {of:<24}  {}", letter.id, letter.reason, letter.error));
}

fn show_whole(letter: &DeadLetter) {
    output::line(format!("dead letter  {}", letter.id));
    output::line(format!("reason       {}", letter.reason));
    output::line(format!("error        {}", letter.error));
    output::line(format!("since        {}", letter.at));
    output::line(format!("attempts     {}", letter.attempts));
    let named = [
        ("workflow", &letter.workflow),
        ("source", &letter.source),
        ("event id", &letter.event_id),
        ("event", &letter.event),
    ];
    for (name, value) in named.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        output::line(format!("{name:<12} {value}"));
    }
    if let Some(message) = &letter.message {
        output::line(format!("message      {message}; see `callout runs show {}`", message.run));
    }
}
