//! The metrics of one process: what `promtool` says of them, and that they say what happened.

use serde_json::json;
use twilio_sim::{Behaviour, FaultPlan};

use crate::harness::{FIRST, Fleet, KEY, NOTE, SECOND, event, run_of};

const STRUCTURED: &str = "application/cloudevents+json";

#[tokio::test(flavor = "multi_thread")]
async fn promtool_takes_the_metrics_of_an_embedded_process_and_they_say_what_happened() {
    let fleet = Fleet::start().await;
    fleet.sim.phone(FIRST).set(Behaviour::Off);
    let page = event("page.created", "p-1", "db", json!({"text": "Down"}));
    assert_eq!(fleet.event(&page).await, 202);
    fleet.wait_until(|view| !view.texts(SECOND).is_empty()).await;
    assert_eq!(fleet.event(&page).await, 200);
    let code = fleet.sim.phone(SECOND).texts()[0].body.rsplit(' ').next().unwrap().to_owned();
    fleet.sim.phone(SECOND).reply(&format!("ACK {code}")).await.unwrap();
    fleet.run_until(&run_of("p-1", "page", "db"), |run| run["phase"] == "acknowledged").await;
    fleet.sim.phone(SECOND).reply("STOP").await.unwrap();
    let wrong = event("note.created", "n-1", "n-1", json!({"text": "no phone"}));
    assert_eq!(fleet.post(KEY, STRUCTURED, wrong.to_string()).await.0, 400);
    assert_eq!(fleet.post("wrong-key", STRUCTURED, page.to_string()).await.0, 401);
    fleet.sim.set_faults(FaultPlan { rate_429: 1.0, ..FaultPlan::default() }).unwrap();
    let note = |id: &str| event("note.created", id, id, json!({"text": "again", "phone": FIRST}));
    fleet.event(&note("n-2")).await;
    std::fs::write(fleet.folder.path().join("workflows/note.toml"), NOTE.replace("1h", "2h")).unwrap();
    fleet.json(&["reload"]);
    let said = [
        "callout_build_info{version=\"",
        "roles=\"ingest,sender,callback,escalation,integrations,api\"} 1\n",
        "callout_config_info{digest=\"",
        "callout_config_reloads_total{result=\"applied\"} 1\n",
        "callout_config_last_reload_successful 1\n",
        "callout_consent_changes_total{change=\"opt_out\",source=\"reply\"} 1\n",
        "callout_dependency_up{dependency=\"database\"} 1\n",
        "callout_sqlite_wal_bytes ",
        "callout_escalations_total{workflow=\"page\"} 1\n",
        "callout_event_to_acknowledged_seconds_count{workflow=\"page\",lane=\"critical\"} 1\n",
        "callout_event_to_post_seconds_count{workflow=\"page\",lane=\"critical\"} 1\n",
        "callout_events_accepted_total{source=\"test\",status=\"known\"} 1\n",
        "callout_events_accepted_total{source=\"test\",status=\"new\"} 2\n",
        "callout_events_rejected_total{source=\"other\",status=\"401\"} 1\n",
        "callout_events_rejected_total{source=\"test\",status=\"400\"} 1\n",
        "callout_http_request_duration_seconds_count{route=\"/v1/events\",status=\"401\"} 1\n",
        "callout_decisions_total{workflow=\"page\",rule=\"policy.passed\",verdict=\"send\"} ",
        "callout_post_to_delivered_seconds_count{workflow=\"page\",lane=\"critical\"} 1\n",
        "callout_provider_request_duration_seconds_count{operation=\"submit\",result=\"refused\"}",
        "callout_runs_ended_total{workflow=\"page\",phase=\"acknowledged\"} 1\n",
        "callout_runs_opened_total{workflow=\"page\",lane=\"critical\"} 1\n",
        "callout_retry_budget_left ",
        "callout_processes{role=\"sender\"} 1\n",
        "callout_problems 0\n",
        "callout_queue_consumers{queue=\"events.critical\"} 1\n",
        "callout_queue_messages{queue=\"events.critical\"} 0\n",
        "callout_waiting{kind=\"needs_review\"} 0\n",
        "callout_waiting_oldest_seconds{kind=\"events\"} 0\n",
        "callout_texts_delivered_total{workflow=\"page\"} 1\n",
        "callout_texts_undelivered_total{workflow=\"page\",class=\"retry_later\"} 1\n",
    ];
    fleet.metrics_with(0, &said).await;
    let metrics = fleet.metrics(0).await;
    assert!(!metrics.contains("4155550"), "{metrics}");
    test_servers::promtool(&["check", "metrics"], &metrics).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn openmetrics_comes_to_those_who_ask_for_it() {
    let fleet = Fleet::start().await;
    let url = format!("{}/metrics", fleet.url);
    for (accept, form) in [
        ("*/*", "text/plain; version=0.0.4"),
        ("text/plain", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text"),
    ] {
        let answer = fleet.client.get(&url).header("accept", accept).send().await.unwrap();
        let given = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(given.starts_with(form), "{accept}: {given}");
        let text = answer.text().await.unwrap();
        assert_eq!(text.ends_with("# EOF\n"), form.contains("openmetrics"), "{accept}");
    }
}
