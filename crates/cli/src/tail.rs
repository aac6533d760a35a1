//! `callout tail`: what happens, as it happens. In: the stream of outcomes. Out: one line each, or one JSON document each.
//!
//! Never: says an outcome twice, or leaves one out that is kept, though callout is restarted meanwhile.

use control::{Answer, Request};
use domain::{effect::OutcomeEvent, phone::identifier_without_numbers};
use jiff::SignedDuration;
use ports::{Clock as _, SystemClock};

use crate::{
    args::{Common, Output, Tail},
    configuration,
    control_client::{ControlClient, UNEXPECTED_ANSWER},
    output,
};

/// How long to wait where nothing new was found.
const LOOK_EVERY: SignedDuration = SignedDuration::from_millis(500);

/// Follows the stream until nobody reads any more, or to its end.
pub(crate) async fn tail(common: &Common, args: &Tail) -> anyhow::Result<()> {
    configuration::check_names(&common.config, args.workflow.as_deref(), args.source.as_deref())?;
    let client = ControlClient::open(&common.config).await?;
    let followed = follow(common, args, &client).await;
    client.close().await;
    followed
}

async fn follow(common: &Common, args: &Tail, client: &ControlClient) -> anyhow::Result<()> {
    let begin = Request::FindPosition { after: args.history.then_some(0) };
    let (_, mut position) = read(client, begin).await?;
    let mut is_away = false;
    while output::lost().is_none() {
        match read(client, Request::ReadStream { after: position }).await {
            Ok((events, after)) => {
                is_away = false;
                let is_end = after == position;
                position = after;
                for event in events.iter().filter(|event| wants(args, event)) {
                    print(common.output, event)?;
                }
                if is_end && args.no_follow {
                    break;
                }
                if !is_end {
                    continue;
                }
            }
            // It is restarted, perhaps: what happens meanwhile is kept.
            Err(error) if !is_away => {
                is_away = true;
                output::remark(format!("warning: {error:#}; looking again until it answers"));
            }
            Err(_) => {}
        }
        SystemClock.sleep_until(SystemClock.now() + LOOK_EVERY).await;
    }
    Ok(())
}

async fn read(client: &ControlClient, request: Request) -> anyhow::Result<(Vec<OutcomeEvent>, u64)> {
    let Answer::Stream { events, after } = client.execute("", request).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    Ok((events.into_iter().map(|(_, event)| event).collect(), after))
}

fn wants(args: &Tail, event: &OutcomeEvent) -> bool {
    let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
    // What leaves shows no phone number, which a subject may hold.
    let subject = args.subject.as_deref().map(identifier_without_numbers);
    (args.kinds.is_empty() || args.kinds.contains(&event.kind))
        && is(&args.workflow, &event.workflow)
        && is(&args.source, &event.source)
        && is(&subject, &event.subject)
}

fn print(form: Output, event: &OutcomeEvent) -> anyhow::Result<()> {
    if form == Output::Json {
        output::line(serde_json::to_string(event)?);
        return Ok(());
    }
    let run = event.run.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut about: Vec<String> = event.workflow.iter().cloned().collect();
    about.extend(event.subject.clone().or_else(|| event.event_id.clone()));
    about.extend(event.step.map(|step| format!("step {}", step + 1)));
    about.extend(event.by.as_ref().map(|by| format!("by {by}")));
    about.extend(event.ticket.clone());
    about.extend(event.detail.clone());
    let line =
        format!("{}  {:<21}  {run:<19}  {}", output::time(event.at), event.kind.as_str(), about.join(", "));
    output::wrapped(&line, 66);
    Ok(())
}
