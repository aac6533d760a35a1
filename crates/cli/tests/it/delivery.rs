//! Texts that arrive, fail, or stay unanswered.

use jiff::SignedDuration;
use ports::{Clock as _, SystemClock};
use serde_json::json;
use twilio_sim::{Behaviour, Status};

use crate::harness::{FIRST, Fleet, SECOND, event, run_of};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_becomes_a_text_that_arrives_once() {
    let fleet = Fleet::start().await;
    let note = event("note.created", "n-1", "s", json!({"text": "Hello", "phone": "+14155550120"}));
    assert_eq!(fleet.event(&note).await, 202);
    fleet.wait_until(|view| view.with_status(Status::Delivered) == 1).await;
    let run = fleet.run_until(&run_of("n-1", "note", "s"), |run| run["phase"] == "completed").await;
    assert_eq!(run["messages"][0]["status"], "delivered");
    assert_eq!(fleet.sim.phone("+14155550120").texts()[0].body, "Hello");

    assert_eq!(fleet.event(&note).await, 200, "the same event again");
    let log = std::fs::read_to_string(fleet.log()).unwrap();
    let finals: Vec<_> = log.lines().filter(|line| line.contains("message is final")).collect();
    assert_eq!(finals.len(), 1, "{log}");
    for field in [
        "\"message.sid\":\"SM",
        "\"event.id\":\"n-1\"",
        "\"message.recipient\":\"+1…20\"",
        "\"message.attempts\":1",
    ] {
        assert!(finals[0].contains(field), "{field} is not in {}", finals[0]);
    }
    assert!(
        !log.contains("+14155550120") && !log.contains("Hello"),
        "the log holds a number or a text:\n{log}"
    );
    assert_eq!(fleet.sim.report().accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undelivered_text_moves_to_the_next_person_at_once() {
    let fleet = Fleet::start().await;
    fleet.sim.phone(FIRST).set(Behaviour::Off);
    // Every deadline of this workflow is an hour away.
    fleet.event(&event("page.created", "p-1", "db", json!({"text": "Down"}))).await;
    fleet.wait_until(|view| !view.texts(SECOND).is_empty()).await;
    let run = fleet
        .run_until(&run_of("p-1", "page", "db"), |run| run["messages"][1]["status"] == "delivered")
        .await;
    assert_eq!(run["messages"][0]["status"], "undelivered");
    assert_eq!(run["messages"][0]["error_code"], 30003);
    assert_eq!(run["phase"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_moves_on_at_each_deadline_and_ends_in_a_ticket() {
    let fleet = Fleet::start().await;
    fleet.event(&event("quick.created", "q-1", "db", json!({"text": "Down"}))).await;
    let run = fleet.run_until(&run_of("q-1", "quick", "db"), |run| run["phase"] == "exhausted").await;
    assert_eq!(run["ticket"], "desk", "it is wanted, and nobody opens it");
    assert_eq!((fleet.sim.phone(FIRST).texts().len(), fleet.sim.phone(SECOND).texts().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resolving_event_ends_the_run_and_one_that_comes_first_sends_no_text() {
    let fleet = Fleet::start().await;
    fleet.event(&event("page.created", "p-1", "db", json!({"text": "Down"}))).await;
    fleet.wait_until(|view| view.accepted() == 1).await;
    fleet.event(&event("page.resolved", "r-1", "db", json!({}))).await;
    fleet.run_until(&run_of("p-1", "page", "db"), |run| run["phase"] == "resolved").await;

    // Both are recent, so that the second one is not left out because of its age.
    let resolved_at = SystemClock.now();
    let created_at = resolved_at - SignedDuration::from_secs(5);
    let mut resolving = event("page.resolved", "r-2", "web", json!({}));
    resolving["time"] = json!(resolved_at.to_string());
    fleet.event(&resolving).await;
    let mut late = event("page.created", "p-2", "web", json!({"text": "Down"}));
    late["time"] = json!(created_at.to_string());
    fleet.event(&late).await;
    let run = fleet.run_until(&run_of("p-2", "page", "web"), |run| run["phase"] != "active").await;
    assert_eq!(run["phase"], "resolved", "{run}");
    assert_eq!(fleet.sim.report().accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unanswered_send_is_found_at_the_provider_and_not_repeated() {
    let fleet = Fleet::start().await;
    fleet.sim.inject(twilio_sim::FaultKind::AcceptedNoAnswer);
    // With the callbacks lost too, asking the provider is all that is left.
    fleet.sim.set_faults(twilio_sim::FaultPlan { rate_callback_lost: 1.0, ..Default::default() }).unwrap();
    fleet.event(&event("note.created", "n-1", "s", json!({"text": "Once", "phone": "+14155550121"}))).await;
    let run = fleet.run_until(&run_of("n-1", "note", "s"), |run| run["messages"][0]["sid"].is_string()).await;
    let timeline = run["timeline"].to_string();
    assert!(
        timeline.contains("in doubt whether") && timeline.contains("doubt resolved (found)"),
        "{timeline}"
    );
    let report = fleet.sim.report();
    assert_eq!((report.accepted, report.duplicates_total, report.answer_lost), (1, 0, 1));
}
