//! Replies of recipients.

use serde_json::json;

use crate::harness::{FIRST, Fleet, SECOND, event, run_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_with_the_code_acknowledges_and_one_with_another_does_not() {
    let fleet = Fleet::start().await;
    fleet.event(&event("page.created", "p-1", "db", json!({"text": "Down"}))).await;
    fleet.wait_until(|view| !view.texts(FIRST).is_empty()).await;
    let text = fleet.sim.phone(FIRST).texts()[0].body.clone();
    let code = text.rsplit(' ').next().unwrap().to_owned();

    fleet.sim.phone(SECOND).send("+15005550006", &format!("ACK {code}")).await.unwrap();
    fleet.sim.phone(FIRST).reply("what is this about").await.unwrap();
    let id = run_of("p-1", "page", "db");
    assert_eq!(
        fleet.json(&["runs", "show", &id])["phase"],
        "active",
        "the code is bound to the phone it was sent to"
    );

    fleet.sim.phone(FIRST).reply(&format!("ack {}.", code.to_lowercase())).await.unwrap();
    assert_eq!(
        fleet.json(&["runs", "show", &id])["phase"],
        "acknowledged",
        "the answer waits for it to be stored"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_stop_nothing_is_sent_until_start() {
    let fleet = Fleet::start().await;
    let phone = fleet.sim.phone("+14155550130");
    let note = |id: &str| event("note.created", id, id, json!({"text": id, "phone": "+14155550130"}));
    fleet.event(&note("one")).await;
    fleet.wait_until(|view| view.texts("+14155550130").len() == 1).await;

    phone.reply("Stop").await.unwrap();
    fleet.event(&note("two")).await;
    let run = fleet.run_until(&run_of("two", "note", "two"), |run| run["phase"] == "suppressed").await;
    assert_eq!(run["messages"][0]["reason"], "consent.opted_out");

    phone.reply("START").await.unwrap();
    fleet.event(&note("three")).await;
    fleet.run_until(&run_of("three", "note", "three"), |run| run["phase"] == "completed").await;
    assert_eq!(fleet.sim.report().accepted, 2);
}
