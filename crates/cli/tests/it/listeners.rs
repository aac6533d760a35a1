//! Where the process answers what.

use crate::harness::Fleet;

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
