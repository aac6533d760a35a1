//! Pages in trouble: the provider was away, or a sender hangs. In: two senders. Out: pages, while the trouble lasts or
//! as soon as it is over.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for, and print how long it took")]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bus_rabbitmq::{RabbitBus, RabbitConfig, TopologyMode};
use domain::workflow::Lane;
use ports::{Bus as _, Queue, SystemClock};
use serde_json::json;

use crate::{
    SENDERS,
    after_outage::page_after_an_outage,
    fleet,
    harness::{FIRST, PATIENCE, event},
    post_notes,
};

/// A few at once would take minutes for so many if each waited for the provider to be tried.
#[tokio::test(flavor = "multi_thread")]
async fn a7_a_page_does_not_wait_behind_events_that_send_nothing() {
    let fleet = fleet("idle").await;
    let waited = page_after_an_outage(&fleet, &SENDERS, 2_000).await;
    println!("from the provider's return to the page: {} ms", waited.as_millis());
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_a_page_at_a_paused_sender_goes_out_through_another_and_none_is_doubled() {
    const NOTES: usize = 80;
    let number = |index: usize| format!("+1415554{index:04}");
    let mut fleet = fleet("paused").await;
    until_senders_consume("paused.").await;
    fleet.signal(SENDERS[0], "-STOP");
    let begun = Instant::now();
    // The broker deals them out in turns: one of the two goes to the sender that does nothing.
    for id in ["p-0", "p-1"] {
        fleet.event(&event("page.created", id, id, json!({"text": id}))).await;
    }
    post_notes(&fleet, NOTES, number).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 2).await;
    println!("the last page went out after {} ms", begun.elapsed().as_millis());
    fleet.wait_until(|view| (0..NOTES).all(|index| !view.texts(&number(index)).is_empty())).await;
    fleet.signal(SENDERS[0], "-CONT");
    // It works again, and alone.
    fleet.kill_process(SENDERS[1]);
    fleet.event(&event("page.created", "p-2", "p-2", json!({"text": "p-2"}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 3).await;
    fleet.audit_once_settled().await;
    let report = fleet.sim.report();
    assert_eq!((report.accepted, report.duplicates_total), (NOTES as u64 + 3, 0), "{report:?}");
}

/// Waits until every sender consumes the queue that it opens last.
async fn until_senders_consume(prefix: &str) {
    let mut config = RabbitConfig::new(&test_servers::rabbitmq().url, BTreeMap::new());
    (config.prefix, config.topology) = (prefix.to_owned(), TopologyMode::Verify);
    let bus = RabbitBus::connect(config, Arc::new(SystemClock)).await.unwrap();
    let mut tries = tokio::time::interval(Duration::from_millis(20));
    let counting = async {
        while bus.consumers(Queue::Send(Lane::Bulk)).await.unwrap() < SENDERS.len() as u32 {
            tries.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, counting).await.expect("both senders consume");
}
