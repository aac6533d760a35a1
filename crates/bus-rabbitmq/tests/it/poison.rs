//! Work that nobody survives. In: a delivery that is never answered. Out: a dead letter, and no endless loop.

use bus_rabbitmq::topology::DELIVERY_LIMIT;
use ports::Bus as _;
use test_servers::rabbitmq;

use crate::setup::{STANDARD, bus, channel, config, event, event_of, get_raw, next};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_kills_every_worker_ends_in_the_dead_letters_of_the_broker() {
    let config = config(rabbitmq(), "poison");
    let raw = channel(&config.url).await;
    let (bus, names) = bus(config).await;
    let poison = event("poison", 1);
    bus.publish_events(std::slice::from_ref(&poison)).await.unwrap();
    let mut deliveries = bus.consume(STANDARD, 1).await.unwrap();
    for _ in 0..=DELIVERY_LIMIT {
        let delivery = next(&mut deliveries).await;
        assert_eq!(event_of(&delivery), poison);
        drop(delivery);
    }
    let dead = get_raw(&raw, &names.dead()).await;
    assert_eq!(dead.data, poison.to_json());
    assert_eq!(dead.routing_key.as_str(), "poison.events.standard");
    assert_eq!(bus.depth(STANDARD).await.unwrap(), 0);
}
