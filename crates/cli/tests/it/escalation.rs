//! Workflows that say more of how they escalate than a list of steps.
//!
//! In: pages, receipts and replies. Out: who is texted, across a process that is killed.

use serde_json::{Value, json};
use twilio_sim::Behaviour;

use crate::harness::{FIRST, Fleet, Layout, PAGE, SECOND, event, run_of};

/// The second person's other number.
const OTHER: &str = "+14155550119";

/// `PAGE` under another name and with other words.
fn page(name: &str, replaced: &[(&str, &str)]) -> (String, String) {
    let mut text = PAGE.replace("page.", &format!("{name}."));
    for (old, new) in replaced {
        assert!(text.contains(old), "{old} is not in {text}");
        text = text.replacen(old, new, 1);
    }
    (format!("workflows/{name}.toml"), text)
}

async fn started(workflows: &[(String, String)], more: &str) -> Fleet {
    let mut files: Vec<(&str, String)> =
        workflows.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    files.push(("contacts.toml", more.to_owned()));
    Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await
}

async fn said(fleet: &Fleet, number: &str, count: usize) -> String {
    fleet.wait_until(|view| view.texts(number).len() >= count).await;
    let texts = fleet.sim.phone(number).texts();
    texts.into_iter().next_back().unwrap().body
}

/// The code at the end of a page.
fn code_of(page: &str) -> String {
    page.rsplit(' ').next().unwrap().to_owned()
}

fn lines(run: &Value) -> Vec<String> {
    let timeline = run["timeline"].as_array().unwrap();
    timeline.iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_that_expires_pages_again_although_the_process_was_killed() {
    let expiring = ("resolved_by", "ack_expires = \"2s\"\nnot_after = \"3m\"\nresolved_by");
    let mut fleet = started(&[page("open", &[expiring])], "").await;
    fleet.event(&event("open.created", "o-1", "db", json!({"text": "Down"}))).await;
    let code = code_of(&said(&fleet, FIRST, 1).await);
    let id = run_of("o-1", "open", "db");
    fleet.sim.phone(FIRST).reply(&format!("ACK {code}")).await.unwrap();
    fleet.kill();
    fleet.serve().await;
    fleet
        .wait_until(|view| view.texts(FIRST).iter().any(|text| text.body.starts_with("Still open: Down. ")))
        .await;
    let run = fleet.run_until(&id, |run| run["phase"] == "active").await;
    let again = "not resolved since it was acknowledged: paging again from step 1";
    assert!(lines(&run).iter().any(|line| line == again), "{:#?}", lines(&run));
    fleet.event(&event("open.resolved", "o-2", "db", json!({}))).await;
    let run = fleet.run_until(&id, |run| run["phase"] == "resolved").await;
    assert_eq!(run["ack_expires_at"], Value::Null);
    assert_eq!(fleet.json(&["audit", "--max", "1"])["forgotten"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_paged_hands_the_run_on_by_reply_and_an_operator_by_command() {
    let fleet = started(&[], "").await;
    fleet.event(&event("page.created", "p-1", "db-1", json!({"text": "Down"}))).await;
    let code = code_of(&said(&fleet, FIRST, 1).await);
    let id = run_of("p-1", "page", "db-1");
    fleet.sim.phone(FIRST).reply(&format!("ACK {code}")).await.unwrap();
    fleet.run_until(&id, |run| run["phase"] == "acknowledged").await;
    fleet.sim.phone(FIRST).reply(&format!("esc {code}")).await.unwrap();
    let second = code_of(&said(&fleet, SECOND, 1).await);
    let run = fleet.run_until(&id, |run| run["phase"] == "active" && run["step"] == 2).await;
    assert!(lines(&run).iter().any(|line| line == "step 1 is over: handed over by first"), "{run:#}");
    fleet
        .wait_until(|view| {
            let answer = "Handed over: db-1. The next step is paged.";
            view.texts(FIRST).iter().any(|text| text.body == answer)
        })
        .await;
    // Taken, and handed on by an operator: nobody follows, so that it needs its ticket.
    fleet.sim.phone(SECOND).reply(&format!("ACK {second}")).await.unwrap();
    fleet.run_until(&id, |run| run["phase"] == "acknowledged").await;
    assert!(fleet.run(&["runs", "escalate", &id]).status.success());
    let run = fleet.run_until(&id, |run| run["phase"] == "exhausted").await;
    assert!(lines(&run).iter().any(|line| line.starts_with("step 2 is over: escalated by ")), "{run:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_awaited_and_each_is_reached_by_their_next_number() {
    let gone = "+14155550118";
    let both = [
        ("[\"contact:first\"]", "[\"contact:first\", \"contact:third\"]"),
        ("deliver_within = \"1h\"\nack_within = \"1h\"", "ack_within = \"1h\"\nacknowledged_by = \"all\""),
    ];
    let more = format!("[third]\nnumbers = [\"{gone}\", \"{OTHER}\"]\ntime_zone = \"UTC\"\n");
    let fleet = started(&[page("crew", &both)], &more).await;
    fleet.sim.phone(gone).set(Behaviour::Off);
    fleet.event(&event("crew.created", "c-1", "db-1", json!({"text": "Down"}))).await;
    let id = run_of("c-1", "crew", "db-1");
    let first = code_of(&said(&fleet, FIRST, 1).await);
    let third = code_of(&said(&fleet, OTHER, 1).await);
    fleet.sim.phone(FIRST).reply(&format!("ACK {first}")).await.unwrap();
    fleet
        .wait_until(|view| {
            let answer = "Noted: db-1. Still waiting for third.";
            view.texts(FIRST).iter().any(|text| text.body == answer)
        })
        .await;
    let run = fleet.json(&["runs", "show", &id]);
    assert_eq!((&run["phase"], &run["step"]), (&json!("active"), &json!(1)), "{run:#}");
    let partly = "acknowledged by first (reply); still awaited: third";
    assert!(lines(&run).iter().any(|line| line == partly), "{:#?}", lines(&run));
    fleet.sim.phone(OTHER).reply(&format!("ack {third}")).await.unwrap();
    let run = fleet.run_until(&id, |run| run["phase"] == "acknowledged").await;
    let next = "text 2 was not delivered: it goes to the next number of third";
    assert!(lines(&run).iter().any(|line| line == next), "{:#?}", lines(&run));
    assert_eq!(fleet.sim.phone(SECOND).texts().len(), 0);
}
