//! The metrics of every process of a fleet, as `promtool` reads them.

use serde_json::json;
use twilio_sim::Behaviour;

use crate::{
    ROLES,
    collector::Collector,
    fleet,
    harness::{FIRST, Fleet, Layout, SECOND, event, run_of},
};

#[tokio::test(flavor = "multi_thread")]
async fn promtool_takes_the_metrics_of_every_process() {
    let fleet = fleet("metrics").await;
    fleet.sim.phone(FIRST).set(Behaviour::Off);
    fleet.event(&event("page.created", "p-1", "db", json!({"text": "Down"}))).await;
    fleet.wait_until(|view| !view.texts(SECOND).is_empty()).await;
    let code = fleet.sim.phone(SECOND).texts()[0].body.rsplit(' ').next().unwrap().to_owned();
    fleet.sim.phone(SECOND).reply(&format!("ACK {code}")).await.unwrap();
    fleet.run_until(&run_of("p-1", "page", "db"), |run| run["phase"] == "acknowledged").await;
    fleet.event(&event("quick.created", "q-1", "db", json!({"text": "Down"}))).await;
    fleet.run_until(&run_of("q-1", "quick", "db"), |run| run["phase"] == "exhausted").await;
    for (index, roles) in ROLES.into_iter().enumerate() {
        let up = ["callout_dependency_up{dependency=\"rabbitmq\"} 1", "{dependency=\"redis\"} 1"];
        fleet.metrics_with(index, &up).await;
        let metrics = fleet.metrics(index).await;
        test_servers::promtool(&["check", "metrics"], &metrics).unwrap();
        let counted = match roles {
            ["ingest"] => "callout_events_accepted_total{source=\"test\",status=\"new\"} 2\n",
            ["sender"] => "callout_retry_budget_left ",
            ["escalation"] => "callout_runs_ended_total{workflow=\"quick\",phase=\"exhausted\"} 1\n",
            ["callback"] => "callout_texts_undelivered_total{workflow=\"page\",class=\"retry_later\"} 1\n",
            other => panic!("{other:?} has metrics of its own"),
        };
        fleet.metrics_with(index, &[counted]).await;
    }
    let senders = fleet.metrics(1).await + &fleet.metrics(2).await;
    for counted in ["callout_event_to_post_seconds_count", "callout_provider_request_duration_seconds_count"]
    {
        assert!(senders.contains(counted), "{counted} in {senders}");
    }
    assert!(fleet.metrics(3).await.contains("callout_timer_lateness_seconds_count"), "a timer fired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_the_same_metrics() {
    for protocol in ["http/protobuf", "grpc"] {
        let collector = Collector::start("metrics");
        let endpoint = if protocol == "grpc" { &collector.grpc } else { &collector.http };
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{endpoint}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "300".to_owned()),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let mut fleet = Fleet::start_layout(Layout { roles: &[&[]], env, ..Layout::default() }).await;
        fleet.event(&event("page.created", "p-1", "db", json!({"text": "Down"}))).await;
        fleet.wait_until(|view| !view.texts(FIRST).is_empty()).await;
        fleet.metrics_with(0, &["callout_texts_delivered_total{workflow=\"page\"} 1"]).await;
        let metrics = fleet.metrics(0).await;
        let families: Vec<&str> = metrics
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
            .chain(["callout_metric_exports_total"])
            .collect();
        assert!(families.contains(&"callout_event_to_post_seconds"), "{metrics}");
        let is_named = |printed: &str, family: &&str| printed.contains(&format!("-> Name: {family}\n"));
        let printed =
            collector.printed_until(|printed| families.iter().all(|family| is_named(printed, family))).await;
        for (family, expected) in [
            ("callout_runs_opened_total", &["IsMonotonic: true", "workflow: Str(page)", "Value: 1\n"][..]),
            ("callout_build_info", &["DataType: Gauge", "version: Str("]),
            ("callout_event_to_post_seconds", &["Unit: s\n", "DataType: Histogram", "lane: Str(critical)"]),
        ] {
            let told = printed.rsplit("Descriptor:\n").find(|told| is_named(told, &family)).unwrap();
            assert!(expected.iter().all(|part| told.contains(part)), "{expected:?} in {told}");
        }
        fleet.terminate();
    }
}
