//! A fleet whose broker and Redis have certificates of a private authority and ask for ours.

use serde_json::json;
use test_servers::{PrivateCa, RabbitMq, RedisServer, free_port};

use crate::{
    ROLES,
    harness::{FIRST, Fleet, Layout, event},
};

#[tokio::test(flavor = "multi_thread")]
async fn g13_a_fleet_reaches_servers_of_a_private_authority_with_a_certificate_of_its_own() {
    let ca = PrivateCa::new();
    let path = |name: &str| ca.file(name).display().to_string();
    let (redis_port, amqp_port) = (free_port(), free_port());
    let redis = RedisServer::private_with(&format!(
        "--tls-port {redis_port} --tls-cert-file {} --tls-key-file {} --tls-ca-cert-file {} --tls-auth-clients yes",
        path("server.pem"),
        path("server.key"),
        path("ca.pem")
    ));
    let broker = RabbitMq::private_with(&format!(
        "listeners.ssl.1 = 127.0.0.1:{amqp_port}\nssl_options.cacertfile = {}\nssl_options.certfile = {}\n\
         ssl_options.keyfile = {}\nssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n",
        path("ca.pem"),
        path("server.pem"),
        path("server.key")
    ));
    let env = vec![
        ("CALLOUT_AMQP_URL".to_owned(), format!("amqps://guest:guest@localhost:{amqp_port}/%2f")),
        ("CALLOUT_REDIS_URL".to_owned(), format!("rediss://localhost:{redis_port}/")),
    ];
    let files = |server: &str| {
        format!(
            "{server}_ca_file = {:?}\n{server}_cert_file = {:?}\n{server}_key_file = {:?}\n",
            path("ca.pem"),
            path("client.pem"),
            path("client.key")
        )
    };
    let settings = format!("[backend]\nkind = \"fleet\"\n{}{}", files("amqp"), files("redis"));
    let layout = Layout { roles: &ROLES, settings: &settings, env, ..Layout::default() };
    let fleet = Fleet::start_layout(layout).await;
    fleet.event(&event("note.created", "n-1", "s", json!({"text": "private", "phone": FIRST}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    assert_eq!(fleet.json(&["runs", "list"]).as_array().unwrap().len(), 1);

    // Without its certificate the authority is unknown, and without ours we are.
    let file = fleet.folder.path().join("callout.toml");
    let whole = std::fs::read_to_string(&file).unwrap();
    for (server, address, args) in [
        ("redis", "Redis at localhost:", &["runs", "list"][..]),
        ("amqp", "RabbitMQ at localhost:", &["topology", "verify"]),
    ] {
        let without = |key: &str| {
            let is_it = |line: &&str| line.starts_with(&format!("{server}_{key}"));
            whole.lines().filter(|line| !is_it(line)).map(|line| format!("{line}\n")).collect::<String>()
        };
        for text in [without("ca_file"), without("c").replace(&format!("{server}_key_file"), "# ")] {
            std::fs::write(&file, text).unwrap();
            let output = fleet.run(args);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(address) && said.contains("ertificate"), "{said}");
        }
    }
    drop((redis, broker));
}
