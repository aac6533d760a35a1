//! The broker users of `deploy/rabbitmq/`, on a broker where an operator imported everything.
//!
//! In: the shipped definitions as they are. Out: a fleet whose roles sign in as their own users, and what each may not do.
//! Never: uses the shared broker, where every user may do everything.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::sync::OnceLock;

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    types::FieldTable,
};
use serde_json::{Value, json};
use test_servers::RabbitMq;
use tokio::sync::{Mutex, MutexGuard};
use twilio_sim::Behaviour;

use crate::{
    harness::{FIRST, Fleet, Layout, PATIENCE, SECOND, event, run_of},
    tools::root,
};

/// Gives every imported user a password, in one call, because each call takes seconds.
const PASSWORDS: &str = "[rabbit_auth_backend_internal:change_password(User, <<\"secret\">>, <<\"test\">>) || \
     [{user, User} | _] <- rabbit_auth_backend_internal:list_users(), User =/= <<\"guest\">>].";
/// The configuration for which `deploy/rabbitmq/topology.json` was exported.
const EXAMPLES: [&str; 7] = [
    "contacts.toml",
    "oncall.toml",
    "platform.ics",
    "workflows/appointment-confirmation.toml",
    "workflows/incident-paging.toml",
    "workflows/payment-reminder.toml",
    "workflows/sla-breach.toml",
];
const ROLES: [&[&str]; 6] =
    [&["ingest"], &["sender"], &["escalation"], &["integrations"], &["api"], &["callback"]];

const SETTINGS: &str = r#"
[backend]
kind = "fleet"
topology = "verify"
amqp_own_users = ["callout-ingest", "callout-sender", "callout-escalation", "callout-operator", "callout-api"]
redis_prefix = "TEST:"
[api]
listen = "127.0.0.1:0"
[[source]]
name = "monitoring"
types = ["incident.*"]
amqp_user = "monitoring"
"#;

/// Held by whoever has a fleet on the broker, or puts into its queues what a fleet would take.
static TURN: Mutex<()> = Mutex::const_new(());

/// The broker that the shipped definitions were imported into.
pub(crate) fn broker() -> &'static RabbitMq {
    static BROKER: OnceLock<RabbitMq> = OnceLock::new();
    BROKER.get_or_init(|| {
        let broker = RabbitMq::private_with_management();
        // From 4.0 on users may only come after the exchanges that their rights name.
        for name in ["topology", "users", "policies"] {
            let file = root().join(format!("deploy/rabbitmq/{name}.json"));
            broker.ctl(&["import_definitions", file.to_str().unwrap()]);
        }
        let refused = std::thread::spawn({
            let url = url_with(&broker, "callout-admin", "");
            move || tokio::runtime::Runtime::new().unwrap().block_on(connect(&url)).is_err()
        });
        assert!(refused.join().unwrap(), "a user as it is shipped cannot sign in");
        broker.ctl(&["eval", PASSWORDS]);
        broker
    })
}

/// The address of the broker for a user.
pub(crate) fn url(user: &str) -> String {
    url_with(broker(), user, "secret")
}

fn url_with(broker: &RabbitMq, user: &str, password: &str) -> String {
    broker.url.replace("guest:guest", &format!("{user}:{password}"))
}

/// A fleet whose roles and whose operator sign in as their own users.
///
/// Only one at a time, until the guard is dropped: the definitions have one set of names, so two fleets would share
/// their work.
pub(crate) async fn fleet(test: &str) -> (Fleet, MutexGuard<'static, ()>) {
    let turn = TURN.lock().await;
    let read = |name: &str| std::fs::read_to_string(root().join("examples").join(name)).unwrap();
    let role_urls = ROLES.map(|role| (role[0], "CALLOUT_AMQP_URL", url(&format!("callout-{}", role[0]))));
    let fleet = Fleet::start_layout(Layout {
        roles: &ROLES,
        settings: &SETTINGS.replace("TEST", test),
        files: EXAMPLES.iter().map(|name| (*name, read(name))).collect(),
        env: vec![
            ("CALLOUT_AMQP_URL".to_owned(), url("callout-operator")),
            ("CALLOUT_REDIS_URL".to_owned(), test_servers::redis().url.clone()),
        ],
        env_of: role_urls.into(),
    })
    .await;
    (fleet, turn)
}

async fn connect(url: &str) -> Result<Connection, lapin::Error> {
    Connection::connect(url, ConnectionProperties::default()).await
}

/// `callout topology` for the examples, whose configuration is put into this folder.
pub(crate) fn topology(folder: &std::path::Path, amqp_url: &str) -> std::process::Command {
    std::fs::create_dir_all(folder.join("workflows")).unwrap();
    for name in EXAMPLES {
        std::fs::copy(root().join("examples").join(name), folder.join(name)).unwrap();
    }
    std::fs::copy(root().join("deploy/compose/callout.toml"), folder.join("callout.toml")).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_callout"));
    command.arg("topology").arg("--config").arg(folder.join("callout.toml"));
    command.env("CALLOUT_AMQP_URL", amqp_url).env("CALLOUT_REDIS_URL", "redis://nobody/");
    command
}

#[test]
fn the_shipped_topology_is_what_the_examples_export() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = topology(folder.path(), "amqp://nobody/");
    command.arg("export");
    let exported = crate::tools::succeed(&mut command);
    let shipped = std::fs::read_to_string(root().join("deploy/rabbitmq/topology.json")).unwrap();
    assert!(exported == shipped.trim(), "write the output of `{command:?}` to deploy/rabbitmq/topology.json");
}

/// One policy for each: a queue without a bound fills the disk.
#[test]
fn the_shipped_policies_bound_every_queue() {
    let listed = broker().ctl(&["list_queues", "name", "policy", "--formatter", "json"]);
    let queues: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let ours = |queue: &&Value| queue["name"] != "callout.v1.admin.test";
    for queue in queues.iter().filter(ours) {
        assert!(queue["policy"].as_str().is_some_and(|name| name.starts_with("callout-")), "{queue}");
    }
    assert!(queues.len() > 20);
}

/// Over HTTP and back by reply, with a failure, a deadline, and a dead letter that an operator replays.
#[tokio::test(flavor = "multi_thread")]
async fn every_role_does_its_work_with_the_rights_of_its_own_user() {
    let (fleet, _turn) = fleet("rights").await;
    fleet.sim.phone(FIRST).set(Behaviour::Off);
    fleet.event(&event("page.created", "p-1", "db", json!({"text": "Down"}))).await;
    fleet.event(&event("quick.created", "q-1", "db", json!({"text": "Quick"}))).await;
    fleet.wait_until(|view| view.texts(SECOND).iter().any(|text| text.body.starts_with("Down"))).await;
    let texts = fleet.sim.phone(SECOND).texts();
    let page = texts.iter().find(|text| text.body.starts_with("Down")).unwrap();
    let code = page.body.rsplit(' ').next().unwrap().to_owned();
    fleet.sim.phone(SECOND).reply(&format!("ACK {code}")).await.unwrap();
    fleet.run_until(&run_of("p-1", "page", "db"), |run| run["phase"] == "acknowledged").await;
    fleet.run_until(&run_of("q-1", "quick", "db"), |run| run["phase"] == "exhausted").await;

    // Whom the operator's user may ask shows who lives and what waits.
    let status: Value = serde_json::from_slice(&fleet.run(&["status", "--output", "json"]).stdout).unwrap();
    assert_eq!(status["status"]["processes"].as_array().unwrap().len(), ROLES.len(), "{status}");
    // The ticket that no destination opens is all that is to be found.
    let findings = status["findings"].as_array().unwrap().iter();
    let what: Vec<_> = findings.map(|finding| finding["what"].as_str().unwrap()).collect();
    assert!(what.iter().all(|what| what.contains("1 dead letter")), "{status}");
    assert_eq!(status["status"]["bus_fault"], Value::Null, "{status}");
    assert_eq!(status["status"]["queues"].as_array().unwrap().len(), 7, "{status}");

    // What `ingest` would refuse, a producer may publish.
    let bad = json!({"specversion": "1.0", "id": "b-1", "source": "monitoring", "type": "incident.created", "data": {}});
    publish(&url("monitoring"), "events", "incident.created", "monitoring", &bad).await.unwrap();
    let first = dead_letter(&fleet, |_| true).await;
    assert_eq!((&first["reason"], &first["source"]), (&json!("invalid_event"), &json!("monitoring")));
    let replayed = fleet.json(&["dlq", "replay", first["id"].as_str().unwrap(), "--yes"]);
    assert!(replayed.to_string().contains("replayed"), "{replayed}");
    // It is still invalid, so it is dead again. Who published it first may send it, so it came as far as before.
    let again = dead_letter(&fleet, |letter| letter["at"] != first["at"]).await;
    assert_eq!(again["reason"], "invalid_event", "{again}");
}

/// The admin tool publishes it, and that makes nobody trusted.
#[tokio::test(flavor = "multi_thread")]
async fn f1_a_forged_event_is_refused_again_when_it_is_replayed() {
    let (fleet, _turn) = fleet("forged").await;
    let data = json!({"severity": "high", "title": "forged", "service": "db-1"});
    let forged = json!({"specversion": "1.0", "id": "f-1", "source": "monitoring", "type": "incident.created",
        "subject": "db-1", "data": data});
    // Its rights on the broker allow this; callout knows no source that speaks through it.
    publish(&url("callout-admin"), "events", "incident.created", "callout-admin", &forged).await.unwrap();
    let first = dead_letter(&fleet, |_| true).await;
    assert_eq!(first["reason"], "unreadable", "{first}");
    let shown = fleet.run(&["dlq", "show", first["id"].as_str().unwrap()]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("broker user  callout-admin"), "{shown}");
    let replayed = fleet.json(&["dlq", "replay", "--reason", "unreadable", "--yes"]);
    assert!(replayed.to_string().contains("replayed"), "{replayed}");
    let again = dead_letter(&fleet, |letter| letter["at"] != first["at"]).await;
    for kept in ["reason", "error", "source", "event_id", "origin"] {
        assert_eq!(again[kept], first[kept], "{again}");
    }
    assert!(fleet.json(&["runs", "list"]).as_array().unwrap().is_empty());
}

async fn dead_letter(fleet: &Fleet, is_it: impl Fn(&Value) -> bool) -> Value {
    let mut tries = tokio::time::interval(std::time::Duration::from_millis(50));
    let asking = async {
        loop {
            tries.tick().await;
            let letters = fleet.json(&["dlq", "list", "--source", "monitoring"]);
            if let Some(letter) = letters.as_array().unwrap().iter().find(|letter| is_it(letter)) {
                return letter.clone();
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("a dead letter")
}

/// A channel of the user that this address names.
pub(crate) async fn channel(url: &str) -> Channel {
    connect(url).await.unwrap().create_channel().await.unwrap()
}

async fn publish(url: &str, exchange: &str, key: &str, user: &str, body: &Value) -> Result<(), lapin::Error> {
    let channel = channel(url).await;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let properties = BasicProperties::default().with_user_id(user.into()).with_delivery_mode(2);
    let exchange = format!("callout.v1.{exchange}");
    let (options, body) = (BasicPublishOptions::default(), body.to_string());
    let sent =
        channel.basic_publish(exchange.as_str().into(), key.into(), options, body.as_bytes(), properties);
    sent.await?.await?;
    Ok(())
}

/// An operation that a user might try.
enum Try {
    /// With this routing key, as this user.
    Publish(&'static str, &'static str, &'static str),
    Consume(&'static str),
    Declare(&'static str),
    /// Reading the length of a queue.
    Ask(&'static str),
    Delete(&'static str),
}

async fn refusal(user: &str, attempt: &Try) -> u16 {
    let name = |name: &str| format!("callout.v1.{name}");
    let channel = channel(&url(user)).await;
    let refused = match attempt {
        Try::Publish(exchange, key, as_user) => {
            publish(&url(user), exchange, key, as_user, &json!({})).await.err()
        }
        Try::Consume(queue) => {
            let (queue, options) = (name(queue), BasicConsumeOptions::default());
            channel
                .basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default())
                .await
                .err()
        }
        Try::Declare(queue) => {
            let (queue, options) = (name(queue), QueueDeclareOptions::durable());
            channel.queue_declare(queue.as_str().into(), options, FieldTable::default()).await.err()
        }
        Try::Ask(queue) => {
            let (queue, options) = (name(queue), QueueDeclareOptions::durable().passive());
            channel.queue_declare(queue.as_str().into(), options, FieldTable::default()).await.err()
        }
        Try::Delete(queue) => {
            let queue = name(queue);
            channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await.err()
        }
    };
    match refused.map(|error| error.kind().clone()) {
        None => 0,
        Some(lapin::ErrorKind::ProtocolError(error)) => error.get_id(),
        Some(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_user_may_do_more_than_its_role() {
    const REFUSED: u16 = 403;
    const NOT_YOUR_NAME: u16 = 406;
    let _turn = TURN.lock().await;
    let attempts = [
        ("monitoring", Try::Publish("events", "incident.created", "monitoring"), 0),
        ("monitoring", Try::Publish("events", "invoice.overdue", "monitoring"), REFUSED),
        ("monitoring", Try::Publish("events", "incident.created", "callout-ingest"), NOT_YOUR_NAME),
        ("monitoring", Try::Publish("commands", "send.bulk", "monitoring"), REFUSED),
        ("monitoring", Try::Publish("delay", "d1.final.send.bulk", "monitoring"), REFUSED),
        ("monitoring", Try::Consume("events.critical"), REFUSED),
        ("monitoring", Try::Consume("dead"), REFUSED),
        ("monitoring", Try::Declare("mine"), REFUSED),
        ("billing", Try::Publish("events", "incident.created", "billing"), REFUSED),
        ("callout-ingest", Try::Publish("commands", "escalation", "callout-ingest"), REFUSED),
        ("callout-ingest", Try::Consume("events.standard"), REFUSED),
        ("callout-ingest", Try::Consume("delay.step"), REFUSED),
        ("callout-sender", Try::Publish("events", "incident.created", "callout-sender"), REFUSED),
        ("callout-sender", Try::Publish("commands", "elsewhere", "callout-sender"), REFUSED),
        ("callout-sender", Try::Consume("escalation"), REFUSED),
        ("callout-sender", Try::Delete("events.bulk"), REFUSED),
        ("callout-callback", Try::Publish("events", "incident.created", "callout-callback"), REFUSED),
        // It would arrive as an event of our own, which is not checked again.
        ("callout-callback", Try::Publish("commands", "events.critical", "callout-callback"), REFUSED),
        ("callout-callback", Try::Publish("delay", "d1.final.events.critical", "callout-callback"), REFUSED),
        ("callout-callback", Try::Consume("escalation"), REFUSED),
        ("callout-escalation", Try::Publish("events", "incident.created", "callout-escalation"), REFUSED),
        ("callout-escalation", Try::Consume("send.critical"), REFUSED),
        ("callout-integrations", Try::Publish("events", "incident.created", "callout-integrations"), REFUSED),
        ("callout-integrations", Try::Consume("escalation"), REFUSED),
        ("callout-api", Try::Publish("commands", "events.critical", "callout-api"), REFUSED),
        ("callout-api", Try::Consume("dead"), REFUSED),
        ("callout-operator", Try::Publish("commands", "events.critical", "callout-operator"), REFUSED),
        ("callout-operator", Try::Consume("dead"), REFUSED),
        ("callout-operator", Try::Declare("mine"), REFUSED),
        ("callout-scaler", Try::Ask("events.critical"), 0),
        ("callout-scaler", Try::Publish("events", "incident.created", "callout-scaler"), REFUSED),
        // Whether events wait, before events that did not end in time are published again.
        ("callout-ingest", Try::Ask("events.bulk"), 0),
        ("callout-sender", Try::Ask("events.bulk"), 0),
        ("callout-scaler", Try::Consume("events.critical"), REFUSED),
        ("callout-admin", Try::Declare("admin.test"), 0),
    ];
    for (user, attempt, expected) in attempts {
        let what = match &attempt {
            Try::Publish(exchange, key, as_user) => format!("publish to {exchange} with {key} as {as_user}"),
            Try::Consume(queue) => format!("consume {queue}"),
            Try::Declare(queue) => format!("declare {queue}"),
            Try::Ask(queue) => format!("ask for {queue}"),
            Try::Delete(queue) => format!("delete {queue}"),
        };
        assert_eq!(refusal(user, &attempt).await, expected, "{user}: {what}");
    }
    // What was published is no event, and would be a dead letter of the fleet that is next.
    broker().ctl(&["purge_queue", "callout.v1.events.critical"]);
}
