//! `callout workflows` and `callout events export`. In: runs whose texts arrive, and do not. Out: figures, a promotion, and
//! the events again.

use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, Layout, event, run_of};

const TRIED: &str = r#"
event = "tried.created"
# Since May.
stage = "shadow"
template = "{{ text }}"
[schema]
type = "object"
required = ["text", "phone"]
properties = { text = { type = "string" }, phone = { type = "string" } }
[[step]]
notify = ["field:phone"]
deliver_within = "1h"
"#;

async fn open(fleet: &Fleet, kind: &str, id: &str) {
    fleet.event(&event(&format!("{kind}.created"), id, id, json!({"text": "Hello", "phone": FIRST}))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_promoted_once_nothing_stands_in_its_way() {
    let files = vec![("workflows/tried.toml", TRIED.to_owned())];
    let fleet = Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await;
    open(&fleet, "tried", "t-0").await;
    fleet.run_until(&run_of("t-0", "tried", "t-0"), |run| run["phase"] == "suppressed").await;
    let figures = fleet.json(&["workflows", "status", "tried"]);
    assert_eq!((&figures[0]["runs"], &figures[0]["next_stage"]), (&json!(1), &json!("canary")), "{figures}");
    let obstacles = figures[0]["obstacles"].as_array().unwrap();
    assert!(obstacles[0].as_str().unwrap().starts_with("1 run was opened"), "{figures}");

    let file = fleet.folder.path().join("workflows/tried.toml");
    let promote = |more: &[&str]| {
        let output = fleet.run(&[&["workflows", "promote", "tried", "--percent", "100"], more].concat());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = promote(&["--yes"]);
    assert!(code == Some(4) && said.contains("before canary: 1 run") && said.contains("--anyway"), "{said}");
    for n in 1..10 {
        open(&fleet, "tried", &format!("t-{n}")).await;
    }
    fleet.run_until(&run_of("t-9", "tried", "t-9"), |run| run["phase"] == "suppressed").await;
    let (code, said) = promote(&[]);
    assert!(code == Some(4) && said.contains("tried.toml:4 would say stage = \"canary\""), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), TRIED);
    let (code, said) = promote(&["--yes"]);
    assert_eq!(code, Some(0), "{said}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, TRIED.replace("\"shadow\"", "\"canary\"") + "\n[canary]\npercent = 100\n");
    assert_eq!(fleet.run(&["reload"]).status.code(), Some(0));

    // From now on it texts; receipts decide about what comes next.
    open(&fleet, "tried", "t-10").await;
    fleet.run_until(&run_of("t-10", "tried", "t-10"), |run| run["phase"] == "completed").await;
    let figures = fleet.json(&["workflows", "status", "tried"]);
    let tried = &figures[0];
    assert_eq!((&tried["stage"], &tried["delivered"]), (&json!("canary"), &json!(1)), "{tried}");
    assert_eq!(tried["suppressed"]["stage.shadow"], json!(10), "{tried}");
    assert_eq!(tried["to_delivered"]["count"], json!(1), "{tried}");
    let shown = String::from_utf8(fleet.run(&["workflows", "status"]).stdout).unwrap();
    for part in ["tried  canary", "1 text sent, 1 delivered (100 %)", "receipts of 1 text came", "page  live"]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert_eq!(fleet.run(&["workflows", "status", "nothing"]).status.code(), Some(3));
    assert_eq!(fleet.run(&["workflows", "promote", "page", "--yes"]).status.code(), Some(2), "live already");
}

/// What was exported is what a simulation reads.
#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_runs_are_exported_for_a_simulation() {
    let fleet = Fleet::start().await;
    for id in ["e-1", "e-2"] {
        open(&fleet, "note", id).await;
        fleet.run_until(&run_of(id, "note", id), |run| run["phase"] == "completed").await;
    }
    let exported = fleet.run(&["events", "export", "--since", "1h", "--workflow", "note"]);
    assert_eq!(exported.status.code(), Some(0), "{}", String::from_utf8_lossy(&exported.stderr));
    let exported = String::from_utf8(exported.stdout).unwrap();
    let events: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["e-2", "e-1"], "{exported}");
    assert_eq!((&events[0]["type"], &events[0]["data"]["text"]), (&json!("note.created"), &json!("Hello")));
    let file = fleet.folder.path().join("events.jsonl");
    std::fs::write(&file, &exported).unwrap();
    let simulated = fleet.json(&["simulate", "--workflow", "note", "--events", file.to_str().unwrap()]);
    assert!(simulated.to_string().contains("e-1") && simulated.to_string().contains("e-2"), "{simulated}");
    assert_eq!(fleet.run(&["events", "export", "--workflow", "nothing"]).status.code(), Some(2));
}

/// What resolved a run is exported with it, so that a simulation ends the run as it ended.
#[tokio::test(flavor = "multi_thread")]
async fn what_resolved_runs_is_exported_with_its_time() {
    let fleet = Fleet::start().await;
    for (id, subject) in [("p-1", "db-1"), ("p-2", "db-2")] {
        fleet.event(&event("page.created", id, subject, json!({"text": "Down"}))).await;
    }
    fleet.event(&event("page.resolved", "r-1", "db-1", json!({}))).await;
    fleet.run_until(&run_of("p-1", "page", "db-1"), |run| run["phase"] == "resolved").await;
    let exported = fleet.run(&["events", "export", "--workflow", "page"]);
    let exported = String::from_utf8(exported.stdout).unwrap();
    let events: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let resolving: Vec<_> = events.iter().filter(|event| event["type"] == "page.resolved").collect();
    assert_eq!(resolving.len(), 1, "{exported}");
    assert_eq!((&resolving[0]["id"], &resolving[0]["subject"]), (&json!("r-1"), &json!("db-1")));
    let file = fleet.folder.path().join("events.jsonl");
    std::fs::write(&file, &exported).unwrap();
    let simulated = fleet.json(&["simulate", "--workflow", "page", "--events", file.to_str().unwrap()]);
    let phase = |id: &str| {
        let runs = simulated["runs"].as_array().unwrap();
        let run = runs.iter().find(|run| run["event_id"] == id).unwrap();
        (run["phase"].clone(), run["ended_at"].clone())
    };
    assert_eq!(phase("p-1"), (json!("resolved"), resolving[0]["time"].clone()), "{simulated}");
    assert_eq!(phase("p-2").0, "exhausted");
}
