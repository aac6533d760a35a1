//! A page after an outage of the provider, behind events that send nothing. In: a deployment. Out: how long it waited.
//!
//! Never: measures against a limit: each idle event that cost a probe would take longer than any wait here.

use std::time::Duration;

use ports::{Clock as _, SystemClock};
use serde_json::{Value, json};
use twilio_sim::FaultPlan;

use crate::harness::{FIRST, Fleet, KEY, event, run_of};

/// The provider is in trouble, the processes at these places have stopped sending, and nothing is left to be sent.
/// Then come so many events that send nothing, and a page to [`FIRST`] after them; then the provider returns.
/// Returns how long the page waited from then on.
pub(crate) async fn page_after_an_outage(fleet: &Fleet, senders: &[usize], idle_events: usize) -> Duration {
    const NOTES: usize = 40;
    fleet.sim.set_faults(FaultPlan { rate_429: 1.0, ..FaultPlan::default() }).unwrap();
    let note = |index: usize| {
        let id = format!("n-{index}");
        event("note.created", &id, &id, json!({"text": id, "phone": format!("+1415559{index:04}")}))
    };
    batch(fleet, (0..NOTES).map(note).collect()).await;
    for sender in senders {
        fleet.metrics_with(*sender, &["callout_sending_stopped 1"]).await;
    }
    for index in 0..NOTES {
        let id = format!("n-{index}");
        let run = fleet.run_until(&run_of(&id, "note", &id), |run| !run.is_null()).await;
        fleet.json(&["runs", "cancel", run["id"].as_str().unwrap()]);
    }
    let idle = |index: usize| event("page.resolved", &format!("r-{index}"), &format!("s-{index}"), json!({}));
    for first in (0..idle_events).step_by(500) {
        batch(fleet, (first..idle_events.min(first + 500)).map(idle).collect()).await;
    }
    fleet.event(&event("page.created", "p-1", "db", json!({"text": "Down"}))).await;
    fleet.sim.set_faults(FaultPlan::default()).unwrap();
    let returned = SystemClock.now();
    fleet.wait_until(|view| !view.texts(FIRST).is_empty()).await;
    let sent_at = fleet.sim.phone(FIRST).texts()[0].at;
    sent_at.duration_since(returned).unsigned_abs()
}

async fn batch(fleet: &Fleet, events: Vec<Value>) {
    let body = Value::Array(events).to_string();
    let (status, answer) = fleet.post(KEY, "application/cloudevents-batch+json", body).await;
    assert_eq!(status, 202, "{answer}");
}
