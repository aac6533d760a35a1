//! Replies of recipients.

use serde_json::json;

use crate::harness::{FIRST, Fleet, Layout, SECOND, event, run_of};

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

/// The code at the end of a page.
fn code_of(page: &str) -> String {
    page.rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_a_responder_is_answered_whatever_they_send() {
    let fleet = Fleet::start().await;
    let phone = fleet.sim.phone(FIRST);
    let texts = || fleet.sim.phone(FIRST).texts().into_iter().map(|text| text.body).collect::<Vec<_>>();
    // Each exchange adds one text from the phone and, as far as it is answered, one to it.
    let said = async |reply: &str| {
        let before = texts();
        phone.reply(reply).await.unwrap();
        fleet.wait_until(|view| view.texts(FIRST).len() > before.len()).await;
        texts().into_iter().find(|text| !before.contains(text)).unwrap()
    };
    let page = |id: &str, subject: &str| event("page.created", id, subject, json!({"text": "Down"}));
    fleet.event(&page("p-1", "db-1")).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let db = code_of(&texts()[0]);
    assert_eq!(said("hello").await, format!("Not understood. Reply ACK {db} to take db-1."));

    assert_eq!(said(&format!("ACK {db}")).await, "Acknowledged: db-1. You own it.");
    let again = said(&format!("ack {db}")).await;
    assert!(again.starts_with("Already acknowledged by first at "), "{again}");
    fleet.event(&event("page.resolved", "p-2", "db-1", json!({}))).await;
    fleet.run_until(&run_of("p-1", "page", "db-1"), |run| run["phase"] == "resolved").await;
    assert_eq!(said(&format!("ack {db}")).await, "Already over (resolved): db-1.");

    // Three answers at once and five an hour; a reply that acknowledges is confirmed beyond them.
    phone.reply("hello again").await.unwrap();
    let answers = fleet.json(&["runs", "list", "--workflow", "callout.answer"]);
    let held_back = |run: &serde_json::Value| run["timeline"].to_string().contains("pace.recipient");
    fleet.run_until(answers[0]["id"].as_str().unwrap(), held_back).await;
    let before = texts();
    fleet.event(&page("p-3", "api")).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == before.len() + 1).await;
    let api = code_of(&texts().into_iter().find(|text| !before.contains(text)).unwrap());
    assert_eq!(said(&format!("on it, {api}")).await, "Acknowledged: api. You own it.");
    let run = fleet.json(&["runs", "show", &run_of("p-3", "page", "api")]);
    assert!(run["timeline"].to_string().contains("gets an answer"), "{run}");
    assert_eq!(texts().len(), 7, "{:?}", texts());
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_a_word_that_could_mean_several_runs_is_answered_with_their_codes() {
    let fleet = Fleet::start().await;
    for (id, subject, texts) in [("p-1", "db-1", 1), ("p-2", "api", 2)] {
        fleet.event(&event("page.created", id, subject, json!({"text": subject}))).await;
        fleet.wait_until(|view| view.texts(FIRST).len() == texts).await;
    }
    let pages: Vec<String> = fleet.sim.phone(FIRST).texts().into_iter().map(|text| text.body).collect();
    fleet.sim.phone(FIRST).reply("ack").await.unwrap();
    fleet.wait_until(|view| view.texts(FIRST).len() == 3).await;
    let which = fleet.sim.phone(FIRST).texts().into_iter().map(|text| text.body);
    let which = which.into_iter().find(|text| text.starts_with("Which one?")).unwrap();
    for page in &pages {
        let subject = page.split('.').next().unwrap();
        assert!(which.contains(&format!("{} {subject}", code_of(page))), "{which}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_neither_machines_nor_strangers_nor_opted_out_phones_are_answered() {
    let fleet = Fleet::start().await;
    fleet.event(&event("page.created", "p-1", "db-1", json!({"text": "Down"}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let phone = fleet.sim.phone(FIRST);
    phone.reply("I am currently out of the office and will reply when I return.").await.unwrap();
    fleet.sim.phone("+14155550177").send("+15005550006", "hello").await.unwrap();
    assert_eq!(fleet.json(&["runs", "list", "--workflow", "callout.answer"]), json!([]));

    phone.reply("STOP").await.unwrap();
    phone.reply("hello").await.unwrap();
    let answers = fleet.json(&["runs", "list", "--workflow", "callout.answer"]);
    let id = answers[0]["id"].as_str().unwrap();
    let run = fleet.run_until(id, |run| run["phase"] == "suppressed").await;
    assert_eq!(run["messages"][0]["reason"], "consent.opted_out");
    // Whoever opted out is not waited for: the page is the next one's.
    fleet.wait_until(|view| view.texts(SECOND).len() == 1).await;
    assert_eq!(fleet.sim.report().accepted, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_were_paged_hear_that_it_is_resolved_where_the_workflow_says_so() {
    let workflow = crate::harness::PAGE.replace("[exhausted]", "[resolved]\nnotify = true\n[exhausted]");
    let files = vec![("workflows/page.toml", workflow)];
    let fleet = Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await;
    fleet.event(&event("page.created", "p-1", "db-1", json!({"text": "Down"}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let id = run_of("p-1", "page", "db-1");
    fleet.run_until(&id, |run| run["messages"][0]["status"] == "delivered").await;
    fleet.event(&event("page.resolved", "p-2", "db-1", json!({}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 2).await;
    assert!(fleet.sim.phone(FIRST).texts().iter().any(|text| text.body == "Resolved: db-1."));
    let run = fleet.run_until(&id, |run| run["phase"] == "resolved").await;
    assert!(run["timeline"].to_string().contains("gets an all-clear"), "{run}");
    fleet.audit_once_settled().await;
    assert_eq!(fleet.sim.report().accepted, 2, "the second person was never texted, and hears nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn e13_a_bare_word_acknowledges_only_where_the_workflow_takes_it() {
    let taking = crate::harness::PAGE.replace("page.", "word.");
    let files = vec![("workflows/word.toml", format!("bare_word = true{taking}"))];
    let fleet = Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await;
    for (kind, expected) in [("page", "active"), ("word", "acknowledged")] {
        let id = run_of(kind, kind, "db-1");
        let texts = fleet.sim.phone(FIRST).texts().len();
        fleet.event(&event(&format!("{kind}.created"), kind, "db-1", json!({"text": "Down"}))).await;
        fleet.wait_until(|view| view.texts(FIRST).len() > texts).await;
        fleet.sim.phone(FIRST).reply("ok").await.unwrap();
        assert_eq!(fleet.json(&["runs", "show", &id])["phase"], expected, "{kind}");
        fleet.event(&event(&format!("{kind}.resolved"), &format!("{kind}-r"), "db-1", json!({}))).await;
        fleet.run_until(&id, |run| run["phase"] == "resolved").await;
        fleet.audit_once_settled().await;
    }
}
