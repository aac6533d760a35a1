//! `callout topology` on a broker that somebody changed. In: a missing binding, a queue of another type, missing rights.
//! Out: what is wrong, and what to do about it.
//!
//! Never: uses a broker of other tests.

use std::process::Output;

use lapin::{
    options::{QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use test_servers::RabbitMq;

use crate::rights::{channel, topology, url};

/// Unbinds a lane and the broker's dead letters, and replaces a queue by a classic one.
async fn damage(broker: &RabbitMq) {
    let channel = channel(&broker.url).await;
    for (queue, exchange, key) in [("events.critical", "events", "incident.created"), ("dead", "dead", "#")] {
        let (queue, exchange) = (format!("callout.v1.{queue}"), format!("callout.v1.{exchange}"));
        let (queue, exchange) = (queue.as_str().into(), exchange.as_str().into());
        channel.queue_unbind(queue, exchange, key.into(), FieldTable::default()).await.unwrap();
    }
    channel.queue_delete("callout.v1.events.bulk".into(), QueueDeleteOptions::default()).await.unwrap();
    let options = QueueDeclareOptions::durable();
    channel.queue_declare("callout.v1.events.bulk".into(), options, FieldTable::default()).await.unwrap();
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn f3_a_missing_binding_and_a_classic_queue_are_named_with_what_to_run() {
    let broker = RabbitMq::private_with_management();
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| topology(folder.path(), &broker.url).args(args).output().unwrap();
    let management = format!("http://127.0.0.1:{}", broker.management_port());
    let verify = ["verify", "--management", &management];
    assert!(run(&["declare"]).status.success());
    let whole = run(&verify);
    assert!(whole.status.success(), "{}", said(&whole));
    assert!(said(&whole).contains("every exchange, queue and binding exists"), "{}", said(&whole));

    damage(&broker).await;
    let definitions = folder.path().join("definitions.json");
    broker.ctl(&["export_definitions", definitions.to_str().unwrap()]);
    let exported = ["verify", "--definitions", definitions.to_str().unwrap()];
    for args in [&verify[..], &exported[..]] {
        let damaged = run(args);
        let text = said(&damaged);
        assert_eq!(damaged.status.code(), Some(1), "{text}");
        for expected in [
            "queue callout.v1.events.critical to the exchange callout.v1.events with the key \"incident.created\"",
            "queue callout.v1.dead to the exchange callout.v1.dead with the key \"#\"",
            "callout.v1.events.bulk is a classic queue and must be a quorum queue",
            "callout topology declare",
            "rabbitmqctl delete_queue",
        ] {
            assert!(text.contains(expected), "{expected}:\n{text}");
        }
    }
}

/// A broker without the management plugin.
#[tokio::test(flavor = "multi_thread")]
async fn f3_what_amqp_does_not_show_is_said_and_the_rest_is_noticed() {
    let broker = RabbitMq::private();
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| topology(folder.path(), &broker.url).args(args).output().unwrap();
    assert!(run(&["declare"]).status.success());
    let whole = run(&["verify"]);
    assert!(whole.status.success(), "{}", said(&whole));
    assert!(said(&whole).contains("bindings were not looked at"), "{}", said(&whole));
    assert!(said(&whole).contains("--management"), "{}", said(&whole));
    damage(&broker).await;
    let damaged = run(&["verify"]);
    assert_eq!(damaged.status.code(), Some(1), "{}", said(&damaged));
    assert!(said(&damaged).contains("callout.v1.events.bulk"), "{}", said(&damaged));
}

#[test]
fn h4_declaring_without_the_rights_says_to_what_they_are_missing_and_who_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let output = topology(folder.path(), &url("callout-operator")).arg("declare").output().unwrap();
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    for expected in ["callout-operator", "lacks a right", "callout.v1.", "callout-admin"] {
        assert!(text.contains(expected), "{expected}:\n{text}");
    }
}

/// With the rights as they are shipped, on every version.
#[test]
fn f2_the_shipped_users_verify_the_shipped_topology() {
    let folder = tempfile::tempdir().unwrap();
    let management = format!("http://127.0.0.1:{}", crate::rights::broker().management_port());
    for (user, args) in [
        ("callout-admin", &["verify", "--management", &management][..]),
        ("callout-admin", &["verify"]),
        ("callout-operator", &["verify"]),
        ("callout-ingest", &["verify"]),
    ] {
        let output = topology(folder.path(), &url(user)).args(args).output().unwrap();
        assert!(output.status.success(), "{user}: {}", said(&output));
    }
}
