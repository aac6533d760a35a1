//! One trace tells an event's story, across processes that are killed and started again.
//!
//! In: a fleet, and a collector of a package registry that takes OTLP. Out: the spans that it got. Never: a collector of
//! our own.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{
    ROLES,
    collector::Collector,
    harness::{FIRST, Fleet, KEY, Layout, PAGE, SECOND, event},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PRODUCER: &str = "b7ad6b7169203331";

/// A span as it is printed.
#[derive(Debug, Default, Clone)]
struct Span {
    trace: String,
    parent: String,
    id: String,
    name: String,
    events: Vec<String>,
}

/// The spans of the event's trace, once they are as they should be.
async fn spans_until(collector: &Collector, holds: impl Fn(&[Span]) -> bool) -> Vec<Span> {
    read(&collector.printed_until(|printed| holds(&read(printed))).await)
}

fn read(printed: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for line in printed.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim().to_owned();
        if line.starts_with("Span #") {
            spans.push(Span::default());
        }
        let Some(span) = spans.last_mut() else { continue };
        match name.trim() {
            "Trace ID" => span.trace = value,
            "Parent ID" => span.parent = value,
            "ID" => span.id = value,
            "Name" => span.name = value,
            "-> Name" => span.events.push(value),
            _ => {}
        }
    }
    spans.retain(|span| span.trace == TRACE);
    spans
}

fn names(spans: &[Span]) -> BTreeSet<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

fn said(spans: &[Span], event: &str) -> bool {
    spans.iter().any(|span| span.events.iter().any(|said| said == event))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_tells_an_escalated_run_that_survived_a_kill() {
    for protocol in ["http/protobuf", "grpc"] {
        let collector = Collector::start("traces");
        let endpoint = if protocol == "grpc" { &collector.grpc } else { &collector.http };
        let name = protocol.replace('/', "");
        let backend = format!(
            "[backend]\nkind = \"fleet\"\namqp_prefix = \"trace.{name}.\"\nredis_prefix = \"trace:{name}:\"\n"
        );
        let env = [
            ("CALLOUT_AMQP_URL", test_servers::rabbitmq().url.clone()),
            ("CALLOUT_REDIS_URL", test_servers::redis().url.clone()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{endpoint}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
        // Time enough to kill and start all processes before the second person is paged.
        let first_step = PAGE.replacen("ack_within = \"1h\"", "ack_within = \"8s\"", 1);
        let files = vec![("workflows/traced.toml", first_step.replace("page.", "traced."))];
        let layout = Layout { roles: &ROLES, settings: &backend, env, files, ..Layout::default() };
        let mut fleet = Fleet::start_layout(layout).await;
        let page = event("traced.created", "traced", "db", json!({"text": "Down"}));
        let response = fleet
            .client
            .post(format!("{}/v1/events", fleet.url))
            .bearer_auth(KEY)
            .header("content-type", "application/cloudevents+json")
            .header("traceparent", format!("00-{TRACE}-{PRODUCER}-01"))
            .body(page.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 202);
        fleet.wait_until(|view| !view.texts(FIRST).is_empty()).await;
        let wanted = ["POST /v1/events", "process events.critical", "send events", "submit text"];
        spans_until(&collector, |spans| wanted.iter().all(|name| names(spans).contains(name))).await;

        (0..ROLES.len()).for_each(|index| fleet.kill_process(index));
        fleet.serve().await;
        fleet.wait_until(|view| !view.texts(SECOND).is_empty()).await;
        let text = fleet.sim.phone(SECOND).texts()[0].body.clone();
        fleet.sim.phone(SECOND).reply(text.rsplit_once("Reply ").unwrap().1).await.unwrap();

        // Each process exports by itself, and the last one to do so may be any of them.
        let submitted = |spans: &[Span]| spans.iter().filter(|span| span.name == "submit text").count();
        let spans = spans_until(&collector, |spans| {
            said(spans, "escalated") && said(spans, "acknowledged") && submitted(spans) == 2
        })
        .await;
        let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).chain([PRODUCER]).collect();
        for span in &spans {
            assert!(ids.contains(span.parent.as_str()), "{} hangs in the air: {spans:#?}", span.name);
        }
        assert!(said(&spans, "opened") && said(&spans, "dispatch_began"));
        // The collector may have printed what the process has no answer to yet.
        fleet.metrics_with(ROLES.len() - 1, &["callout_spans_total{ended=\"exported\"}"]).await;
        // The trace of a run that ended stands in its log line.
        assert!(std::fs::read_to_string(fleet.log()).unwrap().contains(TRACE));
    }
}
