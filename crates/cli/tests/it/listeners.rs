//! Where the process answers what.

use serde_json::json;

use crate::harness::{Fleet, KEY, event};

#[tokio::test(flavor = "multi_thread")]
async fn e12_readiness_and_metrics_can_have_an_address_of_their_own() {
    let address = format!("127.0.0.1:{}", test_servers::free_port());
    let fleet =
        Fleet::start_with(&[("[http]\n", &format!("[http]\nmonitoring_listen = \"{address}\"\n"))]).await;
    let get = async |base: &str, path: &str| {
        fleet.client.get(format!("{base}{path}")).send().await.unwrap().status().as_u16()
    };
    let monitoring = format!("http://{address}");
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(&monitoring, path).await, 200, "{path}");
    }
    assert_eq!(get(&fleet.url, "/healthz").await, 200);
    for path in ["/readyz", "/metrics"] {
        assert_eq!(get(&fleet.url, path).await, 404, "{path} is not for the public");
    }
    assert_eq!(get(&monitoring, "/v1/events").await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_a_database_that_was_moved_away_is_not_ready_until_it_is_back() {
    let fleet = Fleet::start().await;
    let database = fleet.folder.path().join("callout.db");
    let elsewhere = database.with_extension("moved");
    fleet.readiness_until(0, 200, "ready").await;
    std::fs::rename(&database, &elsewhere).unwrap();
    fleet.readiness_until(0, 503, "database: ").await;
    let note = event("note.created", "n-1", "n", json!({"text": "Moved", "phone": "+14155550143"}));
    let (status, _) = fleet.post(KEY, "application/cloudevents+json", note.to_string()).await;
    assert_eq!(status, 503, "nobody would read it again");
    assert_eq!(fleet.liveness().await, [200]);
    std::fs::rename(&elsewhere, &database).unwrap();
    fleet.readiness_until(0, 200, "ready").await;
    assert_eq!(fleet.event(&note).await, 202);
}
