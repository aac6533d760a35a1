//! What `/readyz` says while a server is away, or takes nothing. Each role says which one it is.

use test_servers::{RabbitMq, RedisServer};

use crate::{ROLES, harness::Fleet};

/// What each process says, once all say the same about these words.
async fn until_all_say(fleet: &Fleet, status: u16, word: &str) {
    for process in 0..ROLES.len() {
        fleet.readiness_until(process, status, word).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f5_every_role_names_the_server_that_is_away_or_takes_nothing() {
    let (broker, store) = (RabbitMq::private(), RedisServer::private());
    let env = vec![
        ("CALLOUT_AMQP_URL".to_owned(), broker.url.clone()),
        ("CALLOUT_REDIS_URL".to_owned(), store.url.clone()),
    ];
    let fleet = Fleet::start_roles(&ROLES, "[backend]\nkind = \"fleet\"\n", env).await;
    until_all_say(&fleet, 200, "ready").await;
    broker.ctl(&["set_vm_memory_high_watermark", "0.00001"]);
    until_all_say(&fleet, 503, "rabbitmq: ").await;
    broker.ctl(&["set_vm_memory_high_watermark", "0.9"]);
    until_all_say(&fleet, 200, "ready").await;
    store.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    until_all_say(&fleet, 503, "redis: ").await;
    store.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    until_all_say(&fleet, 200, "ready").await;
    broker.kill();
    store.kill();
    until_all_say(&fleet, 503, "redis: ").await;
    until_all_say(&fleet, 503, "rabbitmq: ").await;
    assert_eq!(fleet.liveness().await, [200; ROLES.len()], "no restart would help");
}
