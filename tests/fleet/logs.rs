//! What a log never holds, at any level: passwords, keys, texts and whole numbers.

use lapin::{BasicProperties, options::BasicPublishOptions};
use serde_json::json;

use crate::{
    ROLES,
    collector::Collector,
    harness::{FIRST, Fleet, KEY, Layout, event, run_of},
    rights::channel,
};

const BROKER_PASSWORD: &str = "broker-4711-word";
const STORE_PASSWORD: &str = "store-4711-word";
const COLLECTOR_KEY: &str = "collector-4711-word";
const TEXT: &str = "Zebra crossing";

#[tokio::test(flavor = "multi_thread")]
async fn e4_no_level_of_the_log_shows_a_password_a_key_a_text_or_a_number() {
    let broker = test_servers::rabbitmq();
    broker.ctl(&["add_user", "tracer", BROKER_PASSWORD]);
    broker.ctl(&["set_permissions", "tracer", ".*", ".*", ".*"]);
    let store = test_servers::RedisServer::private_with(&format!("--requirepass {STORE_PASSWORD}"));
    let (host, port) = store.address();
    let collector = Collector::start("traces");
    let env = [
        ("CALLOUT_LOG", "trace,lapin=trace,h2=trace,hyper=trace,tonic=trace,rustls=trace".to_owned()),
        ("CALLOUT_AMQP_URL", broker.url.replace("guest:guest", &format!("tracer:{BROKER_PASSWORD}"))),
        ("CALLOUT_REDIS_URL", format!("redis://:{STORE_PASSWORD}@{host}:{port}/")),
        // Spans go out over HTTP/2, metrics over HTTP/1.1.
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("http://{}", collector.grpc)),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc".to_owned()),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", format!("http://{}/v1/metrics", collector.http)),
        ("OTEL_EXPORTER_OTLP_HEADERS", format!("api-key={COLLECTOR_KEY}")),
        ("OTEL_BSP_SCHEDULE_DELAY", "100".to_owned()),
        ("OTEL_METRIC_EXPORT_INTERVAL", "300".to_owned()),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let settings = "[backend]\nkind = \"fleet\"\namqp_prefix = \"trace.\"\n";
    let fleet = Fleet::start_layout(Layout { roles: &ROLES, settings, env, ..Layout::default() }).await;
    fleet.event(&event("page.created", "p-1", "db", json!({"text": TEXT}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let text = fleet.sim.phone(FIRST).texts().remove(0);
    assert!(text.body.contains(TEXT), "{}", text.body);
    let code = text.body.rsplit(' ').next().unwrap().to_owned();
    fleet.sim.phone(FIRST).reply(&format!("ACK {code}")).await.unwrap();
    fleet.run_until(&run_of("p-1", "page", "db"), |run| run["phase"] == "acknowledged").await;
    let exported =
        ["callout_spans_total{ended=\"exported\"}", "callout_metric_exports_total{result=\"exported\"}"];
    fleet.metrics_with(ROLES.len() - 1, &exported).await;
    let log = std::fs::read_to_string(fleet.log()).unwrap();
    for written in ["\"TRACE\"", "\"target\":\"lapin::", "\"target\":\"h2::", "\"target\":\"reqwest::"] {
        assert!(log.contains(written), "the level is in force for {written}");
    }
    let number = FIRST.trim_start_matches('+');
    for secret in [BROKER_PASSWORD, STORE_PASSWORD, COLLECTOR_KEY, KEY, TEXT, number, &code] {
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret:?} is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e3_a_text_where_an_event_belongs_is_in_no_log_and_in_no_error_of_a_dead_letter() {
    let broker = test_servers::rabbitmq();
    let env = vec![
        ("CALLOUT_LOG".to_owned(), "trace".to_owned()),
        ("CALLOUT_AMQP_URL".to_owned(), broker.url.clone()),
        ("CALLOUT_REDIS_URL".to_owned(), test_servers::redis().url.clone()),
    ];
    let settings = "[backend]\nkind = \"fleet\"\namqp_prefix = \"texts.\"\nredis_prefix = \"texts:\"\n";
    let fleet = Fleet::start_layout(Layout { roles: &ROLES, settings, env, ..Layout::default() }).await;
    let text = r#""Jane Roe, +14155550123, test result""#;
    let list = format!("[{text}]");
    let channel = channel(&broker.url).await;
    let event = |content_type: &str| BasicProperties::default().with_content_type(content_type.into());
    let command = BasicProperties::default().with_type("callout.command.v2".into());
    // Blanks make each body another letter.
    for (blanks, (exchange, key, body, properties)) in [
        ("events", "note.created", text, event("application/cloudevents+json")),
        ("events", "note.created", text, event("application/cloudevents-batch+json")),
        ("events", "note.created", list.as_str(), event("application/cloudevents-batch+json")),
        ("events", "note.created", list.as_str(), event("application/json")),
        ("commands", "escalation", text, command),
    ]
    .into_iter()
    .enumerate()
    {
        let exchange = format!("texts.{exchange}");
        let options = BasicPublishOptions::default();
        let body = format!("{body}{}", " ".repeat(blanks));
        let sent =
            channel.basic_publish(exchange.as_str().into(), key.into(), options, body.as_bytes(), properties);
        sent.await.unwrap();
    }
    let letters = crate::bad_input::letters(&fleet, 5).await;
    for letter in letters {
        let error = letter["error"].as_str().unwrap();
        assert!(!error.contains("Jane") && !error.contains("4155550123"), "{error}");
    }
    let log = std::fs::read_to_string(fleet.log()).unwrap();
    for secret in ["Jane", "4155550123", "test result"] {
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret:?} is in the log");
    }
}
