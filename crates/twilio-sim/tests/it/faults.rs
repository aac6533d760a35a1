//! Faults by seed. In: a plan. Out: the same faults every time. Never: sleeps.

use std::collections::BTreeMap;

use twilio_sim::{DeliveryFailure, FailedStatus, FaultKind, FaultPlan, Report, SimConfig, Simulator, Status};

use crate::harness::*;

fn plan() -> FaultPlan {
    FaultPlan {
        rate_429: 0.1,
        rate_503: 0.1,
        rate_accepted_then_500: 0.1,
        delivery_failures: vec![DeliveryFailure {
            rate: 0.2,
            status: FailedStatus::Undelivered,
            code: 30_008,
        }],
        rate_callback_lost: 0.2,
        rate_callback_doubled: 0.2,
        rate_callback_reordered: 0.2,
        rate_callback_early: 0.2,
        ..FaultPlan::default()
    }
}

/// The answers to sixty requests, one after the other, and the report once all texts have ended.
async fn play(seed: u64) -> (Vec<u16>, Report) {
    let sim = start(SimConfig { seed, faults: plan(), ..config() }).await;
    let (api, receiver) = (Api::of(&sim), Receiver::start().await);
    let url = receiver.url("/");
    let mut answers = Vec::new();
    for number in 0..60 {
        let body = format!("text {number}");
        let form = [("To", PHONE), ("From", FROM), ("Body", &*body), ("StatusCallback", &*url)];
        answers.push(api.create(&form).await.0);
    }
    let accepted = sim.report().accepted;
    let ended = |report: &Report| {
        let count = |status: Status| report.by_status.get(status.word()).copied().unwrap_or(0);
        let doubled = report.faults_fired[&FaultKind::CallbackDoubled];
        count(Status::Delivered) + count(Status::Undelivered) == accepted
            && report.callbacks.answered_2xx + report.callbacks.lost == 2 * accepted + doubled
    };
    sim.wait_until(|view| ended(&view.report()), PATIENCE).await.unwrap();
    (answers, sim.report())
}

#[tokio::test]
async fn the_same_seed_tells_the_same_play() {
    let (first, second, other) = (play(11).await, play(11).await, play(12).await);
    assert_eq!(first, second);
    assert_ne!(first.0, other.0);
}

#[tokio::test]
async fn every_kind_that_was_planned_fires() {
    let fired: BTreeMap<_, _> = play(11).await.1.faults_fired;
    for kind in FaultKind::ALL {
        let planned = !matches!(kind, FaultKind::AcceptedNoAnswer | FaultKind::Hang | FaultKind::ListLag);
        assert_eq!(fired[&kind] > 0, planned, "{kind:?}");
    }
}

#[tokio::test]
async fn an_impossible_plan_does_not_start() {
    let faults = FaultPlan { rate_hang: 2.0, ..FaultPlan::default() };
    assert!(Simulator::start(SimConfig { faults, ..config() }).await.is_err());
}

#[tokio::test]
async fn an_answer_that_was_held_back_comes_late() {
    let sim = start(SimConfig { faults: FaultPlan { hang_ms: 1, ..FaultPlan::default() }, ..config() }).await;
    sim.inject(FaultKind::Hang);
    Api::of(&sim).text(PHONE, "late", None).await;
    assert_eq!((sim.report().answer_lost, sim.report().faults_fired[&FaultKind::Hang]), (0, 1));
}

#[tokio::test]
async fn lists_lack_a_text_until_its_lag_is_over() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    let (_, created) = api.create(&[("To", PHONE), ("From", FROM), ("Body", "late")]).await;
    let listed = async || {
        let (_, list) = api.call(reqwest::Method::GET, &messages(), &[]).await;
        list["messages"].as_array().unwrap().iter().any(|text| text["sid"] == created["sid"])
    };
    assert!(listed().await);
    // An hour at most: the text's own part of it is not over.
    sim.set_faults(FaultPlan { list_lag_ms: 3_600_000, ..FaultPlan::default() }).unwrap();
    assert!(!listed().await);
    assert_eq!(sim.report().faults_fired[&FaultKind::ListLag], 1);
    sim.set_faults(FaultPlan::default()).unwrap();
    assert!(listed().await);
}
