//! What follows when the provider does not report, or could not deliver: polls, second attempts, an operator's answer.

use serde_json::json;
use twilio_sim::{Behaviour, FaultKind, FaultPlan, Status};

use crate::harness::{Fleet, event, run_of};

const PHONE: &str = "+14155550120";

fn note(kind: &str) -> serde_json::Value {
    event(kind, "n-1", "s", json!({"text": "Hello", "phone": PHONE}))
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_whose_callbacks_were_all_lost_are_asked_for() {
    let fleet = Fleet::start().await;
    fleet.sim.set_faults(FaultPlan { rate_callback_lost: 1.0, ..FaultPlan::default() }).unwrap();
    fleet.event(&note("note.created")).await;
    let run = fleet.run_until(&run_of("n-1", "note", "s"), |run| run["phase"] == "completed").await;
    assert_eq!(run["messages"][0]["status"], "delivered");
    let asked = |line: &serde_json::Value| line["what"]["what"] == "status_asked";
    assert_eq!(run["timeline"].as_array().unwrap().iter().filter(|line| asked(line)).count(), 1, "{run}");
    assert!(fleet.sim.report().callbacks.lost >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_was_off_is_tried_again_where_nobody_else_is_notified() {
    let fleet = Fleet::start().await;
    fleet.sim.phone(PHONE).set(Behaviour::Off);
    fleet.event(&note("note.created")).await;
    let id = run_of("n-1", "note", "s");
    fleet.wait_until(|view| view.with_status(Status::Undelivered) >= 1).await;
    fleet.sim.phone(PHONE).set(Behaviour::On);
    let run = fleet.run_until(&id, |run| run["phase"] == "completed").await;
    assert!(run["messages"][0]["attempts"].as_u64() >= Some(2), "{run}");
    let report = fleet.sim.report();
    assert_eq!(report.duplicates_total, 0, "each attempt followed a failure: {report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_held_texts_of_a_workflow_are_settled_at_once_after_a_preview() {
    let fleet = Fleet::start().await;
    fleet.sim.refuse_lists(true);
    let ids = ["n-1", "n-2", "n-3"];
    for id in ids {
        fleet.sim.inject(FaultKind::Unavailable);
        fleet.event(&event("held.created", id, "s", json!({"text": id, "phone": PHONE}))).await;
        fleet.run_until(&run_of(id, "held", "s"), |run| run["messages"][0]["status"] == "held").await;
    }
    let settle = |more: &[&str]| {
        let args = [&["runs", "settle", "--all", "--workflow", "held", "--not-sent"], more].concat();
        fleet.run(&args)
    };
    assert_eq!(settle(&[]).status.code(), Some(4), "without --yes nothing is done");
    let preview = String::from_utf8(settle(&["--dry-run"]).stdout).unwrap();
    assert_eq!(preview.matches("would be recorded as not sent").count(), 3, "{preview}");
    assert!(!preview.contains(PHONE), "{preview}");
    let other = fleet.json(&["runs", "settle", "--all", "--workflow", "page", "--not-sent", "--yes"]);
    assert_eq!(other, json!([]));
    assert_eq!(fleet.sim.report().accepted, 0);

    fleet.sim.refuse_lists(false);
    let done = settle(&["--yes", "--rate", "1000", "--output", "json"]);
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    for id in ids {
        fleet.run_until(&run_of(id, "held", "s"), |run| run["phase"] == "completed").await;
    }
    assert_eq!(fleet.json(&["runs", "list", "--held"]), json!([]));
    assert_eq!(fleet.sim.report().accepted, 3);
    for wrong in [&["--all"][..], &["--all", "--sent", "--not-sent"], &["--not-sent"]] {
        let output = fleet.run(&[&["runs", "settle"], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_in_lasting_doubt_is_held_until_an_operator_settles_it() {
    let fleet = Fleet::start().await;
    fleet.sim.inject(FaultKind::Unavailable);
    fleet.sim.refuse_lists(true);
    fleet.event(&note("held.created")).await;
    let id = run_of("n-1", "held", "s");
    fleet.run_until(&id, |run| run["messages"][0]["status"] == "held").await;
    let held = fleet.json(&["runs", "list", "--held"]);
    assert_eq!(held[0]["id"], id.as_str());
    let wrong = fleet.run(&["runs", "settle", &id, "not-sent", "--message", "2"]);
    assert_eq!(wrong.status.code(), Some(3), "{}", String::from_utf8_lossy(&wrong.stderr));

    fleet.json(&["runs", "settle", &id, "not-sent", "--by", "Ada"]);
    let run = fleet.run_until(&id, |run| run["phase"] == "completed").await;
    assert_eq!(run["messages"][0]["attempts"], 2);
    assert!(run["timeline"].to_string().contains("Ada says that it was not sent"), "{run}");
    assert_eq!(fleet.json(&["runs", "list", "--held"]), json!([]));
    assert_eq!(fleet.run(&["runs", "settle", &id, "sent"]).status.code(), Some(3), "it is settled once");
    assert_eq!(fleet.sim.report().accepted, 1);
}
