//! A fleet whose processes are replaced while events come in. In: this binary, and another one where `cargo xtask
//! upgrade-test` names one. Out: each process replaced, one after the other, and back again; one text for each event.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::json;

use crate::{
    ROLES, fleet,
    harness::{FIRST, Fleet, event, run_of},
};

/// Names the other binary; without it this one replaces itself, as after a change of its environment.
const OTHER: &str = "CALLOUT_TEST_OTHER_BINARY";

fn number(index: usize) -> String {
    format!("+1415553{index:04}")
}

/// Sends a note every few milliseconds until it is told to stop. An event that is not answered is sent again.
async fn send_notes(client: reqwest::Client, url: String, stop: Arc<AtomicBool>, sent: Arc<AtomicUsize>) {
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(20));
    while !stop.load(Ordering::Relaxed) {
        let index = sent.load(Ordering::Relaxed);
        let id = format!("n-{index}");
        let note = event("note.created", &id, &id, json!({"text": id, "phone": number(index)}));
        let request = client.post(&url).bearer_auth(crate::harness::KEY);
        let answer =
            request.header("content-type", "application/cloudevents+json").body(note.to_string()).send();
        if answer.await.is_ok_and(|answer| answer.status().is_success()) {
            sent.store(index + 1, Ordering::Relaxed);
        }
        pace.tick().await;
    }
}

async fn replace_all(fleet: &mut Fleet, binary: &str, sent: &AtomicUsize) {
    for process in 0..ROLES.len() {
        let before = sent.load(Ordering::Relaxed);
        fleet.replace(process, binary).await;
        // Some work is done with each mixture.
        fleet.wait_until(|view| view.accepted() as usize >= before + 20).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_are_replaced_one_after_the_other_and_no_text_is_lost_or_doubled() {
    let this = env!("CARGO_BIN_EXE_callout");
    #[expect(clippy::disallowed_methods, reason = "tests have no configuration but their environment")]
    let other = std::env::var(OTHER).unwrap_or_else(|_| this.to_owned());
    let mut fleet = fleet("upgraded").await;
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    // Begins with the other release: everything of this one is replaced before the first event.
    for process in 0..ROLES.len() {
        fleet.replace(process, &other).await;
    }
    let url = format!("{}/v1/events", fleet.url);
    let sending = tokio::spawn(send_notes(fleet.client.clone(), url, stop.clone(), sent.clone()));
    let page = event("page.created", "p-1", "db", json!({"text": "Down"}));
    assert_eq!(fleet.event(&page).await, 202);
    fleet.wait_until(|view| !view.texts(FIRST).is_empty()).await;
    replace_all(&mut fleet, this, &sent).await;
    let versions = fleet.json(&["status"]);
    assert_eq!(versions["is_well"], true, "{versions}");
    replace_all(&mut fleet, &other, &sent).await;
    replace_all(&mut fleet, this, &sent).await;
    stop.store(true, Ordering::Relaxed);
    sending.await.unwrap();

    // A run that the other release opened is acknowledged by reply to this one.
    let text = fleet.sim.phone(FIRST).texts()[0].body.clone();
    let code = text.rsplit(' ').next().unwrap().to_owned();
    fleet.sim.phone(FIRST).reply(&format!("ACK {code}")).await.unwrap();
    fleet.run_until(&run_of("p-1", "page", "db"), |run| run["phase"] == "acknowledged").await;
    let sent = sent.load(Ordering::Relaxed);
    fleet.wait_until(|view| (0..sent).all(|index| !view.texts(&number(index)).is_empty())).await;
    fleet.audit_once_settled().await;
    let report = fleet.sim.report();
    assert_eq!(report.duplicates_total, 0, "{report:?}");
    assert!(fleet.run(&["audit"]).status.success());
    println!("{sent} events, {} replacements, {} texts doubled", 4 * ROLES.len(), report.duplicates_total);
}
