//! Processes that are killed, and processes that are told to stop.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::timeline::TimelineEvent;
use embedded::{Embedded, EmbeddedConfig};
use ports::{
    SystemClock,
    store::{RunFilter, readable},
};
use serde_json::{Value, json};
use twilio_sim::FaultPlan;

use crate::harness::{Fleet, KEY, PATIENCE, event, run_of};

const EVENTS: usize = 1_000;
const BATCH: usize = 20;
const PRODUCERS: usize = 4;

fn number(index: usize) -> String {
    format!("+1415556{index:04}")
}

fn batch(first: usize) -> String {
    let events: Vec<Value> = (first..first + BATCH)
        .map(|index| {
            let id = format!("n-{index}");
            event("note.created", &id, &id, json!({"text": id, "phone": number(index)}))
        })
        .collect();
    Value::Array(events).to_string()
}

/// Posts a batch until it is answered, as a producer that loses its connection does.
async fn post_until_answered(client: reqwest::Client, url: String, body: String) {
    let mut tries = tokio::time::interval(std::time::Duration::from_millis(20));
    loop {
        let request = client.post(format!("{url}/v1/events")).bearer_auth(KEY);
        let sent = request
            .header("content-type", "application/cloudevents-batch+json")
            .body(body.clone())
            .send()
            .await;
        if sent.is_ok_and(|response| response.status().is_success()) {
            return;
        }
        tries.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_amid_a_thousand_events_loses_and_doubles_no_text() {
    let mut fleet = Fleet::start().await;
    // Slow enough that every kill finds requests that are under way: half of them not accepted yet, half of them
    // accepted and not answered. With lost callbacks, some of those can only be resolved by asking the provider.
    let slow = FaultPlan {
        latency_ms: 40,
        rate_hang: 0.5,
        hang_ms: 60,
        rate_callback_lost: 0.5,
        ..FaultPlan::default()
    };
    fleet.sim.set_faults(slow).unwrap();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let (client, url) = (fleet.client.clone(), fleet.url.clone());
            tokio::spawn(async move {
                for first in (producer * BATCH..EVENTS).step_by(PRODUCERS * BATCH) {
                    post_until_answered(client.clone(), url.clone(), batch(first)).await;
                }
            })
        })
        .collect();
    for texts in [150, 450, 800] {
        fleet.wait_until(|view| view.accepted() >= texts).await;
        fleet.kill();
        fleet.serve().await;
    }
    for producer in producers {
        tokio::time::timeout(PATIENCE, producer).await.expect("every batch is answered").unwrap();
    }
    fleet.wait_until(|view| (0..EVENTS).all(|index| !view.texts(&number(index)).is_empty())).await;
    // What was killed between its request and its answer is in doubt; each doubt must be resolved without another text.
    let sums = fleet.audit_once_settled().await;
    let report = fleet.sim.report();
    // A machine that is busy with other things may keep the provider from answering in time, twice over: these workflows
    // say that such a text is sent again then.
    for duplicate in &report.duplicates {
        let message = duplicate.message.as_deref().and_then(|id| id.rsplit_once('-')).unwrap();
        let run = fleet.json(&["runs", "show", message.0])["timeline"].to_string();
        assert!(run.contains("doubt resolved (resend): the provider could not be asked"), "{report:?} {run}");
    }
    let doubled = report.duplicates_total;
    assert_eq!(report.accepted, EVENTS as u64 + doubled, "{sums}");
    let texts: BTreeSet<String> =
        (0..EVENTS).flat_map(|index| fleet.sim.phone(number(index)).texts()).map(|text| text.body).collect();
    assert_eq!(texts.len(), EVENTS);
    let runs: u64 = sums["runs"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!((runs, sums["forgotten"].as_u64()), (EVENTS as u64, Some(0)));
    assert_eq!(fleet.terminate(), Some(0));
    let doubts = doubts(&fleet).await;
    eprintln!("doubts, by what resolved them: {doubts:?}");
    let taken: usize = ["found", "callback", "answer"].iter().filter_map(|by| doubts.get(*by)).sum();
    let not_taken = doubts.get("resend").copied().unwrap_or(0);
    assert!(
        taken > 0 && not_taken > 0,
        "no kill hit requests of both kinds, so nothing was proved: {doubts:?}"
    );
}

/// How the doubts that the kills caused were resolved, with counts.
async fn doubts(fleet: &Fleet) -> BTreeMap<String, usize> {
    let config =
        EmbeddedConfig::new(fleet.folder.path().join("callout.db"), BTreeMap::new(), Arc::new(SystemClock));
    let embedded = Embedded::open(config).unwrap();
    let store = embedded.store();
    let mut resolved = BTreeMap::new();
    for run in readable(store.list_runs(&RunFilter::default(), u16::MAX).await.unwrap()).0 {
        for entry in store.timeline(run.id()).await.unwrap() {
            if let TimelineEvent::DoubtResolved { by, .. } = entry.what {
                *resolved.entry(by.as_str().to_owned()).or_default() += 1;
            }
        }
    }
    resolved
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_events_and_loses_none_that_was_accepted() {
    let mut fleet = Fleet::start().await;
    assert_eq!(fleet.terminate(), Some(0));
    let settings = fleet.folder.path().join("callout.toml");
    let roomy = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("{roomy}[backend]\nmax_mb = 1\n")).unwrap();
    fleet.serve().await;
    let mut taken = 0;
    let problem = loop {
        let (status, answer) = fleet.post(KEY, "application/cloudevents-batch+json", batch(taken)).await;
        if status != 202 {
            break answer;
        }
        taken += BATCH;
        assert!(taken < 100_000, "a megabyte holds no {taken} events");
    };
    assert_eq!(problem["status"], 503, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("full"), "{problem}");
    assert!(taken > 0);

    fleet.kill();
    std::fs::write(&settings, roomy).unwrap();
    fleet.serve().await;
    fleet.wait_until(|view| (0..taken).all(|index| !view.texts(&number(index)).is_empty())).await;
    assert_eq!(fleet.sim.report().duplicates_total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_cleanly_and_what_was_accepted_is_sent_after_a_restart() {
    let mut fleet = Fleet::start().await;
    let (status, _) = fleet.post(KEY, "application/cloudevents-batch+json", batch(0)).await;
    assert_eq!(status, 202);
    assert_eq!(fleet.terminate(), Some(0));
    fleet.serve().await;
    fleet.wait_until(|view| view.accepted() == BATCH as u64).await;
    fleet.run_until(&run_of("n-0", "note", "n-0"), |run| run["phase"] == "completed").await;
    assert_eq!(fleet.sim.report().duplicates_total, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_file_is_refused() {
    let fleet = Fleet::start().await;
    let output = fleet.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("callout.db") && message.contains("process"), "{message}");
}
