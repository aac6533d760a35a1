//! `callout events send`: events from a file. In: one CloudEvent, or a list of them. Out: requests to a running callout,
//! and what it took.
//!
//! Never: reads an event; a list is only divided into batches of the size that callout takes.

use std::{io::ErrorKind, process::ExitCode};

use anyhow::{Context as _, anyhow};
use config::Scope;
use domain::{
    limits::{EVENT_BATCH_MAX, EVENT_BODY_BYTES_MAX},
    retry::{FailedAttempt, RetryPolicy},
    time::after_s,
};
use http_server::events::EVENTS_PATH;
use ports::{Clock as _, SystemClock};
use reqwest::{
    RequestBuilder, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use serde_json::{Value, json, value::RawValue};
use url::Url;

use crate::{
    args::{Common, EventsSend, Output},
    configuration::{self, env},
    exit::Usage,
    output,
    remote::{Remote, TOKEN, not_ours},
};

pub(crate) async fn send(common: &Common, args: &EventsSend) -> anyhow::Result<ExitCode> {
    let body = match args.file.as_str() {
        "-" => std::io::read_to_string(std::io::stdin()).map_err(unreadable("standard input"))?,
        file => std::fs::read_to_string(file).map_err(unreadable(file))?,
    };
    let Receiver { client, endpoint, key, key_name } = receiver(common, args)?;
    let refused = |status, answer: &str| refused(common, &endpoint, &key_name, status, answer);
    // Some editors write a byte order mark.
    let is_batch = body.trim_start_matches('\u{feff}').trim_start().starts_with('[');
    let form = if is_batch { "application/cloudevents-batch+json" } else { "application/cloudevents+json" };
    let post = || client.post(endpoint.clone()).bearer_auth(&key).header(CONTENT_TYPE, form);
    let context = || format!("no answer from {endpoint}; is `callout serve` running there?");
    let batches = if is_batch { batches(&body) } else { None };
    let takes_events = |status: StatusCode| {
        let message = format!("{endpoint} takes no events; name the address of an ingest with --url");
        (status != StatusCode::NOT_FOUND).then_some(()).context(message)
    };
    let Some(batches) = batches.filter(|batches| batches.len() > 1) else {
        let asked = answered(|| post().body(body.clone()), args.retry_for).await;
        let (status, answer) = asked.with_context(context)?;
        takes_events(status)?;
        if !status.is_success() {
            return refused(status, &answer);
        }
        show(common, status, &answer);
        return Ok(ExitCode::SUCCESS);
    };
    let mut sent = Sent::default();
    for batch in &batches {
        let (status, answer) = match answered(|| post().body(batch.clone()), args.retry_for).await {
            Ok(answered) => answered,
            Err(error) => {
                sent.show(common, batches.len());
                return Err(error).with_context(context);
            }
        };
        if !status.is_success() {
            sent.show(common, batches.len());
            return refused(status, &answer);
        }
        sent.add(&answer);
    }
    sent.show(common, batches.len());
    Ok(ExitCode::SUCCESS)
}

fn unreadable(file: &str) -> impl FnOnce(std::io::Error) -> anyhow::Error {
    move |error| {
        if error.kind() == ErrorKind::InvalidData {
            anyhow!("{file} holds bytes that are no UTF-8: save it as UTF-8")
        } else {
            anyhow!("{file} cannot be read: {error}")
        }
    }
}

/// What takes events.
struct Receiver {
    client: reqwest::Client,
    endpoint: Url,
    key: String,
    /// The variable that holds the key.
    key_name: String,
}

/// What takes the events: the address that was named, else the API of the environment, else the configured ingest. With a
/// client, and the key or token that it is shown.
fn receiver(common: &Common, args: &EventsSend) -> anyhow::Result<Receiver> {
    let remote = if args.url.is_none() { Remote::from_environment()? } else { None };
    if let Some(remote) = remote {
        let (client, endpoint, key) = remote.into_events();
        return Ok(Receiver { client, endpoint, key, key_name: TOKEN.to_owned() });
    }
    let url: Url = match &args.url {
        Some(url) => url.clone(),
        None => {
            let listen = configuration::load(&common.config, Scope::OPERATOR)?.0.infrastructure.listen;
            format!("http://{listen}").parse()?
        }
    };
    let key = key(&args.key_env)?;
    let client = http_client::client_builder(http_client::Reach::of_scheme(url.scheme())).build()?;
    Ok(Receiver { client, endpoint: url.join(EVENTS_PATH)?, key, key_name: args.key_env.clone() })
}

/// The key in the variable with this name.
fn key(name: &str) -> anyhow::Result<String> {
    let key = env(name)
        .ok_or_else(|| Usage(format!("{name} is not set; it must hold the key of the event's source")))?;
    let wrong = if key.ends_with(char::is_whitespace) {
        "ends with a blank or a line break"
    } else if key.starts_with(char::is_whitespace) {
        "begins with a blank or a line break"
    } else if key.chars().any(char::is_control) {
        "contains a control character"
    } else {
        return Ok(key);
    };
    Err(Usage(format!("the key in {name} {wrong}; remove it")).into())
}

/// The answer to a request, which is made again for so many seconds as long as there is none, or it asks for that.
async fn answered(
    request: impl Fn() -> RequestBuilder,
    retry_for_s: u32,
) -> anyhow::Result<(StatusCode, String)> {
    let retries = RetryPolicy { cap_ms: 30_000, attempts_max: u16::MAX, ..RetryPolicy::default() };
    let first_at = SystemClock.now();
    let not_after = Some(after_s(first_at, retry_for_s));
    let retries = RetryPolicy { total_max_s: retry_for_s, ..retries };
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (asked, retry_after_ms) = match request().send().await {
            Ok(response) => {
                let (status, asked_s) = (response.status(), response.headers().get(RETRY_AFTER));
                let asked_s = asked_s.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
                let is_busy = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
                let answer = response.text().await.map(|answer| (status, answer));
                if answer.is_ok() && !is_busy && !status.is_server_error() {
                    return Ok(answer?);
                }
                (answer, asked_s.map(|seconds| seconds.saturating_mul(1_000)))
            }
            Err(error) => (Err(error), None),
        };
        let seed = u64::from(std::process::id());
        let now = SystemClock.now();
        let failed = FailedAttempt { attempt, seed, first_at, now, retry_after_ms, not_after };
        let Some(again) = retries.next(&failed).filter(|_| retry_for_s > 0) else { return Ok(asked?) };
        let why = asked.map_or_else(|error| error.to_string(), |(status, _)| format!("answered {status}"));
        output::remark(format!("not taken ({why}); sent again at {}", output::time(again)));
        SystemClock.sleep_until(again).await;
    }
}

/// Says why events were not taken: as the answer itself for scripts, else as every error.
fn refused(
    common: &Common,
    endpoint: &Url,
    key_name: &str,
    status: StatusCode,
    answer: &str,
) -> anyhow::Result<ExitCode> {
    if common.output == Output::Json {
        output::line(answer);
        return Ok(ExitCode::FAILURE);
    }
    let problem: Value = serde_json::from_str(answer).unwrap_or_default();
    if key_name == TOKEN && problem["detail"].is_null() {
        return Err(not_ours(endpoint.host_str().unwrap_or_default(), status));
    }
    let detail = match status {
        StatusCode::UNAUTHORIZED => {
            format!("it does not know the key in {key_name}; put that of the event's source there")
        }
        _ => problem["detail"].as_str().unwrap_or("it gives no reason").to_owned(),
    };
    let field = |error: &Value| {
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        format!("\n  {} {}", text("pointer"), text("detail"))
    };
    let fields: String = problem["errors"].as_array().into_iter().flatten().map(field).collect();
    Err(anyhow!("{endpoint} refused what was sent ({}): {detail}{fields}", status.as_u16()))
}

fn show(common: &Common, status: StatusCode, answer: &str) {
    match common.output {
        Output::Json => output::line(answer),
        Output::Text => output::line(format!("{}: {answer}", status.as_u16())),
    }
}

/// What several batches came to.
#[derive(Default)]
struct Sent {
    batches: usize,
    accepted: u64,
    known: u64,
}

impl Sent {
    fn add(&mut self, answer: &str) {
        let answer: Value = serde_json::from_str(answer).unwrap_or_default();
        self.batches += 1;
        self.accepted += answer["accepted"].as_u64().unwrap_or_default();
        self.known += answer["known"].as_u64().unwrap_or_default();
    }

    fn show(&self, common: &Common, of: usize) {
        let Self { batches, accepted, known } = self;
        output::line(match common.output {
            Output::Json => {
                json!({"accepted": accepted, "known": known, "batches": batches, "of_batches": of})
                    .to_string()
            }
            Output::Text => format!("{accepted} accepted, {known} known, in {batches} of {of} batches"),
        });
    }
}

/// A list of events as lists of the size that callout takes, each event as it was written. `None` where it is no list of
/// JSON; callout says what is wrong with it.
fn batches(body: &str) -> Option<Vec<String>> {
    let events: Vec<&RawValue> = serde_json::from_str(body).ok()?;
    let mut batches = Vec::new();
    let (mut batch, mut count) = (String::new(), 0);
    for event in events.iter().map(|event| event.get()) {
        // Its comma and the brackets around the list.
        let is_full = count == EVENT_BATCH_MAX || batch.len() + event.len() + 3 > EVENT_BODY_BYTES_MAX;
        if count > 0 && is_full {
            batches.push(format!("[{batch}]"));
            (batch, count) = (String::new(), 0);
        }
        if count > 0 {
            batch.push(',');
        }
        batch.push_str(event);
        count += 1;
    }
    batches.push(format!("[{batch}]"));
    Some(batches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_divided_by_events_and_by_bytes_and_keeps_every_digit() {
        let list = |event: &str, count: usize| format!("[{}]", vec![event; count].join(" , "));
        let counts = |body: &str| -> Vec<usize> {
            let batches = batches(body).unwrap();
            assert!(batches.iter().all(|batch| batch.len() <= EVENT_BODY_BYTES_MAX));
            batches.iter().map(|batch| serde_json::from_str::<Vec<Value>>(batch).unwrap().len()).collect()
        };
        assert_eq!(counts("[]"), [0]);
        assert_eq!(counts(&list("{}", EVENT_BATCH_MAX)), [EVENT_BATCH_MAX]);
        assert_eq!(counts(&list("{}", 2 * EVENT_BATCH_MAX + 1)), [EVENT_BATCH_MAX, EVENT_BATCH_MAX, 1]);
        let large = format!("\"{}\"", "x".repeat(EVENT_BODY_BYTES_MAX / 2 - 4));
        assert_eq!(counts(&list(&large, 5)), [2, 2, 1]);
        assert_eq!(batches(r#"[{"n":12.50}, {"s":"\ud83d"}]"#).unwrap(), [r#"[{"n":12.50},{"s":"\ud83d"}]"#]);
        assert_eq!(batches("[{"), None);
    }
}
