//! Who sends events. In: the headers `authorization`, `webhook-id`, `webhook-timestamp` and `webhook-signature`, one a
//! line, and the body. Out: the source that a second, plainer reading of the specification names.
//!
//! `@` as a signature stands for the right one, which no fuzzer would find.
#![no_main]

use axum::http::{HeaderMap, HeaderValue};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    adapter::Adapters,
    source::{KeyHash, Source, WebhookSecret},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ingest::access::Sources;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;

const NOW: i64 = 1_800_000_000;
const NAMES: [&str; 4] = ["authorization", "webhook-id", "webhook-timestamp", "webhook-signature"];

fn source(name: &str, keys: Vec<KeyHash>, webhook_secrets: Vec<WebhookSecret>) -> Source {
    Source {
        name: name.to_owned(),
        types: vec!["*".to_owned()],
        keys,
        webhook_secrets,
        team: None,
        adapters: Adapters::default(),
    }
}

fn signature(id: &str, time: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").expect("any length is a key");
    mac.update(&[id.as_bytes(), b".", time.as_bytes(), b".", body].concat());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn expected(headers: &HeaderMap, body: &[u8]) -> Option<&'static str> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some((scheme, key)) = text("authorization").and_then(|value| value.split_once(' '))
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return (key.trim() == "key").then_some("bearer");
    }
    let (id, time) = (text("webhook-id")?, text("webhook-timestamp")?);
    let right = format!("v1,{}", signature(id, time, body));
    let is_signed = text("webhook-signature")?
        .split(' ')
        .filter(|given| given.starts_with("v1,"))
        .take(10)
        .any(|given| given == right);
    let is_recent = time.parse::<i64>().is_ok_and(|at| (NOW - 300..=NOW + 300).contains(&at));
    (is_signed && is_recent).then_some("signing")
}

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(NAMES.len() + 1, |byte| *byte == b'\n');
    let lines: Vec<&[u8]> = parts.by_ref().take(NAMES.len()).collect();
    let body = parts.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for (name, line) in NAMES.iter().zip(&lines).filter(|(_, line)| !line.is_empty()) {
        let text = |name: &str| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let right =
            signature(text("webhook-id").unwrap_or(""), text("webhook-timestamp").unwrap_or(""), body);
        let line: Vec<u8> = line
            .iter()
            .flat_map(|byte| if *byte == b'@' { right.clone().into_bytes() } else { vec![*byte] })
            .collect();
        let Ok(value) = HeaderValue::from_bytes(&line) else { return };
        headers.insert(*name, value);
    }
    let sources = Sources(vec![
        source("bearer", vec![KeyHash::of("key")], Vec::new()),
        source("signing", Vec::new(), vec![WebhookSecret(b"secret".to_vec())]),
    ]);
    let now = Timestamp::from_second(NOW).expect("a time");
    let found = sources.identify(&headers, body, now).map(|source| source.name.as_str());
    assert_eq!(found, expected(&headers, body));
});
