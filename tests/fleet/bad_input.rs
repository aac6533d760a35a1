//! Bad input in the queues of a fleet and at its start.
//!
//! In: every kind of bad input. Out: a dead letter with its reason, or an error message; nothing is lost, nothing is
//! redelivered without end, and good events pass.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use lapin::{
    BasicProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::FieldTable,
};
use serde_json::{Value, json};

use crate::{
    harness::{FIRST, Fleet, PATIENCE, event},
    rights::{channel, fleet, url},
};

/// Publishes bytes with these properties.
async fn publish(user: &str, exchange: &str, key: &str, body: &[u8], properties: BasicProperties) {
    let channel = channel(&url(user)).await;
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let exchange = format!("callout.v1.{exchange}");
    let options = BasicPublishOptions::default();
    let sent = channel.basic_publish(exchange.as_str().into(), key.into(), options, body, properties);
    sent.await.unwrap().await.unwrap();
}

fn vouched(user: &str) -> BasicProperties {
    BasicProperties::default().with_user_id(user.into())
}

fn of_type(kind: &str) -> BasicProperties {
    BasicProperties::default().with_type(kind.into())
}

fn incident(id: &str, source: &str, kind: &str, title: &str) -> Vec<u8> {
    let data = json!({"severity": "high", "title": title, "service": "db-1"});
    json!({"specversion": "1.0", "id": id, "source": source, "type": kind, "data": data})
        .to_string()
        .into_bytes()
}

async fn publish_everything_bad() {
    let created = "incident.created";
    let by = |user: &'static str| (user, vouched(user));
    let good = |id: &str| incident(id, "monitoring", created, "x");
    let events = [
        (by("monitoring"), created, b"{\"specversion\":".to_vec()),
        (by("monitoring"), created, vec![0xff, 0xfe, 0x00]),
        (by("monitoring"), created, Vec::new()),
        (by("monitoring"), created, incident("large", "monitoring", created, &"x".repeat(300_000))),
        (by("monitoring"), created, incident("type", "monitoring", "invoice.overdue", "x")),
        (by("monitoring"), "incident.unknown", incident("unknown", "monitoring", "incident.unknown", "x")),
        (by("monitoring"), created, incident("other", "billing", created, "x")),
        (by("billing"), "invoice.overdue", incident("stranger", "billing", "invoice.overdue", "x")),
        (("monitoring", BasicProperties::default()), created, good("nobody")),
    ];
    for ((user, properties), key, body) in events {
        publish(user, "events", key, &body, properties).await;
    }
    let look = br#"{"command":"look_now","run":"r07abcdefghijklmnop"}"#;
    for (key, kind, body) in [
        ("escalation", "callout.command.v2", &look[..]),
        ("send.bulk", "callout.command.v2", br#"{"command":"dispatch","to":"the moon"}"#),
        ("escalation", "callout.command.v1", b"{\"do\":\"dance\"}"),
        ("send.critical", "callout.alarm.v1", br#"{"shard":1,"second":1}"#),
    ] {
        publish("callout-sender", "commands", key, body, of_type(kind)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_cannot_be_worked_on_is_a_dead_letter_with_its_reason() {
    let (fleet, _turn) = fleet("bad").await;
    publish_everything_bad().await;
    let expected = [
        ("invalid_event", "EOF"),
        ("invalid_event", "expected value"),
        ("invalid_event", "EOF while parsing a value"),
        ("too_large", "300"),
        ("unreadable", "\"monitoring\" may not send events of type \"invoice.overdue\""),
        ("unreadable", "\"monitoring\" does not speak for the source \"billing\""),
        ("unreadable", "\"billing\" is not trusted"),
        ("unreadable", "no user-id"),
        ("unroutable", "no workflow"),
        ("unreadable", "\"callout.command.v2\" does not belong into escalation"),
        ("unreadable", "\"callout.command.v2\" does not belong into send.bulk"),
        ("unreadable", "it is no command of this version"),
        ("misrouted", "came to a sender"),
    ];
    let letters = letters(&fleet, expected.len()).await;
    for (reason, word) in expected {
        let is_it = |letter: &&Value| {
            letter["reason"] == reason && letter["error"].as_str().is_some_and(|error| error.contains(word))
        };
        assert!(letters.iter().any(|letter| is_it(&letter)), "{reason}: {word}\n{letters:#?}");
    }
    let large = letters.iter().find(|letter| letter["reason"] == "too_large").unwrap();
    assert_eq!(large["event"].as_str().map(str::len), Some(1_024), "not all of it is kept");
    // Whoever replays it needs the right to publish events.
    let nobody = letters.iter().find(|letter| letter["error"].to_string().contains("no user-id")).unwrap();
    let mut replay = fleet.callout(&["dlq", "replay", nobody["id"].as_str().unwrap(), "--yes"]);
    let output = replay.env("CALLOUT_AMQP_URL", url("callout-callback")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("ACCESS_REFUSED"), "{said}");
    assert_eq!(letters_of_events(&fleet).len(), expected.len());
    nothing_waits().await;
    fleet.event(&event("note.created", "good", "s", json!({"text": "still here", "phone": FIRST}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    assert_eq!(fleet.sim.report().accepted, 1);
    assert!(fleet.run(&["audit"]).status.success());
}

/// Those of events alone: a fleet that used the same queues before may have left word of tickets that nobody opens.
pub(crate) fn letters_of_events(fleet: &Fleet) -> Vec<Value> {
    let mut letters = fleet.json(&["dlq", "list"]).as_array().unwrap().clone();
    letters.retain(|letter| letter["reason"] != "effect");
    letters
}

pub(crate) async fn letters(fleet: &Fleet, count: usize) -> Vec<Value> {
    let mut tries = tokio::time::interval(std::time::Duration::from_millis(100));
    let asking = async {
        loop {
            tries.tick().await;
            let letters = letters_of_events(fleet);
            if letters.len() >= count {
                return letters;
            }
        }
    };
    match tokio::time::timeout(PATIENCE, asking).await {
        Ok(letters) => letters,
        Err(_) => panic!("{:#}", fleet.json(&["dlq", "list"])),
    }
}

/// Checks that nothing is left in the queues of the fleet, nor where the broker puts what it cannot route. Dead letters
/// stay in `dead` until an operator replays or discards them.
async fn nothing_waits() {
    let channel = channel(&url("callout-admin")).await;
    for queue in
        ["events.critical", "events.standard", "send.bulk", "send.critical", "escalation", "unrouted"]
    {
        let name = format!("callout.v1.{queue}");
        let options = QueueDeclareOptions::durable().passive();
        let asked =
            channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await.unwrap();
        assert_eq!(asked.message_count(), 0, "{queue}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g11_a_process_that_lacks_a_right_ends_and_says_which() {
    let (fleet, _turn) = fleet("lacks").await;
    let other_host = url("callout-sender").replace("%2f", "nowhere");
    for (args, address, words) in [
        // Reads nothing.
        (
            &["serve", "sender", "--listen", "127.0.0.1:0"][..],
            url("callout-callback"),
            ["ACCESS_REFUSED", "callout.v1."],
        ),
        (
            &["serve", "sender", "--listen", "127.0.0.1:0"],
            other_host,
            ["refuses the user", "virtual host \"nowhere\""],
        ),
        (
            &["serve", "escalation", "--listen", "127.0.0.1:0"],
            url("callout-sender").replace("secret", "wrong"),
            ["refuses the user", "ACCESS_REFUSED"],
        ),
    ] {
        let output = fleet.callout(args).env("CALLOUT_AMQP_URL", address).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{args:?}: {word}: {said}");
        }
        assert!(!said.contains("secret") && !said.contains("wrong"), "{said}");
        assert_eq!(said.lines().filter(|line| line.contains("RabbitMQ")).count(), 1, "{said}");
        assert!(!said.contains("lapin"), "no line is the client library's own: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f7_what_only_reads_the_store_works_while_the_broker_refuses_us_or_is_away() {
    let (fleet, _turn) = fleet("reads").await;
    let refused = url("callout-sender").replace("secret", "wrong");
    let away = format!("amqp://127.0.0.1:{}/%2f", test_servers::free_port());
    for address in [refused, away] {
        for args in [&["audit"][..], &["runs", "list"], &["dlq", "list"]] {
            let output = fleet.callout(args).env("CALLOUT_AMQP_URL", &address).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        }
    }
}
