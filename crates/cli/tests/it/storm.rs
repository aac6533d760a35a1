//! Many events at once, seen from outside. In: a workflow with `[grouping]`, or with quiet hours that end in a digest. Out: how
//! many texts go out, that each event is told of, and what a reply to a digest does.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use ports::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, KEY, Layout, NOTE, event, run_of};

const EVENTS: usize = 1_000;
const PEOPLE: usize = 10;
/// How many batches come, one each tenth of a second.
const BATCHES: usize = 100;

const STORM: &str = r#"
event = "storm.created"
resolved_by = "storm.resolved"
stage = "live"
on_doubt = "resend"
poll_after = ["5s", "60s"]
template = "{{ text }}. Reply ACK {{ ack }}"
[schema]
type = "object"
required = ["text", "phone"]
properties = { text = { type = "string" }, phone = { type = "string" } }
[[step]]
notify = ["field:phone"]
ack_within = "1h"
"#;

fn phone(index: usize) -> String {
    format!("+1415558{:04}", index % PEOPLE)
}

async fn start(workflow: String) -> Fleet {
    let files = vec![("workflows/storm.toml", workflow)];
    Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await
}

/// What became of 1,000 events in 10 s for ten people.
struct Outcome {
    texts: u64,
    first_after: Duration,
    runs: Vec<Value>,
}

async fn storm(grouping: &str) -> (Fleet, Outcome) {
    let fleet = start(STORM.replacen("[schema]", &format!("{grouping}[schema]"), 1)).await;
    let began: Timestamp = SystemClock.now();
    let mut ticks = tokio::time::interval(Duration::from_secs(10) / BATCHES as u32);
    let size = EVENTS / BATCHES;
    for batch in 0..BATCHES {
        ticks.tick().await;
        let events = (batch * size..(batch + 1) * size).map(|index| {
            let id = format!("s-{index}");
            event("storm.created", &id, &id, json!({"text": id, "phone": phone(index)}))
        });
        let body = Value::Array(events.collect()).to_string();
        let (status, answer) = fleet.post(KEY, "application/cloudevents-batch+json", body).await;
        assert_eq!(status, 202, "{answer}");
    }
    let mut looks = tokio::time::interval(Duration::from_millis(250));
    let runs = loop {
        looks.tick().await;
        let listed = fleet.json(&["runs", "list", "--workflow", "storm", "--max", "1000"]);
        let listed = listed["runs"].as_array().unwrap_or_else(|| listed.as_array().unwrap()).clone();
        let is_told = |run: &Value| {
            ["delivered", "told"].contains(&run["messages"][0]["status"].as_str().unwrap_or(""))
        };
        if listed.len() == EVENTS && listed.iter().all(is_told) {
            break listed;
        }
    };
    let first = (0..PEOPLE).flat_map(|index| fleet.sim.phone(phone(index)).texts()).map(|text| text.at).min();
    let first_after = Duration::try_from(first.unwrap().duration_since(began)).unwrap();
    let texts = fleet.sim.report().accepted;
    (fleet, Outcome { texts, first_after, runs })
}

/// Prints the figures of docs/benchmarks.md.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_events_for_ten_people_are_few_texts_that_tell_of_all() {
    let (_, alone) = storm("").await;
    assert_eq!(alone.texts, EVENTS as u64);
    let (fleet, grouped) = storm("[grouping]\nwindow = \"12s\"\n").await;
    println!(
        "1,000 events in 10 s for 10 people: {} texts alone, first after {:?}",
        alone.texts, alone.first_after
    );
    println!("grouped: {} texts, first after {:?}", grouped.texts, grouped.first_after);
    assert!(grouped.texts <= 3 * PEOPLE as u64, "{} texts", grouped.texts);

    let mut told_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for run in &grouped.runs {
        let message = &run["messages"][0];
        let id = message["id"].as_str().unwrap().to_owned();
        let tells_of = message["tells_of"].as_array().into_iter().flatten();
        let members = tells_of.map(|member| member.as_str().unwrap().to_owned());
        if message["status"] == "delivered" {
            told_of.entry(id.clone()).or_default().extend(members.chain([id]));
        }
    }
    let told: BTreeSet<&String> = told_of.values().flatten().collect();
    assert_eq!(
        (told.len(), told_of.values().map(BTreeSet::len).sum::<usize>()),
        (EVENTS, EVENTS),
        "each is told once"
    );
    for run in grouped.runs.iter().filter(|run| run["messages"][0]["status"] == "told") {
        let by = run["messages"][0]["told_by"].as_str().unwrap();
        assert!(told_of[by].contains(run["messages"][0]["id"].as_str().unwrap()), "{run}");
    }
    // What a phone shows counts what it stands for.
    let mut counted = 0;
    for text in (0..PEOPLE).flat_map(|index| fleet.sim.phone(phone(index)).texts()) {
        assert!(text.body.len() <= 160, "{}", text.body);
        let more = text.body.strip_prefix('+').and_then(|rest| rest.split(' ').next());
        counted += more.map_or(1, |more| more.parse::<usize>().unwrap());
    }
    assert_eq!(counted, EVENTS);

    let digest =
        fleet.sim.phone(phone(0)).texts().into_iter().find(|text| text.body.starts_with('+')).unwrap();
    let code = digest.body.rsplit(' ').next().unwrap();
    fleet.sim.phone(phone(0)).reply(&format!("ALL {code}")).await.unwrap();
    let (carrier, members) = told_of
        .iter()
        .find(|(carrier, members)| {
            let run = grouped.runs.iter().find(|run| run["messages"][0]["id"] == **carrier).unwrap();
            members.len() > 1 && run["subject"].as_str().unwrap().ends_with('0')
        })
        .map(|(carrier, members)| (carrier.clone(), members.clone()))
        .unwrap();
    for message in members.iter().take(3).chain([&carrier]) {
        let run = message.rsplit_once('-').unwrap().0;
        let shown = fleet.run_until(run, |run| run["phase"] == "acknowledged").await;
        let timeline = shown["timeline"].to_string();
        assert!(timeline.contains("acknowledged by"), "{timeline}");
    }
    let audit = fleet.json(&["audit", "--decisions"]);
    assert_eq!(audit["different"].as_array().map_or(0, Vec::len), 0, "{audit}");
}

/// The process is killed while they wait.
#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_quiet_hours_is_one_text_when_they_end() {
    let time = |seconds: i64| {
        let at = SystemClock.now().checked_add(seconds.seconds()).unwrap().to_zoned(TimeZone::UTC);
        at.time().round(jiff::Unit::Second).unwrap()
    };
    let quiet = format!(
        "[quiet_hours]\nstart = \"{}\"\nend = \"{}\"\ntime_zone = \"UTC\"\nzone_field = \"zone\"\nthen = \"digest\"\n",
        time(-3_600),
        time(15)
    );
    let workflow = NOTE.replace("note.", "storm.").replacen("[schema]", &format!("{quiet}[schema]"), 1);
    let workflow = workflow.replace("phone = { type", "zone = { type = \"string\" }, phone = { type");
    let mut fleet = start(workflow).await;
    let phone = "+4915112345678";
    for id in ["a", "b", "c"] {
        let note = event(
            "storm.created",
            id,
            id,
            json!({"text": format!("Note {id}"), "phone": phone, "zone": "UTC"}),
        );
        assert_eq!(fleet.event(&note).await, 202);
    }
    let run = run_of("b", "storm", "b");
    let held = fleet.run_until(&run, |run| run["messages"][0]["held_for_digest"] == true).await;
    assert!(held["timeline"].to_string().contains("held for the digest until"), "{held}");
    fleet.kill();
    fleet.serve().await;
    for id in ["a", "b", "c"] {
        fleet.run_until(&run_of(id, "storm", id), |run| run["phase"] == "completed").await;
    }
    let texts = fleet.sim.phone(phone).texts();
    let bodies: Vec<&str> = texts.iter().map(|text| text.body.as_str()).collect();
    assert_eq!(bodies, ["3 while quiet: a, b, c."]);
    assert!(fleet.sim.phone(FIRST).texts().is_empty());
}

/// The process is killed while a storm waits for its digest, and once more while that is told of.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_a_first_text_and_a_digest_although_the_process_is_killed() {
    let grouping = "[grouping]\nwindow = \"10s\"\n";
    let workflow = STORM.replacen("[schema]", &format!("{grouping}[schema]"), 1);
    let settings = format!("[api]\nlisten = \"127.0.0.1:{}\"\n", test_servers::free_port());
    let files = vec![("workflows/storm.toml", workflow)];
    let layout = Layout { roles: &[&[]], settings: &settings, files, ..Layout::default() };
    let mut fleet = Fleet::start_layout(layout).await;
    let phone = phone(0);
    let ids: Vec<String> = (0..6).map(|index| format!("s-{index}")).collect();
    for id in &ids {
        let storm = event("storm.created", id, id, json!({"text": id, "phone": phone}));
        assert_eq!(fleet.event(&storm).await, 202);
        fleet.run_until(&run_of(id, "storm", id), |run| !run["messages"][0].is_null()).await;
    }
    fleet
        .run_until(&run_of("s-5", "storm", "s-5"), |run| run["messages"][0]["held_for_digest"] == true)
        .await;
    fleet.kill();
    fleet.serve().await;
    fleet.wait_until(|view| view.texts(&phone).len() == 2).await;
    fleet.kill();
    fleet.serve().await;
    for id in &ids[1..] {
        let is_told = |run: &Value| {
            ["delivered", "told"].contains(&run["messages"][0]["status"].as_str().unwrap_or(""))
        };
        fleet.run_until(&run_of(id, "storm", id), is_told).await;
    }
    let bodies: Vec<String> =
        fleet.sim.phone(&phone).texts().iter().map(|text| text.body.to_string()).collect();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    assert!(bodies[1].starts_with("+5 more: s-1, s-2, s-3, s-4, s-5. Reply ALL "), "{bodies:?}");
    // What follows a digest says of which run it is.
    let code = bodies[1].rsplit(' ').next().unwrap();
    fleet.sim.phone(&phone).reply(&format!("ALL {code}")).await.unwrap();
    for id in &ids[1..] {
        fleet.run_until(&run_of(id, "storm", id), |run| run["phase"] == "acknowledged").await;
    }
    let mut looks = tokio::time::interval(Duration::from_millis(250));
    let mut tail = String::new();
    for _ in 0..240 {
        looks.tick().await;
        let shown = String::from_utf8(fleet.run(&["tail", "--history", "--no-follow"]).stdout).unwrap();
        tail = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        if tail.contains("reply to the digest of run r") {
            return;
        }
    }
    panic!("no outcome names the digest: {tail}");
}
