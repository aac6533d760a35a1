//! `[canary]` while callout runs. In: a phone that gets them, and originators. Out: one text of each, and what status says.

use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, Layout};

/// So long that no test sees the next slot, unless it runs on a Thursday at midnight.
const CANARY: &str = "[canary]\nevery = \"7d\"\nto = \"first\"\n";

fn canaries(fleet: &Fleet) -> usize {
    let is_canary = |body: &str| body.starts_with("TEST from callout: canary");
    fleet.sim.phone(FIRST).texts().iter().filter(|text| is_canary(&text.body)).count()
}

/// The canaries of the status, once there are any.
async fn shown(fleet: &Fleet) -> Vec<Value> {
    let run = fleet.json(&["runs", "list", "--workflow", "callout.canary"])[0]["id"].clone();
    fleet.run_until(run.as_str().unwrap(), |run| run["phase"] != "active").await;
    let status = fleet.run(&["status", "--output", "json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    status["status"]["canaries"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_is_sent_once_in_its_slot_and_a_restart_sends_no_other() {
    let mut fleet =
        Fleet::start_layout(Layout { roles: &[&[]], settings: CANARY, ..Layout::default() }).await;
    fleet.wait_until(|view| !view.texts(FIRST).is_empty()).await;
    let canary = shown(&fleet).await;
    assert_eq!((canary.len(), &canary[0]["failures"]), (1, &json!(0)), "{canary:?}");
    assert!(canary[0]["delivery_ms"].is_number() && canary[0]["last_success"].is_string(), "{canary:?}");
    let text = String::from_utf8(fleet.run(&["status"]).stdout).unwrap();
    assert!(text.contains("canary from default") && text.contains("arrived"), "{text}");
    let arrived = "callout_canaries_total{originator=\"default\",result=\"arrived\"} 1";
    fleet.metrics_with(0, &["callout_canary_failures{originator=\"default\"} 0", arrived]).await;
    fleet.kill();
    fleet.serve().await;
    // A page that comes after it has gone the same way.
    let page = fleet.json(&["test-page", "first", "--no-reply"]);
    assert_eq!((&page["arrived"], canaries(&fleet)), (&json!(true), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_begins_and_ends_canaries() {
    let fleet = Fleet::start().await;
    let file = fleet.folder.path().join("callout.toml");
    let without = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{without}\n{CANARY}")).unwrap();
    assert_eq!(fleet.json(&["reload"]), json!({"changed": ["[canary]"], "needs_restart": []}));
    fleet.wait_until(|view| !view.texts(FIRST).is_empty()).await;
    assert_eq!(shown(&fleet).await.len(), 1);
    std::fs::write(&file, without).unwrap();
    assert_eq!(fleet.json(&["reload"]), json!({"changed": ["[canary]"], "needs_restart": []}));
    assert_eq!(shown(&fleet).await.len(), 0);
}
