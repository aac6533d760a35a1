//! Adapters and the API of a fleet: two processes that take events, and one that answers tools.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, KEY, Layout, PATIENCE};

/// Two that take events; one that sends; the API alone, as fleets run it.
const ROLES: [&[&str]; 5] =
    [&["ingest"], &["ingest"], &["sender"], &["integrations", "api"], &["escalation", "callback"]];
const INGESTS: [usize; 2] = [0, 1];
const SENDER: usize = 2;

const FIRING: &str = include_str!("../../crates/domain/tests/it/recorded/alertmanager_firing.json");
const JOINED: &str = include_str!("../../crates/domain/tests/it/recorded/alertmanager_joined.json");
const RESOLVED: &str = include_str!("../../crates/domain/tests/it/recorded/alertmanager_resolved.json");

async fn fleet(name: &str) -> (Fleet, String) {
    let api = format!("127.0.0.1:{}", test_servers::free_port());
    let settings = format!(
        "[api]\nlisten = \"{api}\"\n[backend]\nkind = \"fleet\"\namqp_prefix = \"{name}.\"\nredis_prefix = \"{name}:\"\n"
    );
    let env = vec![
        ("CALLOUT_AMQP_URL".to_owned(), test_servers::rabbitmq().url.clone()),
        ("CALLOUT_REDIS_URL".to_owned(), test_servers::redis().url.clone()),
    ];
    let incident = include_str!("../../examples/workflows/incident-paging.toml")
        .replace("\"oncall:platform/secondary\", \"contact:head-of-operations\"", "\"contact:second\"")
        .replace("oncall:platform", "contact:first");
    let files = vec![("workflows/incident.toml", incident)];
    let layout = Layout { roles: &ROLES, settings: &settings, files, env, ..Layout::default() };
    (Fleet::start_layout(layout).await, format!("http://{api}"))
}

/// Alertmanager posts to one of the processes.
async fn post_to(fleet: &Fleet, process: usize, body: &'static str) -> (u16, Value) {
    let url = format!("{}/v1/sources/alertmanager/test", fleet.url_of(process));
    let request = fleet.client.post(url).bearer_auth(KEY).header("content-type", "application/json");
    let response = request.body(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Both processes take a group before anybody opens its run, and one run comes of it. Returns its id.
async fn at_one_moment(fleet: &mut Fleet, bodies: [&'static str; 2]) -> String {
    fleet.kill_process(SENDER);
    let mut runs = Vec::new();
    for (process, body) in INGESTS.into_iter().zip(bodies) {
        let (status, answer) = post_to(fleet, process, body).await;
        assert_eq!(status, 202, "{answer}");
        runs.push(answer["runs"][0].as_str().unwrap().to_owned());
    }
    assert_eq!(runs[0], runs[1]);
    fleet.serve().await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    runs.remove(0)
}

/// Waits until every accepted event has ended.
async fn concluded(fleet: &Fleet) {
    let mut tries = tokio::time::interval(std::time::Duration::from_millis(50));
    let asking = async {
        while fleet.json(&["audit"])["events"]["pending"] != 0 {
            tries.tick().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asking).await.is_ok(), "{}", fleet.json(&["audit"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn d12_a_group_that_two_processes_take_at_once_is_one_run_whether_they_say_the_same_or_not() {
    for (name, bodies) in [("adapters-same", [FIRING, FIRING]), ("adapters-other", [FIRING, JOINED])] {
        let (mut fleet, _) = fleet(name).await;
        let run = at_one_moment(&mut fleet, bodies).await;
        let (status, answer) = post_to(&fleet, 1, RESOLVED).await;
        assert_eq!(status, 202, "{answer}");
        fleet.run_until(&run, |run| run["phase"] == "resolved").await;
        concluded(&fleet).await;
        assert_eq!(fleet.json(&["dlq", "list"]), json!([]), "{name}");
        assert_eq!(fleet.json(&["runs", "list"]).as_array().map(Vec::len), Some(1), "{name}");
        assert_eq!(fleet.sim.report().accepted, 1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_of_a_fleet_shows_changes_and_raises_what_other_processes_carry_out() {
    let (fleet, api) = fleet("adapters-api").await;
    let token = |args: &[&str]| {
        let made = fleet.json(&[&["tokens", "create", "--label", "desk"], args].concat());
        made["token"].as_str().unwrap().to_owned()
    };
    let (operator, raiser) = (token(&["--scope", "operate"]), token(&["--scope", "raise:incident.*"]));
    let event = json!({
        "specversion": "1.0", "id": "i-1", "source": "/callout/tokens/desk", "type": "incident.created",
        "subject": "db-1", "data": {"severity": "high", "title": "Disk almost full", "service": "db-1"},
    });
    let raise = fleet.client.post(format!("{api}/v1/events")).bearer_auth(&raiser);
    let raise = raise.header("content-type", "application/cloudevents+json").body(event.to_string());
    let taken = raise.send().await.unwrap();
    assert_eq!(taken.status(), 202);
    let run = taken.json::<Value>().await.unwrap()["runs"][0].as_str().unwrap().to_owned();
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let change = format!("{api}/v1/runs/{run}/acknowledge");
    let changed = fleet.client.post(change).bearer_auth(&operator).send().await.unwrap();
    assert_eq!(changed.json::<Value>().await.unwrap()["run"]["phase"], "acknowledged");
    let stream = fleet.client.get(format!("{api}/v1/stream?after=0")).bearer_auth(&operator);
    let mut stream = stream.send().await.unwrap();
    let mut seen = String::new();
    while !seen.contains("run.acknowledged") {
        seen.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    assert!(seen.contains("run.opened"), "{seen}");
}
