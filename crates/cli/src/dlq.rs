//! `callout dlq`: lists, shows, replays and discards dead letters. In: filters or ids. Out: the result for each.
//!
//! Never: changes anything without `--yes`.

use std::process::ExitCode;

use control::{Answer, DeadLetterChange, Request};
use domain::{
    broker_origin::BrokerOrigin,
    phone::without_numbers,
    plural::counted,
    timeline::{DEAD_REASONS, DeadLetter},
};
use ports::store::DeadLetterFilter;
use serde::Serialize;

use crate::{
    args::{Common, Dlq, DlqChange, DlqFilter, Output},
    bulk::Progress,
    configuration,
    control_client::{ControlClient, UNEXPECTED_ANSWER, execute},
    exit::{self, NotFound},
    output,
};

/// Runs one of the commands.
pub(crate) async fn run(common: &Common, command: Dlq) -> anyhow::Result<ExitCode> {
    match command {
        Dlq::List(filter) => {
            let client = ControlClient::open(&common.config).await?;
            let letters = list(&client, common, &filter).await;
            client.close().await;
            let (letters, more) = letters?;
            match (common.output, letters.last()) {
                (Output::Json, _) => output::json(&letters)?,
                (Output::Text, None) => output::line("no dead letters"),
                (Output::Text, Some(last)) => {
                    output::line(format!(
                        "{:<26}  {:<20}  {:<13}  {:<OF$}  ERROR",
                        "DEAD LETTER", "SINCE (UTC)", "REASON", "OF"
                    ));
                    letters.iter().for_each(show_line);
                    if more {
                        output::line(format!(
                            "there are more: see the next with --after {},{}, or longer lists with --max",
                            last.at, last.id
                        ));
                    }
                }
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
) -> anyhow::Result<(Vec<DeadLetter>, bool)> {
    let max = filter.max;
    let (named, after) = (filter, filter.after.clone());
    let filter = DeadLetterFilter {
        reason: filter.reason.clone(),
        workflow: filter.workflow.clone(),
        source: filter.source.clone(),
        since: filter.since,
        until: filter.until,
    };
    let answer = client.execute("", Request::ListDeadLetters { filter, after, max }).await?;
    let Answer::DeadLetters { letters, more, unreadable } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    output::unreadable(&unreadable);
    if letters.is_empty() {
        configuration::known("reason", named.reason.as_deref(), DEAD_REASONS.to_vec())?;
        configuration::check_names(&common.config, named.workflow.as_deref(), named.source.as_deref())?;
    }
    Ok((letters, more))
}

async fn find(common: &Common, id: &str) -> anyhow::Result<DeadLetter> {
    let request = Request::ShowDeadLetter { id: id.to_owned() };
    let Answer::DeadLetter { letter } = execute(&common.config, "", request).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    Ok(*letter)
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
    let changed = change_each(&client, common, args, verb, request).await;
    client.close().await;
    let Changed { lines, more, ended } = changed?;
    match common.output {
        Output::Json => output::json(&lines)?,
        Output::Text if lines.is_empty() && ended.is_err() => {}
        Output::Text => {
            show_changes(&lines, verb);
            if more {
                output::line("there are more that match: give the command again, or a greater --max");
            }
        }
    }
    ended?;
    let any =
        |is_it: fn(&DeadLetterChange) -> bool| lines.iter().filter_map(|l| l.change.as_ref()).any(is_it);
    Ok(if any(|change| matches!(change, DeadLetterChange::Stale { .. })) {
        ExitCode::FAILURE
    } else if !args.ids.is_empty() && any(|change| matches!(change, DeadLetterChange::Gone)) {
        ExitCode::from(exit::NOT_FOUND)
    } else {
        ExitCode::SUCCESS
    })
}

/// What a command did.
struct Changed {
    lines: Vec<Line>,
    /// Whether more letters match than the command may change.
    more: bool,
    /// Why it ended early, if it did.
    ended: anyhow::Result<()>,
}

async fn change_each(
    client: &ControlClient,
    common: &Common,
    args: &DlqChange,
    verb: &str,
    request: impl Fn(String) -> Request,
) -> anyhow::Result<Changed> {
    let (ids, gone, more) = if args.ids.is_empty() {
        let (letters, more) = list(client, common, &args.filter).await?;
        (letters.into_iter().map(|letter| letter.id).collect(), Vec::new(), more)
    } else {
        let (ids, gone) = named(client, &args.ids).await?;
        (ids, gone, false)
    };
    args.bulk.confirm(ids.len(), "dead letter", &format!("{verb}ed"))?;
    let change = async |id: &String| {
        let answer = client.execute(&args.by, request(id.clone())).await?;
        let Answer::DeadLetterChanged { change } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
        Ok(change)
    };
    let Progress { done, ended } = args.bulk.each(ids, "dead letter", change).await?;
    let gone = gone.into_iter().map(|id| (id, Some(DeadLetterChange::Gone)));
    let lines = done.into_iter().chain(gone).map(|(id, change)| Line { id, change }).collect();
    Ok(Changed { lines, more, ended })
}

/// Which of the named letters are there, and which are not.
async fn named(client: &ControlClient, ids: &[String]) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let (mut there, mut gone, mut not_found) = (Vec::new(), Vec::new(), None);
    for id in ids {
        match client.execute("", Request::ShowDeadLetter { id: id.clone() }).await {
            Ok(_) => there.push(id.clone()),
            Err(error) if error.is::<NotFound>() => {
                gone.push(id.clone());
                not_found = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match not_found {
        Some(error) if there.is_empty() => Err(error),
        Some(_) | None => Ok((there, gone)),
    }
}

fn show_changes(lines: &[Line], verb: &str) {
    let is_done =
        |line: &&Line| matches!(line.change, Some(DeadLetterChange::Replayed | DeadLetterChange::Discarded));
    let done = lines.iter().filter(is_done).count();
    for Line { id, change } in lines {
        output::line(match change {
            None => format!("{id}  would be {verb}ed"),
            Some(DeadLetterChange::Replayed) => format!("{id}  replayed"),
            Some(DeadLetterChange::Discarded) => format!("{id}  discarded"),
            Some(DeadLetterChange::Gone) => {
                format!("{id}  not found: replayed or discarded before, or never there")
            }
            Some(DeadLetterChange::Stale { reason }) => format!("{id}  not replayed: {reason}"),
        });
    }
    match lines.len() {
        0 => output::line("no dead letters match"),
        1 => {}
        _ if done > 0 => output::line(format!("{} {verb}ed", counted(done, "dead letter"))),
        _ => {}
    }
}

/// Widths of the last columns of the list: with what stands before them it fits 100 characters.
const OF: usize = 14;
const ERROR: usize = 19;

fn show_line(letter: &DeadLetter) {
    let of = letter.workflow.as_deref().or(letter.source.as_deref()).unwrap_or("-");
    output::line(format!(
        "{:<26}  {:<20}  {:<13}  {:<OF$}  {}",
        letter.id,
        output::time(letter.at).to_string(),
        letter.reason,
        output::cut(of, OF),
        output::cut(&letter.error, ERROR)
    ));
}

fn show_whole(letter: &DeadLetter) {
    output::line(format!("dead letter  {}", letter.id));
    output::line(format!("reason       {}", letter.reason));
    output::wrapped(&format!("error        {}", letter.error), 13);
    output::line(format!("since        {}", output::time(letter.at)));
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
