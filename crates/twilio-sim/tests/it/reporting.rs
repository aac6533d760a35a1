//! The report. In: texts that should not have been sent. Out: findings. Never: sleeps.

use twilio_sim::{Behaviour, Status};

use crate::harness::*;

#[tokio::test]
async fn a_repeated_text_or_message_id_is_a_duplicate() {
    let sim = start(config()).await;
    let (api, receiver) = (Api::of(&sim), Receiver::start().await);
    let id = |id: &str| receiver.url(&format!("/?message={id}&attempt=1#rc=1"));
    let first = api.text(PHONE, "one", Some(&id("a"))).await;
    api.text(PHONE, "two", Some(&id("a"))).await;
    api.text(PHONE, "one", Some(&id("b"))).await;
    api.text("+14155550101", "one", Some(&id("c"))).await;
    let report = sim.report();
    let kinds: Vec<_> = report.duplicates.iter().map(|d| (d.same_message, d.same_text)).collect();
    assert_eq!(kinds, [(true, false), (false, true)]);
    assert!(report.duplicates.iter().all(|duplicate| duplicate.first == first && duplicate.to == "+1…00"));
    assert_eq!((report.duplicates_total, report.retried), (2, 0));
}

#[tokio::test]
async fn sending_again_after_a_failure_is_no_duplicate() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    sim.phone(PHONE).set(Behaviour::Off);
    api.text(PHONE, "one", Some("http://127.0.0.1:1/?message=a#rc=0")).await;
    sim.wait_until(|view| view.with_status(Status::Undelivered) == 1, PATIENCE).await.unwrap();
    sim.phone(PHONE).set(Behaviour::On);
    api.text(PHONE, "one", Some("http://127.0.0.1:1/?message=a#rc=0")).await;
    assert_eq!((sim.report().duplicates_total, sim.report().retried), (0, 1));
    api.text(PHONE, "one", Some("http://127.0.0.1:1/?message=a#rc=0")).await;
    assert_eq!(sim.report().duplicates_total, 1);
}

#[tokio::test]
async fn unexpected_texts_and_missing_ones_are_found() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    api.text(PHONE, "before", None).await;
    assert!(sim.report().unexpected.is_empty());
    sim.expect(PHONE, "db-1");
    sim.expect("+14155550101", "db-1");
    api.text(PHONE, "db-1 is down", None).await;
    api.text(PHONE, "surprise", None).await;
    let report = sim.report();
    assert_eq!((report.unexpected_total, report.unexpected[0].to.as_str()), (1, "+1…00"));
    assert_eq!(report.unmet.len(), 1);
    sim.reset();
    assert_eq!((sim.report().accepted, sim.report().unmet.len()), (0, 0));
}
