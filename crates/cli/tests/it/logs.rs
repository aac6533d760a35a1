//! The log of one process: what it says of an event from its opening to its end, and of events that were not taken.

use serde_json::{Value, json};
use twilio_sim::{Behaviour, Status};

use crate::harness::{FIRST, Fleet, KEY, Layout, SECOND, event, run_of};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The lines that say this.
fn lines(fleet: &Fleet, message: &str) -> Vec<Value> {
    let log = std::fs::read_to_string(fleet.log()).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["message"] == message).collect()
}

fn has(line: &Value, fields: &Value) {
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name} of {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_reaches_nobody_is_told_from_its_opening_to_an_error() {
    let env = vec![("CALLOUT_RECIPIENT_KEY".to_owned(), "0123456789abcdef0123456789abcdef".to_owned())];
    let fleet = Fleet::start_layout(Layout { roles: &[&[]], env, ..Layout::default() }).await;
    fleet.sim.phone(FIRST).set(Behaviour::Off);
    let mut page = event("quick.created", "q-1", "db", json!({"text": "Down"}));
    page["traceparent"] = format!("00-{TRACE}-b7ad6b7169203331-01").into();
    assert_eq!(fleet.event(&page).await, 202);
    let id = run_of("q-1", "quick", "db");
    fleet.run_until(&id, |run| run["phase"] == "exhausted").await;
    let of_run = json!({"run.id": id, "trace.id": TRACE, "event.source": "test", "event.id": "q-1",
                        "workflow": "quick"});

    let opened = lines(&fleet, "run opened");
    assert_eq!(opened.len(), 1);
    has(&opened[0], &of_run);
    has(&opened[0], &json!({"level": "INFO", "event.type": "quick.created", "lane": "critical"}));
    let escalated = lines(&fleet, "run escalated: a step ended without success");
    assert_eq!(escalated.iter().map(|line| &line["step"]).collect::<Vec<_>>(), [1, 2]);
    escalated.iter().for_each(|line| has(line, &of_run));
    let finals = lines(&fleet, "message is final");
    assert_eq!(finals.len(), 2, "{finals:?}");
    for (line, recipient, status) in [(&finals[0], FIRST, "undelivered"), (&finals[1], SECOND, "delivered")] {
        has(line, &of_run);
        let masked = format!("+1…{}", &recipient[recipient.len() - 2..]);
        has(line, &json!({"message.recipient": masked, "message.attempts": 1, "message.status": status}));
        assert!(line["message.sid"].as_str().unwrap().starts_with("SM"), "{line}");
        assert!(line["message.recipient_hash"].as_str().is_some_and(|hash| hash.len() > 8), "{line}");
    }
    let ended = lines(&fleet, "run ended: nobody was reached");
    assert_eq!(ended.len(), 1);
    has(&ended[0], &of_run);
    has(&ended[0], &json!({"level": "ERROR", "phase": "exhausted", "delivered": 1, "ticket": "desk"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_sent_again_after_a_failed_delivery_is_final_once() {
    let fleet = Fleet::start().await;
    fleet.sim.phone(FIRST).set(Behaviour::Off);
    fleet.event(&event("note.created", "n-1", "s", json!({"text": "Hello", "phone": FIRST}))).await;
    fleet.wait_until(|view| view.with_status(Status::Undelivered) >= 1).await;
    fleet.sim.phone(FIRST).set(Behaviour::On);
    fleet.run_until(&run_of("n-1", "note", "s"), |run| run["phase"] == "completed").await;
    let finals = lines(&fleet, "message is final");
    assert_eq!(finals.len(), 1, "{finals:?}");
    has(&finals[0], &json!({"message.status": "delivered"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_not_taken_are_told_with_their_source_ids_and_fields() {
    let fleet = Fleet::start().await;
    let wrong = |id: &str| event("note.created", id, id, json!({"text": 7, "phone": "4155550120"}));
    let batch = json!([wrong("n-1"), wrong("n-2 for +14155550120")]);
    let answer = fleet.post(KEY, "application/cloudevents-batch+json", batch.to_string()).await;
    assert_eq!(answer.0, 400, "{answer:?}");
    assert_eq!(fleet.post("wrong", "application/cloudevents-batch+json", batch.to_string()).await.0, 401);
    let refused = lines(&fleet, "events were not taken");
    assert_eq!(refused.len(), 2, "{refused:?}");
    has(
        &refused[0],
        &json!({"status": 400, "event.source": "test", "event.id": "n-1 n-2 for +1…20",
                "pointers": "/0/data/text /1/data/text"}),
    );
    assert_eq!((&refused[1]["status"], &refused[1]["event.source"]), (&json!(401), &Value::Null));
}
