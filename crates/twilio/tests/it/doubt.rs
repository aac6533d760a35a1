//! Requests whose outcome is unknown. In: faults. Out: doubt, and what a look-up finds. Never: sleeps.

use std::time::Duration;

use domain::provider::{FailureClass, SubmitOutcome};
use jiff::{SignedDuration, Timestamp};
use ports::SmsProvider;
use twilio::TwilioClient;
use twilio_sim::{FaultKind, Status};

use crate::harness::*;

/// A window around the messages of this test, from the dates the simulator gave them.
async fn found(client: &TwilioClient, to: &str) -> usize {
    let (from, until) = (Timestamp::UNIX_EPOCH, Timestamp::MAX - SignedDuration::from_hours(48));
    client.look_up(&to.parse().unwrap(), from, until).await.unwrap().len()
}

#[tokio::test]
async fn an_accepted_text_without_an_answer_is_found_by_looking_it_up() {
    let sim = sim().await;
    let client = client(sim.base_url());
    for kind in [FaultKind::AcceptedNoAnswer, FaultKind::AcceptedThen500] {
        sim.inject(kind);
        check_in_doubt(&submit(&client, PHONE, &format!("{kind:?}")).await);
    }
    assert_eq!(found(&client, PHONE).await, 2);
    let report = sim.report();
    assert_eq!((report.accepted, report.answer_lost), (2, 2));
    assert_eq!(report.faults_fired[&FaultKind::AcceptedNoAnswer], 1);
}

#[tokio::test]
async fn an_unavailable_provider_leaves_doubt_although_nothing_was_created() {
    let sim = sim().await;
    let client = client(sim.base_url());
    sim.inject(FaultKind::Unavailable);
    check_in_doubt(&submit(&client, PHONE, "hello").await);
    assert_eq!(found(&client, PHONE).await, 0);
}

#[tokio::test]
async fn a_hanging_provider_leaves_doubt_within_the_time_allowed() {
    let sim = sim().await;
    let mut config = client_config(sim.base_url());
    config.answer_max = Duration::from_millis(300);
    let client = TwilioClient::new(config).unwrap();
    assert_eq!(client.answer_max(), Duration::from_millis(300));
    sim.inject(FaultKind::Hang);
    check_in_doubt(&submit(&client, PHONE, "hello").await);
    sim.wait_until(|view| view.with_status(Status::Delivered) == 1, PATIENCE).await.unwrap();
    assert_eq!(sim.phone(PHONE).texts().len(), 1);
}

#[tokio::test]
async fn without_a_free_slot_nothing_is_sent() {
    // By configuration, or set later.
    for (in_flight_max, allowed) in [(1, None), (8, Some(1))] {
        let sim = sim().await;
        let mut config = client_config(sim.base_url());
        config.answer_max = Duration::from_millis(300);
        config.in_flight_max = in_flight_max;
        let client = TwilioClient::new(config).unwrap();
        if let Some(allowed) = allowed {
            client.allow(allowed).await;
        }
        sim.inject(FaultKind::Hang);
        // The other one waits as long as the first has its slot, and may have it in the same instant as its wait ends.
        let holding = async {
            let first = submit(&client, PHONE, "first").await;
            (first, sim.report().accepted)
        };
        let ((first, accepted), _) = tokio::join!(holding, submit(&client, "+14155550101", "second"));
        check_in_doubt(&first);
        assert_eq!(accepted, 1);
        let before = sim.report().accepted;
        client.allow(0).await;
        assert_eq!(refusal(submit(&client, PHONE, "third").await).class, FailureClass::RetrySoon);
        assert_eq!(sim.report().accepted, before);
    }
}

#[tokio::test]
async fn a_host_that_takes_no_connection_was_sent_nothing() {
    let sim = sim().await;
    let gone = sim.base_url();
    sim.shutdown().await;
    let client = client(gone);
    let refusal = refusal(submit(&client, PHONE, "hello").await);
    assert_eq!((refusal.class, refusal.code), (FailureClass::RetrySoon, None));
    let unknown = crate::harness::client("http://no-such-host.invalid".parse().unwrap());
    assert!(matches!(submit(&unknown, PHONE, "hello").await, SubmitOutcome::NotSent(_)));
}
