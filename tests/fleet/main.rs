//! The fleet as its users run it: each role a process of its own, on a real RabbitMQ and a real Redis.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on must stop")]

mod adapters;
#[path = "../../crates/cli/tests/it/after_outage.rs"]
mod after_outage;
mod bad_input;
mod collector;
mod deploy;
#[path = "../../crates/cli/tests/it/harness.rs"]
#[expect(dead_code, reason = "shared with the tests of the embedded mode, which use more of it")]
mod harness;
mod logs;
mod lost_answers;
mod manifests;
mod metrics;
mod observability;
mod paused;
mod private_ca;
mod producers;
mod readiness;
mod rights;
mod tickets;
mod tools;
mod topology;
mod traces;
mod upgrade;

mod chaos;

use std::collections::BTreeSet;

use harness::{FIRST, Fleet, KEY, SECOND, event, run_of};
use serde_json::{Value, json};
use twilio_sim::{Behaviour, FaultPlan};

/// One process each; ingest first, callback last.
const ROLES: [&[&str]; 5] = [&["ingest"], &["sender"], &["sender"], &["escalation"], &["callback"]];
const SENDERS: [usize; 2] = [1, 2];

async fn fleet(name: &str) -> Fleet {
    #[expect(clippy::disallowed_methods, reason = "tests have no configuration but their environment")]
    let delay = std::env::var("CALLOUT_TEST_DELAY").unwrap_or_else(|_| "buckets".to_owned());
    let backend = format!(
        "[backend]\nkind = \"fleet\"\namqp_prefix = \"{name}.\"\nredis_prefix = \"{name}:\"\ndelay = \"{delay}\"\n"
    );
    let env = vec![
        ("CALLOUT_AMQP_URL".to_owned(), test_servers::rabbitmq().url.clone()),
        ("CALLOUT_REDIS_URL".to_owned(), test_servers::redis().url.clone()),
    ];
    Fleet::start_roles(&ROLES, &backend, env).await
}

fn is_silenced(run: &Value) -> bool {
    run["timeline"].to_string().contains("step_silenced")
}

/// Whichever process looks at a run that waits for the end of a silence: none that still knows the silence puts it off again.
#[tokio::test(flavor = "multi_thread")]
async fn a_silence_that_is_ended_early_is_over_in_every_process() {
    let fleet = fleet("silence").await;
    let args = ["silence", "add", "--subject", "disk/*", "--until", "2h", "--why", "new disks"];
    let silence = fleet.json(&args)[0]["id"].as_str().unwrap().to_owned();
    let page = async |id: &str| {
        let subject = format!("disk/{id}");
        let event = event("page.created", id, &subject, json!({"text": subject}));
        assert_eq!(fleet.event(&event).await, 202);
        let begun = |run: &Value| run["messages"][0]["status"] == "delivered" || is_silenced(run);
        fleet.run_until(&run_of(id, "page", &subject), begun).await
    };
    let mut waiting = Vec::new();
    // The senders hear of it within five seconds.
    for number in 0.. {
        let run = page(&format!("d-{number}")).await;
        waiting.extend(is_silenced(&run).then(|| run["id"].as_str().unwrap().to_owned()));
        if waiting.len() == 4 {
            break;
        }
    }
    fleet.json(&["silence", "end", &silence]);
    for run in waiting {
        fleet.run_until(&run, |run| run["messages"][0]["status"] == "delivered").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_crosses_the_fleet_and_a_failure_escalates_at_once() {
    let fleet = fleet("escalates").await;
    fleet.sim.phone(FIRST).set(Behaviour::Off);
    let page = event("page.created", "p-1", "db", json!({"text": "Down"}));
    assert_eq!(fleet.event(&page).await, 202);
    fleet.wait_until(|view| !view.texts(SECOND).is_empty()).await;
    let text = fleet.sim.phone(SECOND).texts()[0].body.clone();
    let code = text.rsplit(' ').next().unwrap().to_owned();
    fleet.sim.phone(SECOND).reply(&format!("ACK {code}")).await.unwrap();
    let run = fleet.json(&["runs", "show", &run_of("p-1", "page", "db")]);
    assert_eq!(run["phase"], "acknowledged", "{run}");
    assert_eq!(run["messages"][0]["error_code"], 30003);
    assert_eq!(fleet.event(&page).await, 200, "the same event again");
    fleet.wait_until(|view| view.texts(SECOND).len() == 2).await;
    let texts = fleet.sim.phone(SECOND).texts();
    assert!(texts.iter().any(|text| text.body == "Acknowledged: db. You own it."), "{texts:?}");
    assert_eq!(fleet.sim.report().accepted, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_are_met_through_the_broker() {
    let fleet = fleet("deadlines").await;
    fleet.event(&event("quick.created", "q-1", "db", json!({"text": "Down"}))).await;
    let run = fleet.run_until(&run_of("q-1", "quick", "db"), |run| run["phase"] == "exhausted").await;
    assert_eq!(run["ticket"], "desk");
}

/// Sends `count` notes in one batch, each to a phone of its own.
async fn post_notes(fleet: &Fleet, count: usize, number: impl Fn(usize) -> String) {
    let note = |index: usize| {
        let id = format!("n-{index}");
        event("note.created", &id, &id, json!({"text": id, "phone": number(index)}))
    };
    let notes = Value::Array((0..count).map(note).collect());
    let (status, answer) = fleet.post(KEY, "application/cloudevents-batch+json", notes.to_string()).await;
    assert_eq!(status, 202, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_lost_everything_is_filled_again_from_the_store() {
    const EVENTS: usize = 40;
    let broker = test_servers::RabbitMq::private();
    let backend = "[backend]\nkind = \"fleet\"\nredis_prefix = \"wiped:\"\n";
    let env = vec![
        ("CALLOUT_AMQP_URL".to_owned(), broker.url.clone()),
        ("CALLOUT_REDIS_URL".to_owned(), test_servers::redis().url.clone()),
    ];
    let mut fleet = Fleet::start_roles(&ROLES, backend, env).await;
    SENDERS.into_iter().for_each(|sender| fleet.kill_process(sender));
    let number = |index: usize| format!("+1415558{index:04}");
    post_notes(&fleet, EVENTS, number).await;
    let pending = fleet.json(&["audit"])["events"]["pending"].clone();
    assert_eq!(pending, EVENTS);
    for command in ["stop_app", "reset", "start_app"] {
        broker.ctl(&[command]);
    }
    fleet.serve().await;
    fleet.wait_until(|view| view.accepted() == EVENTS as u64).await;
    fleet.wait_until(|view| (0..EVENTS).all(|index| view.texts(&number(index)).len() == 1)).await;
    let audit = fleet.run(&["audit"]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
    assert_eq!(fleet.sim.report().duplicates_total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_only_reads_changes_no_key_even_after_a_failover() {
    let server = test_servers::RedisServer::private();
    let backend = "[backend]\nkind = \"fleet\"\namqp_prefix = \"only-reads.\"\n";
    let env = vec![
        ("CALLOUT_AMQP_URL".to_owned(), test_servers::rabbitmq().url.clone()),
        ("CALLOUT_REDIS_URL".to_owned(), server.url.clone()),
    ];
    let mut fleet = Fleet::start_roles(&ROLES, backend, env).await;
    post_notes(&fleet, 1, |_| FIRST.to_owned()).await;
    let id = run_of("n-0", "note", "n-0");
    fleet.run_until(&id, |run| run["phase"] == "completed").await;
    (0..ROLES.len()).for_each(|process| fleet.kill_process(process));
    // A server that restarts begins another history, as a replica does that takes over.
    server.kill();
    server.restart();
    let before = server.contents();
    assert!(before.contains("generation"), "{before}");
    for args in [&["runs", "list"][..], &["runs", "show", &id], &["audit"], &["dlq", "list"]] {
        fleet.json(args);
        assert_eq!(server.contents(), before, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_that_are_killed_lose_and_double_nothing() {
    const EVENTS: usize = 200;
    let mut fleet = fleet("killed").await;
    fleet
        .sim
        .set_faults(FaultPlan { latency_ms: 40, rate_hang: 0.3, hang_ms: 60, ..FaultPlan::default() })
        .unwrap();
    let number = |index: usize| format!("+1415557{index:04}");
    post_notes(&fleet, EVENTS, number).await;
    for (sender, texts) in SENDERS.into_iter().zip([30, 100]) {
        fleet.wait_until(|view| view.accepted() >= texts).await;
        fleet.kill_process(sender);
        fleet.serve().await;
    }
    fleet.wait_until(|view| (0..EVENTS).all(|index| !view.texts(&number(index)).is_empty())).await;
    fleet.audit_once_settled().await;
    let report = fleet.sim.report();
    assert_eq!((report.accepted, report.duplicates_total), (EVENTS as u64, 0), "{report:?}");
    let texts: BTreeSet<String> =
        (0..EVENTS).flat_map(|index| fleet.sim.phone(number(index)).texts()).map(|text| text.body).collect();
    assert_eq!(texts.len(), EVENTS);
}
