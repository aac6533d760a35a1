//! Too much at once, and a provider in trouble: rate limits, the circuit breaker, and their metrics.

use serde_json::{Value, json};
use twilio_sim::{FaultPlan, Status, View};

use crate::{
    after_outage::page_after_an_outage,
    harness::{Fleet, KEY, event, run_of},
};

fn phone(index: usize) -> String {
    format!("+1415556{index:04}")
}

async fn post_notes(fleet: &Fleet, count: usize) {
    let note = |index: usize| {
        let id = format!("n-{index}");
        event("note.created", &id, &id, json!({"text": id, "phone": phone(index)}))
    };
    let notes = Value::Array((0..count).map(note).collect());
    let (status, answer) = fleet.post(KEY, "application/cloudevents-batch+json", notes.to_string()).await;
    assert_eq!(status, 202, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_keeps_its_rate_limit() {
    const TEXTS: usize = 9;
    let fleet = Fleet::start_with(&[("[twilio]\n", "[twilio]\nsegments_per_second = 3\n")]).await;
    post_notes(&fleet, TEXTS).await;
    fleet.wait_until(|view| view.with_status(Status::Delivered) == TEXTS as u64).await;
    let mut sent: Vec<_> = (0..TEXTS).map(|index| fleet.sim.phone(phone(index)).texts()[0].at).collect();
    sent.sort();
    // Three may go at once; the last of the other six may go two seconds later.
    let lasted = sent[TEXTS - 1].duration_since(sent[0]).as_millis();
    assert!(lasted >= 1_900, "{lasted} ms");
    let timelines: Vec<String> = (0..TEXTS)
        .map(|index| format!("n-{index}"))
        .map(|id| fleet.json(&["runs", "show", &run_of(&id, "note", &id)])["timeline"].to_string())
        .collect();
    let waited = timelines.iter().filter(|timeline| timeline.contains("pace.sender")).count();
    assert!((1..=TEXTS - 3).contains(&waited), "{waited} texts waited: {timelines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_in_trouble_gets_no_work_until_it_answers_and_nothing_is_lost() {
    // The retry budget delays none of so few.
    const TEXTS: usize = domain::limits::RETRIES_ALWAYS as usize / 2;
    let fleet = Fleet::start().await;
    fleet.sim.set_faults(FaultPlan { rate_429: 1.0, ..FaultPlan::default() }).unwrap();
    post_notes(&fleet, TEXTS).await;
    fleet.metrics_with(0, &["callout_sending_stopped 1"]).await;
    fleet.sim.set_faults(FaultPlan::default()).unwrap();
    fleet.wait_until(|view| view.with_status(Status::Delivered) == TEXTS as u64).await;
    let report = fleet.sim.report();
    assert_eq!((report.accepted, report.duplicates_total), (TEXTS as u64, 0));
    let expected = [
        "callout_sending_stopped 0",
        "callout_in_flight_max 80",
        "callout_statuses_total{status=\"delivered\"}",
    ];
    fleet.metrics_with(0, &expected).await;
}

/// A few at once would take minutes for so many if each waited for the provider to be tried.
#[tokio::test(flavor = "multi_thread")]
async fn a7_a_page_does_not_wait_behind_events_that_send_nothing() {
    let fleet = Fleet::start().await;
    let waited = page_after_an_outage(&fleet, &[0], 600).await;
    println!("from the provider's return to the page: {} ms", waited.as_millis());
}

/// The quota of the source `test`: one event a second, ten at once. `narrow` is another source.
const SMALL_SHARE: (&str, &str) = ("name = \"test\"\n", "name = \"test\"\nevents_per_second = 1\n");
const OTHER: &str = "+14155580001";

/// Floods as `test`, then sends one note as `narrow`. Returns how many texts were sent when that of `narrow` was.
async fn sent_before_the_other(fleet: &Fleet, flood: usize) -> u64 {
    post_notes(fleet, 10).await;
    let note = |index: usize| {
        let id = format!("flood-{index}");
        event("note.created", &id, &id, json!({"text": id, "phone": phone(index)}))
    };
    let flood: Vec<_> = (0..flood).map(note).collect();
    for batch in flood.chunks(500) {
        let body = Value::Array(batch.to_vec()).to_string();
        let (status, answer) = fleet.post(KEY, "application/cloudevents-batch+json", body).await;
        assert_eq!(status, 202, "{answer}");
    }
    let mut other = event("note.created", "o-1", "o-1", json!({"text": "hello", "phone": OTHER}));
    other["source"] = "narrow".into();
    let (status, answer) = fleet.post("narrow-key", "application/cloudevents+json", other.to_string()).await;
    assert_eq!(status, 202, "{answer}");
    fleet.wait_until(|view: &View<'_>| !view.texts(OTHER).is_empty()).await;
    fleet.sim.report().accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_source_does_not_use_up_the_rate_limit_of_another() {
    const FLOOD: usize = 300;
    let fleet =
        Fleet::start_with(&[("[twilio]\n", "[twilio]\nsegments_per_second = 20\n"), SMALL_SHARE]).await;
    let sent = sent_before_the_other(&fleet, FLOOD).await;
    assert!(sent < FLOOD as u64 / 2, "{sent} of the flood went first");
    let run = fleet.json(&["runs", "show", &run_of("flood-0", "note", "flood-0")]);
    assert!(run["timeline"].to_string().contains("lane_lowered"), "{run}");
    assert!(fleet.metrics(0).await.contains(&format!("callout_beyond_share_total {FLOOD}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_source_takes_no_permit_from_another() {
    const FLOOD: usize = 1_500;
    let few = ("answer_max = \"1s\"\n", "answer_max = \"1s\"\nin_flight_max = 8\n");
    let fleet = Fleet::start_with(&[few, SMALL_SHARE]).await;
    fleet.sim.set_faults(FaultPlan { latency_ms: 20, ..FaultPlan::default() }).unwrap();
    let sent = sent_before_the_other(&fleet, FLOOD).await;
    assert!(sent < FLOOD as u64 / 2, "{sent} of the flood went first");
}
