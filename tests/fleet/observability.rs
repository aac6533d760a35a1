//! `deploy/observability`: rules that fire when they shall, a page for each alert, and dashboards whose every query finds
//! something.
//!
//! In: the files as they are, a fleet to which everything happens once, and a real Prometheus. Out: a failed test for each
//! query without data and each link to nothing. Never: an engine of our own for queries.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use test_servers::{Prometheus, promtool};
use twilio_sim::{Behaviour, FaultKind};

use crate::{
    collector::Collector,
    deploy::documents,
    harness::{FIRST, Fleet, KEY, Layout, NOTE, SECOND, event},
    tools::root,
};

const DASHBOARDS: [&str; 4] = ["overview", "workflow", "provider", "fleet"];
/// What no run of this test can bring about: the simulator has phones alone, and this counts other senders.
const RIGHTLY_EMPTY: &str = "callout_ignored_texts_total";
const PATIENCE: Duration = Duration::from_secs(120);
const FLEET: [&[&str]; 6] =
    [&["ingest"], &["sender"], &["sender"], &["escalation"], &["integrations"], &["callback"]];

fn folder() -> PathBuf {
    root().join("deploy/observability")
}

fn rules() -> Vec<Value> {
    let file = documents(&[folder().join("prometheus/rules.yml")]).remove(0);
    file["groups"][0]["rules"].as_array().unwrap().clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

#[test]
fn prometheus_takes_the_rules_and_its_configuration_and_each_alert_fires_and_stays_quiet() {
    let path = |name: &str| folder().join("prometheus").join(name).display().to_string();
    promtool(&["check", "config", &path("prometheus.yml")], "").unwrap();
    promtool(&["test", "rules", &path("rules_test.yml")], "").unwrap();
    let tests = documents(&[folder().join("prometheus/rules_test.yml")]).remove(0);
    for alert in rules() {
        let name = text(&alert, "alert");
        for (kind, fires) in [("fires", true), ("quiet", false)] {
            let tests = tests["tests"].as_array().unwrap();
            let test = tests.iter().find(|test| test["name"] == format!("{name} {kind}")).unwrap();
            let expected = &test["alert_rule_test"][0];
            assert_eq!(expected["alertname"], name);
            assert_eq!(!expected["exp_alerts"].as_array().unwrap().is_empty(), fires, "{name} {kind}");
        }
    }
}

#[test]
fn each_alert_has_a_page_and_each_page_an_alert() {
    let folder = root().join("docs/operations");
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut pages = BTreeSet::new();
    for alert in rules() {
        let name = text(&alert, "alert");
        let page = text(&alert["annotations"], "runbook").strip_prefix("docs/operations/").unwrap();
        assert!(index.contains(&format!("[{name}]({page})")), "{name} is not in the index");
        let told = std::fs::read_to_string(folder.join(page)).unwrap();
        let headings: Vec<_> = told.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(headings, [&format!("# {name}"), "## Meaning", "## Look", "## Act", "## Undo"], "{page}");
        assert!(told.contains("(../../deploy/observability/prometheus/rules.yml)"), "{page}");
        let severity = text(&alert["labels"], "severity");
        assert!(told.to_lowercase().contains(&format!("\n{severity}. ")), "{page} is {severity}");
        pages.insert(page.to_owned());
    }
    let found = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    // The other pages are about no alert.
    let found = found.map(|name| name.into_string().unwrap()).filter(|name| name.starts_with("callout-"));
    assert_eq!(found.collect::<BTreeSet<_>>(), pages);
}

#[test]
fn the_profile_changes_nothing_without_it_and_mounts_what_is_there() {
    let compose = documents(&[root().join("docker-compose.yml")]).remove(0);
    for service in ["prometheus", "grafana", "collector", "jaeger"] {
        let service = &compose["services"][service];
        assert_eq!(service["profiles"], json!(["observability"]));
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let mounted = volume.as_str().unwrap().split(':').next().unwrap();
            assert!(!mounted.starts_with('.') || root().join(mounted).is_dir(), "{mounted}");
        }
    }
    let environment = &compose["services"]["sender"]["environment"];
    assert_eq!(environment["OTEL_EXPORTER_OTLP_ENDPOINT"], "${OTEL_EXPORTER_OTLP_ENDPOINT:-}");
    let collector = documents(&[folder().join("collector/config.yaml")]).remove(0);
    for pipeline in collector["service"]["pipelines"].as_object().unwrap().values() {
        for kind in ["receivers", "processors", "exporters"] {
            for name in pipeline[kind].as_array().unwrap() {
                assert!(collector[kind].get(name.as_str().unwrap()).is_some(), "{kind}: {name}");
            }
        }
    }
}

/// The queries of all dashboards, with what Grafana puts in for its variables.
fn queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for name in DASHBOARDS {
        let file = folder().join(format!("grafana/dashboards/{name}.json"));
        let dashboard: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!(dashboard["uid"], format!("callout-{name}"));
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let query = text(target, "expr").replace("$__rate_interval", "1m").replace("$workflow", ".*");
                assert!(!query.contains('$'), "{name}: {query} has another variable");
                queries.push((format!("{name}: {}", text(panel, "title")), query));
            }
        }
    }
    queries
}

/// `callout tracker-sim`, until it is dropped.
struct Tracker(Child, String);

impl Tracker {
    fn start() -> Self {
        let address = format!("127.0.0.1:{}", test_servers::free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_callout"));
        let command = command.args(["tracker-sim", "--listen", &address]).stderr(Stdio::null());
        Self(command.spawn().unwrap(), format!("http://{address}"))
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn everything(tracker: &Tracker, collector: &Collector) -> Fleet {
    let settings = "[backend]\nkind = \"fleet\"\namqp_prefix = \"seen.\"\nredis_prefix = \"seen:\"\n";
    let lost = NOTE.replace("note.created", "lost.created") + "[exhausted]\nticket = \"ops\"\n";
    let destination = format!(
        "[ops]\nkind = \"github\"\napi = \"{}\"\nrepository = \"acme/ops\"\nsecret_env = [\"TRACKER_TOKEN\"]\n\
         allow_private = true\n",
        tracker.1
    );
    let env = [
        ("CALLOUT_AMQP_URL", test_servers::rabbitmq().url.clone()),
        ("CALLOUT_REDIS_URL", test_servers::redis().url.clone()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.http)),
        ("OTEL_METRIC_EXPORT_INTERVAL", "500".to_owned()),
    ];
    Fleet::start_layout(Layout {
        roles: &FLEET,
        settings,
        files: vec![("workflows/lost.toml", lost), ("integrations.toml", destination)],
        env: env.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        env_of: vec![("integrations", "TRACKER_TOKEN", "t0".to_owned())],
    })
    .await
}

/// Lets everything happen once more that a dashboard shows.
async fn happen(fleet: &Fleet, round: usize) {
    let note = |kind: &str, phone: &str| {
        let id = format!("{kind}-{round}");
        event(&format!("{kind}.created"), &id, &id, json!({"text": "x", "phone": phone}))
    };
    let page = |name: &str| {
        event(&format!("{name}.created"), &format!("{name}-{round}"), name, json!({"text": "x"}))
    };
    // An answer, a phone that is off, nobody who answers, and one who wants no more texts.
    let code = |text: &str| text.rsplit(' ').next().unwrap().to_owned();
    let before = fleet.sim.phone(FIRST).texts().len();
    fleet.event(&page("page")).await;
    fleet.wait_until(|view| view.texts(FIRST).len() > before).await;
    let texts = fleet.sim.phone(FIRST).texts();
    fleet.sim.phone(FIRST).reply(&format!("ACK {}", code(&texts[before].body))).await.unwrap();
    fleet.event(&page("quick")).await;
    fleet.sim.phone("+14155550120").set(Behaviour::Off);
    fleet.event(&note("note", "+14155550120")).await;
    fleet.sim.phone("+14155550121").send("+15005550006", "STOP").await.unwrap();
    let mut unwanted = note("note", "+14155550121");
    unwanted["id"] = format!("unwanted-{round}").into();
    fleet.event(&unwanted).await;
    // Refused for good, refused for now, taken without an answer.
    fleet.event(&note("lost", "+15005550009")).await;
    for (name, fault) in [("busy", FaultKind::TooManyRequests), ("silent", FaultKind::AcceptedNoAnswer)] {
        fleet.sim.inject(fault);
        let mut text = note("note", SECOND);
        text["id"] = format!("{name}-{round}").into();
        fleet.event(&text).await;
    }
    // An event without its fields, a stranger, a reload.
    let wrong = json!({"specversion": "1.0"}).to_string();
    assert_eq!(fleet.post(KEY, "application/cloudevents+json", wrong.clone()).await.0, 400);
    assert_eq!(fleet.post("wrong", "application/cloudevents+json", wrong).await.0, 401);
    fleet.signal(0, "-HUP");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_dashboards_finds_something_in_a_fleet_to_which_everything_happens() {
    let (tracker, collector) = (Tracker::start(), Collector::start("metrics"));
    let fleet = everything(&tracker, &collector).await;
    // Only this one has a write-ahead log.
    let embedded = Fleet::start().await;
    let mut addresses: Vec<_> = (0..FLEET.len()).map(|index| fleet.url_of(index).to_owned()).collect();
    addresses.push(embedded.url.clone());
    let addresses: Vec<_> =
        addresses.iter().map(|url| url.trim_start_matches("http://").to_owned()).collect();
    let prometheus = Prometheus::scraping(&addresses, &folder().join("prometheus/rules.yml"));
    let mut without_data = queries();
    let all = without_data.len();
    without_data.retain(|(_, query)| !query.contains(RIGHTLY_EMPTY));
    assert!(all > 50 && without_data.len() == all - 1, "{all}");
    let asking = async {
        let mut pause = tokio::time::interval(Duration::from_secs(3));
        for round in 0.. {
            happen(&fleet, round).await;
            pause.tick().await;
            let mut still = Vec::new();
            for (panel, query) in std::mem::take(&mut without_data) {
                if !has_data(&fleet.client, &prometheus.url, &query).await {
                    still.push((panel, query));
                }
            }
            without_data = still;
            if without_data.is_empty() {
                return;
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, asking).await;
    assert!(found.is_ok(), "no data for {without_data:#?}");
    let firing = ask(&fleet.client, &prometheus.url, "ALERTS{alertname=\"CalloutNobodyReached\"}").await;
    assert_eq!(firing[0]["metric"]["alertstate"], "firing", "{firing}");
}

async fn ask(client: &reqwest::Client, url: &str, query: &str) -> Value {
    let url = reqwest::Url::parse_with_params(&format!("{url}/api/v1/query"), [("query", query)]).unwrap();
    let answer = client.get(url).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["status"], "success", "{query}: {answer}");
    answer["data"]["result"].clone()
}

/// Whether a query gives a number.
async fn has_data(client: &reqwest::Client, url: &str, query: &str) -> bool {
    let result = ask(client, url, query).await;
    result.as_array().unwrap().iter().any(|series| series["value"][1] != "NaN")
}
