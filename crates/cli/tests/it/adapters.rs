//! Adapters for tools that people already run: the real Alertmanager, and what the others send.

use std::time::Duration;

use serde_json::{Value, json};
use test_servers::Alertmanager;

use crate::harness::{FIRST, Fleet, KEY, Layout, PATIENCE};

/// The key of the source `tool`, as its hash is below.
const TOOL_KEY: &str = "key";

const SOURCES: &str = r#"
[[source]]
name = "tool"
types = ["incident.*"]
key_sha256 = ["2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683"]
"#;

const FIRING: &str = include_str!("../../../domain/tests/it/recorded/alertmanager_firing.json");
const JOINED: &str = include_str!("../../../domain/tests/it/recorded/alertmanager_joined.json");
const RESOLVED: &str = include_str!("../../../domain/tests/it/recorded/alertmanager_resolved.json");
const GRAFANA: &str = include_str!("../../../domain/tests/it/recorded/grafana.json");
const PAGERDUTY: &str = include_str!("../../../domain/tests/it/recorded/pagerduty.json");
const FINISHED: &str = include_str!("../../../domain/tests/it/recorded/openclaw_finished.json");

/// The workflow that callout ships, with people who are here.
fn incident() -> String {
    include_str!("../../../../examples/workflows/incident-paging.toml")
        .replace("\"oncall:platform/secondary\", \"contact:head-of-operations\"", "\"contact:second\"")
        .replace("oncall:platform", "contact:first")
}

async fn start(sources: &str) -> Fleet {
    let files = vec![("workflows/incident.toml", incident())];
    Fleet::start_layout(Layout { roles: &[&[]], settings: sources, files, ..Layout::default() }).await
}

impl Fleet {
    /// What a tool posts to an adapter.
    async fn post_to(&self, path: &str, key: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let request = self.client.post(format!("{}/v1/sources/{path}", self.url)).bearer_auth(key);
        let request = request.header("content-type", "application/json").body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The only run, once it is as expected.
    async fn only_run(&self, phase: &str) -> Value {
        let runs = self.json(&["runs", "list"]);
        assert_eq!(runs.as_array().map(Vec::len), Some(1), "{runs}");
        self.run_until(runs[0]["id"].as_str().unwrap(), |run| run["phase"] == phase).await
    }

    async fn wait_for_texts(&self, count: usize) {
        self.wait_until(|view| view.texts(FIRST).len() == count).await;
    }
}

fn replaced(body: &str, changes: &[(&str, Value)]) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap();
    for (pointer, value) in changes {
        *body.pointer_mut(pointer).unwrap() = value.clone();
    }
    body.to_string()
}

/// How often Alertmanager has posted, and how often it failed.
async fn posted(fleet: &Fleet, alertmanager: &Alertmanager) -> [u64; 2] {
    let metrics = fleet.client.get(format!("{}/metrics", alertmanager.url)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    ["notifications_total", "notifications_failed_total"].map(|name| {
        let line = format!("alertmanager_{name}{{integration=\"webhook\"}} ");
        metrics.lines().find_map(|text| text.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
    })
}

/// Waits until Alertmanager has posted so many times more, none of them in vain.
async fn posts_again(fleet: &Fleet, alertmanager: &Alertmanager, times: u64) {
    let [before, _] = posted(fleet, alertmanager).await;
    let mut tries = tokio::time::interval(Duration::from_millis(50));
    #[expect(clippy::disallowed_methods, reason = "bounds what is waited for")]
    let posted = tokio::time::timeout(PATIENCE, async {
        loop {
            tries.tick().await;
            let [count, failed] = posted(fleet, alertmanager).await;
            assert_eq!(failed, 0, "{}", std::fs::read_to_string(fleet.log()).unwrap());
            if count >= before + times {
                return;
            }
        }
    });
    assert!(posted.await.is_ok(), "Alertmanager does not post");
}

/// Alerts of some instances, firing or over.
async fn alert(fleet: &Fleet, alertmanager: &Alertmanager, instances: &[&str], are_over: bool) {
    let alerts: Vec<_> = instances
        .iter()
        .map(|instance| {
            let mut alert = json!({
                "labels": {"alertname": "DiskAlmostFull", "severity": "page", "job": "node", "instance": instance},
                "annotations": {"summary": "Disk almost full"},
            });
            if are_over {
                // Alertmanager takes no end in the future for one.
                alert["startsAt"] = json!("2020-01-01T00:00:00Z");
                alert["endsAt"] = json!("2020-01-01T00:00:01Z");
            }
            alert
        })
        .collect();
    let request = fleet.client.post(format!("{}/api/v2/alerts", alertmanager.url)).json(&alerts);
    let status = request.send().await.unwrap().status();
    assert!(status.is_success(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_alertmanager_pages_once_for_a_group_until_it_is_resolved() {
    let fleet = start(SOURCES).await;
    let webhook = format!("{}/v1/sources/alertmanager/tool", fleet.url);
    let alertmanager = Alertmanager::posting_to(&webhook, TOOL_KEY);
    alert(&fleet, &alertmanager, &["db-1", "db-2", "db-3"], false).await;
    fleet.wait_for_texts(1).await;
    let text = fleet.sim.phone(FIRST).texts()[0].body.clone();
    assert!(text.starts_with("PAGE: 3 alerts: Disk almost full (node). Reply ACK "), "{text}");

    posts_again(&fleet, &alertmanager, 2).await;
    alert(&fleet, &alertmanager, &["db-4"], false).await;
    posts_again(&fleet, &alertmanager, 2).await;
    alert(&fleet, &alertmanager, &["db-1"], true).await;
    posts_again(&fleet, &alertmanager, 2).await;
    let run = fleet.only_run("active").await;
    assert!(run["subject"].as_str().unwrap().starts_with("DiskAlmostFull "), "{run}");
    assert_eq!(fleet.sim.report().accepted, 1, "neither repetitions nor changes of the group page");

    alert(&fleet, &alertmanager, &["db-2", "db-3", "db-4"], true).await;
    fleet.only_run("resolved").await;
    alert(&fleet, &alertmanager, &["db-1"], false).await;
    fleet.wait_for_texts(2).await;
    assert_eq!(fleet.sim.report().accepted, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_oldest_alert_is_over_stays_one_page() {
    let fleet = start(SOURCES).await;
    let adapter = "alertmanager/tool";
    let (status, first) = fleet.post_to(adapter, TOOL_KEY, FIRING).await;
    assert_eq!((status, &first["status"]), (202, &json!("accepted")), "{first}");
    fleet.wait_for_texts(1).await;
    for body in [FIRING, JOINED] {
        let (status, known) = fleet.post_to(adapter, TOOL_KEY, body).await;
        assert_eq!(
            (status, &known["status"], &known["runs"]),
            (200, &json!("known"), &first["runs"]),
            "{known}"
        );
    }
    let later = "2026-11-29T06:36:41Z";
    let changes = [0, 1, 2].map(|n| (format!("/alerts/{n}/startsAt"), json!(later)));
    let changes = changes.each_ref().map(|(pointer, value)| (pointer.as_str(), value.clone()));
    let oldest_is_over = replaced(FIRING, &changes);
    let (status, known) = fleet.post_to(adapter, TOOL_KEY, oldest_is_over.clone()).await;
    assert_eq!((status, &known["runs"]), (200, &first["runs"]), "{known}");

    let (status, _) = fleet.post_to(adapter, TOOL_KEY, RESOLVED).await;
    assert_eq!(status, 202);
    fleet.only_run("resolved").await;
    let (status, known) = fleet.post_to(adapter, TOOL_KEY, FIRING).await;
    assert_eq!(status, 200, "a late copy of what was resolved: {known}");
    let (status, anew) = fleet.post_to(adapter, TOOL_KEY, oldest_is_over).await;
    assert_eq!(status, 202, "a new firing: {anew}");
    fleet.wait_for_texts(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_is_open_to_the_key_of_its_source_alone() {
    let fleet = start(SOURCES).await;
    for (path, key, expected) in [
        ("alertmanager/tool", "wrong", 401),
        ("alertmanager/tool", KEY, 403),
        ("alertmanager/nobody", TOOL_KEY, 403),
        ("openclaw/tool", "wrong", 401),
        ("grafana/tool", TOOL_KEY, 400),
        ("unheard-of/tool", TOOL_KEY, 404),
        ("pagerduty/tool/v2/change/enqueue", TOOL_KEY, 404),
    ] {
        let (status, answer) = fleet.post_to(path, key, FIRING).await;
        assert_eq!(status, expected, "{path}: {answer}");
        assert!(answer["title"].is_string() && answer["detail"].is_string(), "{path}: {answer}");
    }
    let (status, answer) = fleet.post_to("alertmanager/narrow", "narrow-key", FIRING).await;
    assert_eq!(status, 403, "its types are others: {answer}");
    let response = fleet.client.post(format!("{}/v1/sources/grafana/tool", fleet.url));
    let response = response.basic_auth("anybody", Some(TOOL_KEY)).body(GRAFANA).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 202);
    fleet.wait_for_texts(1).await;
    assert_eq!(fleet.sim.report().accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_notification_is_taken_and_too_large_a_one_says_what_to_do() {
    let fleet = start(SOURCES).await;
    let with = |bytes: usize| replaced(FIRING, &[("/alerts/0/labels/job", json!("x".repeat(bytes)))]);
    let (status, answer) = fleet.post_to("alertmanager/tool", TOOL_KEY, with(5_000_000)).await;
    assert_eq!(status, 413, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("max_alerts"), "{answer}");
    let large = json!({"routing_key": TOOL_KEY, "payload": {"custom_details": "x".repeat(5_000_000)}});
    let (status, answer) = fleet.post_to("pagerduty/tool", TOOL_KEY, large.to_string()).await;
    assert_eq!(status, 413, "{answer}");
    assert!(answer["errors"][0].as_str().unwrap().contains("PagerDuty's Events API"), "{answer}");
    let (status, answer) = fleet.post_to("alertmanager/tool", TOOL_KEY, with(1_000_000)).await;
    assert_eq!(status, 202, "{answer}");
    fleet.wait_for_texts(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_pages_pagerduty_pages_callout() {
    let fleet = start(SOURCES).await;
    let with = |changes: &[(&str, Value)]| {
        let key = [("/routing_key", json!(TOOL_KEY))];
        replaced(PAGERDUTY, &[&key[..], changes].concat())
    };
    let (trigger, resolve) = (with(&[]), with(&[("/event_action", json!("resolve"))]));
    let processed = json!({"status": "success", "message": "Event processed", "dedup_key": "backup/db-1"});
    let post =
        async |body: &str| fleet.post_to("pagerduty/tool/v2/enqueue", "not-looked-at", body.to_owned()).await;
    assert_eq!(post(&trigger).await, (202, processed.clone()));
    fleet.wait_for_texts(1).await;
    let text = fleet.sim.phone(FIRST).texts()[0].body.clone();
    assert!(text.starts_with("ERROR: Backup of db-1 failed (postgres). Reply ACK "), "{text}");

    assert_eq!(fleet.post_to("pagerduty/tool", "", trigger.clone()).await, (202, processed.clone()));
    let worse = with(&[("/payload/severity", json!("critical"))]);
    assert_eq!(post(&worse).await, (202, processed.clone()));
    assert_eq!(fleet.sim.report().accepted, 1, "its run is open");
    for round in 2..=4 {
        assert_eq!(post(&resolve).await, (202, processed.clone()));
        let runs = fleet.json(&["runs", "list"]);
        let latest = runs[0]["id"].as_str().unwrap();
        fleet.run_until(latest, |run| run["phase"] == "resolved").await;
        assert_eq!(post(&trigger).await, (202, processed.clone()));
        fleet.wait_for_texts(round).await;
    }

    for (body, error) in [
        (with(&[("/event_action", json!("acknowledge"))]), "the people it texts"),
        (with(&[("/payload/summary", json!(""))]), "/payload/summary"),
        (PAGERDUTY.to_owned(), "'routing_key'"),
        ("no JSON".to_owned(), "'routing_key'"),
    ] {
        let (status, answer) = post(&body).await;
        assert_eq!((status, &answer["status"]), (400, &json!("invalid event")), "{answer}");
        assert!(answer["errors"][0].as_str().unwrap().contains(error), "{answer}");
    }
    let (status, _) = fleet.post_to("pagerduty/test", "", trigger).await;
    assert_eq!(status, 400, "the key is another source's");
    let secret = serde_json::from_str::<Value>(PAGERDUTY).unwrap()["routing_key"].clone();
    let log = std::fs::read_to_string(fleet.log()).unwrap();
    assert!(!log.contains(secret.as_str().unwrap()), "{log}");
    let shown = fleet.json(&["runs", "show", fleet.json(&["runs", "list"])[0]["id"].as_str().unwrap()]);
    assert!(!shown.to_string().contains("routing_key"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_automation_of_openclaw_pages_until_it_works() {
    let fleet = start(SOURCES).await;
    let run =
        |at: u64, status: &str| replaced(FINISHED, &[("/runAtMs", json!(at)), ("/status", json!(status))]);
    assert_eq!(fleet.post_to("openclaw/tool", TOOL_KEY, run(1, "error")).await.0, 202);
    fleet.wait_for_texts(1).await;
    let text = fleet.sim.phone(FIRST).texts()[0].body.clone();
    assert!(text.starts_with("HIGH: Automation nightly report failed (openclaw)."), "{text}");
    assert_eq!(fleet.post_to("openclaw/tool", TOOL_KEY, run(2, "error")).await.0, 200);
    assert_eq!(fleet.post_to("openclaw/tool", TOOL_KEY, run(3, "ok")).await.0, 202);
    fleet.only_run("resolved").await;
    assert_eq!(fleet.sim.report().accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_adapter_makes_is_configured() {
    let configured = format!(
        "{SOURCES}[source.alertmanager]\nper = \"alert\"\n\
         [source.alertmanager.fields]\ntitle = \"{{{{ labels.instance }}}}\"\nteam = \"x\"\n"
    );
    let fleet = start(&configured).await;
    let check = fleet.json(&["check"]);
    let warnings = check["warnings"].to_string();
    assert!(warnings.contains("declares the field \\\"team\\\"; it is left out"), "{warnings}");
    let (status, answer) = fleet.post_to("alertmanager/tool", TOOL_KEY, FIRING).await;
    assert_eq!((status, &answer["accepted"]), (202, &json!(3)), "{answer}");
    fleet.wait_for_texts(3).await;
    let mut said: Vec<_> = fleet.sim.phone(FIRST).texts().into_iter().map(|text| text.body).collect();
    said.sort();
    let begins = |text: &String, title: &str| text.starts_with(&format!("CRITICAL: {title} (node)."));
    assert!(
        said.iter().zip(["db-1:9100", "db-2:9100", "db-3:9100"]).all(|(text, title)| begins(text, title)),
        "{said:?}"
    );
    let runs = fleet.json(&["runs", "list", "--subject", "809b3c34abfad031"]);
    assert_eq!(runs.as_array().map(Vec::len), Some(1), "{runs}");
}
