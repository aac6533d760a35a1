//! `callout status` of a process that runs, works, and is killed. In: what an operator sees. Out: what to do first.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use serde_json::{Value, json};
use twilio_sim::{FaultKind, FaultPlan};

use crate::harness::{FIRST, Fleet, PATIENCE, event, run_of};

/// What `status` says once this holds, and its exit code.
pub(crate) async fn status_until(fleet: &Fleet, holds: impl Fn(&Value) -> bool) -> (Value, Option<i32>) {
    let mut tries = tokio::time::interval(std::time::Duration::from_millis(200));
    let asking = async {
        loop {
            tries.tick().await;
            let output = fleet.run(&["status", "--output", "json"]);
            if let Ok(report) = serde_json::from_slice::<Value>(&output.stdout)
                && holds(&report)
            {
                return (report, output.status.code());
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap()
}

/// What is found, in order.
fn findings(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| finding["what"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_is_well_until_a_text_needs_review_or_the_process_is_killed() {
    let mut fleet = Fleet::start().await;
    let (report, code) = status_until(&fleet, |report| report["is_well"] == true).await;
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["status"]["processes"][0]["roles"].as_array().unwrap().len(), 6, "{report}");
    let screen = String::from_utf8(fleet.run(&["status"]).stdout).unwrap();
    assert!(screen.starts_with("all is well (") && screen.contains("events.critical"), "{screen}");

    // Who ends in order is not missed.
    fleet.replace(0, env!("CARGO_BIN_EXE_callout")).await;
    let (report, _) = status_until(&fleet, |report| report["is_well"] == true).await;
    assert_eq!(report["status"]["processes"].as_array().unwrap().len(), 1, "{report}");

    // No answer, and no list to look it up in: a text that may have been sent.
    fleet.sim.inject(FaultKind::Unavailable);
    fleet.sim.refuse_lists(true);
    let held = event("held.created", "h-1", "h", json!({"text": "Held", "phone": FIRST}));
    assert_eq!(fleet.event(&held).await, 202);
    let needs_review = |report: &Value| report["status"]["backlog"]["needs_review"]["count"] == 1;
    let (report, code) = status_until(&fleet, needs_review).await;
    assert_eq!(code, Some(1));
    assert!(findings(&report).iter().any(|what| what.contains("may or may not have been sent")), "{report}");

    fleet.kill();
    let (report, code) =
        status_until(&fleet, |report| findings(report)[0].starts_with("no process runs")).await;
    assert_eq!(code, Some(1), "{report}");
    let screen = String::from_utf8(fleet.run(&["status"]).stdout).unwrap();
    assert!(screen.starts_with("NOT WELL (") && screen.contains("do first: no process runs"), "{screen}");
}

/// A heartbeat that the store does not take says nothing of the process that answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_takes_nothing_is_named_and_the_process_is_not_called_dead() {
    let fleet = Fleet::start().await;
    status_until(&fleet, |report| report["is_well"] == true).await;
    let database = fleet.folder.path().join("callout.db");
    std::fs::rename(&database, fleet.folder.path().join("moved.db")).unwrap();
    let is_named = |what: &String| what.contains("cannot use database");
    let (report, code) = status_until(&fleet, |report| findings(report).iter().any(is_named)).await;
    assert_eq!(code, Some(1), "{report}");
    assert!(!findings(&report).iter().any(|what| what.starts_with("no process runs")), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_reach_nobody_and_texts_that_are_not_taken_are_seen() {
    let fleet = Fleet::start().await;
    for id in ["q-1", "q-2", "q-3"] {
        assert_eq!(fleet.event(&event("quick.created", id, id, json!({"text": "Down"}))).await, 202);
        fleet.run_until(&run_of(id, "quick", id), |run| run["phase"] == "exhausted").await;
    }
    let (report, _) = status_until(&fleet, |report| report["status"]["unreached"]["runs"] == 3).await;
    let finding = report["findings"].as_array().unwrap().iter().find(|finding| {
        finding["what"].as_str().unwrap().starts_with("3 runs reached nobody within the last hour")
    });
    let last = run_of("q-3", "quick", "q-3");
    assert!(finding.unwrap()["remedy"].as_str().unwrap().contains(&last), "{report}");

    fleet.sim.set_faults(FaultPlan { rate_429: 1.0, ..FaultPlan::default() }).unwrap();
    assert_eq!(fleet.event(&event("page.created", "p-1", "p-1", json!({"text": "Down"}))).await, 202);
    let waits = |report: &Value| report["status"]["retry_waits"]["critical"]["count"] == 1;
    let (report, _) = status_until(&fleet, waits).await;
    let retry = &report["status"]["retry_waits"];
    assert_eq!((&retry["texts"]["count"], &retry["run"]), (&json!(1), &json!(run_of("p-1", "page", "p-1"))));
    assert!(retry["critical"]["since"].is_string(), "{report}");
    let screen = String::from_utf8(fleet.run(&["status"]).stdout).unwrap();
    assert!(screen.contains("texts to be sent again"), "{screen}");
}
