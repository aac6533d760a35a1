//! What a log never holds, at any level: passwords, keys, texts and whole numbers.

use serde_json::json;

use crate::{
    ROLES,
    harness::{FIRST, Fleet, KEY, Layout, event, run_of},
};

const BROKER_PASSWORD: &str = "broker-4711-word";
const STORE_PASSWORD: &str = "store-4711-word";
const TEXT: &str = "Zebra crossing";

#[tokio::test(flavor = "multi_thread")]
async fn e4_no_level_of_the_log_shows_a_password_a_key_a_text_or_a_number() {
    let broker = test_servers::rabbitmq();
    broker.ctl(&["add_user", "tracer", BROKER_PASSWORD]);
    broker.ctl(&["set_permissions", "tracer", ".*", ".*", ".*"]);
    let store = test_servers::RedisServer::private_with(&format!("--requirepass {STORE_PASSWORD}"));
    let (host, port) = store.address();
    let env = vec![
        ("CALLOUT_LOG".to_owned(), "trace".to_owned()),
        (
            "CALLOUT_AMQP_URL".to_owned(),
            broker.url.replace("guest:guest", &format!("tracer:{BROKER_PASSWORD}")),
        ),
        ("CALLOUT_REDIS_URL".to_owned(), format!("redis://:{STORE_PASSWORD}@{host}:{port}/")),
    ];
    let settings = "[backend]\nkind = \"fleet\"\namqp_prefix = \"trace.\"\n";
    let fleet = Fleet::start_layout(Layout { roles: &ROLES, settings, env, ..Layout::default() }).await;
    fleet.event(&event("page.created", "p-1", "db", json!({"text": TEXT}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let text = fleet.sim.phone(FIRST).texts().remove(0);
    assert!(text.body.contains(TEXT), "{}", text.body);
    let code = text.body.rsplit(' ').next().unwrap().to_owned();
    fleet.sim.phone(FIRST).reply(&format!("ACK {code}")).await.unwrap();
    fleet.run_until(&run_of("p-1", "page", "db"), |run| run["phase"] == "acknowledged").await;
    let log = std::fs::read_to_string(fleet.log()).unwrap();
    assert!(log.contains("\"TRACE\"") || log.contains("\"DEBUG\""), "the level is in force");
    let number = FIRST.trim_start_matches('+');
    for secret in [BROKER_PASSWORD, STORE_PASSWORD, KEY, TEXT, number, &code] {
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret:?} is in the log");
    }
}
