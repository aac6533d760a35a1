//! `callout dlq`: lists, shows, replays and discards dead letters. In: filters or ids. Out: the result for each.
//!
//! Never: changes anything without `--yes`.

use std::process::ExitCode;

use control::{Answer, DeadLetterChange, Request};
use domain::{broker_origin::BrokerOrigin, phone::without_numbers, timeline::DeadLetter};
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
            let client = ControlClient::open(&common.config).await?;
            let letters = list(&client, common, &filter).await;
            client.close().await;
            let letters = letters?;
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
        Dlq::Replay(args) => {
            return change(common, &args, "replay", |id| Request::Replay { id }).await;
        }
        Dlq::Discard(args) => {
            return change(common, &args, "discard", |id| Request::Discard { id }).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(
    client: &ControlClient,
    common: &Common,
    filter: &DlqFilter,
) -> anyhow::Result<Vec<DeadLetter>> {
    let max = filter.max;
    let named = filter.workflow.clone();
    let filter = DeadLetterFilter {
        reason: filter.reason.clone(),
        workflow: filter.workflow.clone(),
        source: filter.source.clone(),
        since: filter.since,
        until: filter.until,
    };
    let answer = client.execute("", Request::ListDeadLetters { filter, max }).await?;
    let Answer::DeadLetters { letters } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    if let (true, Some(workflow)) = (letters.is_empty(), named) {
        configuration::check_workflow(&common.config, &workflow)?;
    }
    Ok(letters)
}

async fn find(common: &Common, id: &str) -> anyhow::Result<DeadLetter> {
    match execute(&common.config, "", Request::ShowDeadLetter { id: id.to_owned() }).await? {
        Answer::DeadLetter { letter } => Ok(*letter),
        Answer::Runs { .. }
        | Answer::Run { .. }
        | Answer::DeadLetters { .. }
        | Answer::DeadLetterChanged { .. }
        | Answer::AuditCounts { .. } => anyhow::bail!(UNEXPECTED_ANSWER),
    }
}

/// The result for one dead letter, for scripts.
#[derive(Debug, Serialize)]
struct Line {
    id: String,
    #[serde(flatten)]
    change: Option<DeadLetterChange>,
}

async fn change(
    common: &Common,
    args: &DlqChange,
    verb: &str,
    request: impl Fn(String) -> Request,
) -> anyhow::Result<ExitCode> {
    let client = ControlClient::open(&common.config).await?;
    let lines = change_each(&client, common, args, verb, request).await;
    client.close().await;
    let lines = lines?;
    match common.output {
        Output::Json => output::json(&lines)?,
        Output::Text => show_changes(&lines, verb),
    }
    let stale = lines.iter().any(|line| matches!(line.change, Some(DeadLetterChange::Stale { .. })));
    Ok(if stale { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn change_each(
    client: &ControlClient,
    common: &Common,
    args: &DlqChange,
    verb: &str,
    request: impl Fn(String) -> Request,
) -> anyhow::Result<Vec<Line>> {
    let ids = if args.ids.is_empty() {
        list(client, common, &args.filter).await?.into_iter().map(|letter| letter.id).collect()
    } else {
        args.ids.clone()
    };
    args.bulk.confirm(ids.len(), "dead letter", &format!("{verb}ed"))?;
    let changes = args
        .bulk
        .each(ids, async |id: &String| {
            let answer = client.execute(&args.by, request(id.clone())).await?;
            let Answer::DeadLetterChanged { change } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
            Ok(change)
        })
        .await?;
    Ok(changes.into_iter().map(|(id, change)| Line { id, change }).collect())
}

fn show_changes(lines: &[Line], verb: &str) {
    if lines.is_empty() {
        output::line("no dead letters match");
    }
    for Line { id, change } in lines {
        output::line(match change {
            None => format!("{id}  would be {verb}ed"),
            Some(DeadLetterChange::Replayed) => format!("{id}  replayed"),
            Some(DeadLetterChange::Discarded) => format!("{id}  discarded"),
            Some(DeadLetterChange::Gone) => format!("{id}  nothing to do: replayed or discarded before"),
            Some(DeadLetterChange::Stale { reason }) => format!("{id}  not replayed: {reason}"),
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
    if let Some(origin) = &letter.origin {
        show_origin(origin);
    }
    if let Some(message) = &letter.message {
        output::line(format!("message      {message}; see `callout runs show {}`", message.run));
    }
}

fn show_origin(origin: &BrokerOrigin) {
    let user = origin.user.as_deref().unwrap_or("unknown: the message named none");
    output::line(format!("broker user  {}", without_numbers(user)));
    if let Some(content_type) = &origin.content_type {
        output::line(format!("content type {}", without_numbers(content_type)));
    }
    for (name, value) in &origin.headers {
        output::line(format!("header       {}: {}", without_numbers(name), without_numbers(value)));
    }
    if origin.headers_left_out > 0 {
        output::line(format!("header       ... and {} more, not kept", origin.headers_left_out));
    }
}
