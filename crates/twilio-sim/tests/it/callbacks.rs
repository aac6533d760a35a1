//! Status callbacks. In: texts, and a receiver's answers. Out: what is posted, when, and how often. Never: sleeps.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use twilio_sim::{Behaviour, FailedStatus, FaultKind, Injection, Service, SimConfig, Status, Timing};

use crate::harness::*;

#[tokio::test]
async fn callbacks_are_signed_and_carry_our_query_back() {
    let sim = start(config()).await;
    let receiver = Receiver::start().await;
    let sid = Api::of(&sim)
        .text(PHONE, "hello", Some(&receiver.url("/status?message=m1&attempt=2#rc=5&rp=all")))
        .await;
    let hooks = receiver.wait_for(2).await;
    assert_eq!(receiver.words(), ["sent", "delivered"]);
    for hook in &hooks {
        assert!(hook.genuine);
        assert_eq!((hook.status().sid.as_str(), hook.status().attempt), (sid.as_str(), Some(2)));
        assert_eq!(hook.header("user-agent"), "TwilioProxy/1.1");
        assert_eq!(hook.form.get("SmsSid"), hook.form.get("MessageSid"));
        assert_eq!(hook.form.get("AccountSid"), Some(ACCOUNT));
    }
    assert_ne!(hooks[0].header("i-twilio-idempotency-token"), hooks[1].header("i-twilio-idempotency-token"));
    assert_eq!(hooks[1].form.get("RawDlrDoneDate").unwrap().len(), 10);
    sim.wait_until(|view| view.callbacks().answered_2xx == 2, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_service_send_has_a_callback_more_and_names_its_service() {
    let receiver = Receiver::start().await;
    let status_callback = Some(receiver.url("/service").parse().unwrap());
    let service =
        Service { sid: SERVICE.into(), senders: vec![POOL.into()], status_callback, ..Service::default() };
    let sim = start(SimConfig { services: vec![service], ..config() }).await;
    Api::of(&sim).create(&[("To", PHONE), ("MessagingServiceSid", SERVICE), ("Body", "x")]).await;
    let hooks = receiver.wait_for(3).await;
    assert_eq!(receiver.words(), ["queued", "sent", "delivered"]);
    assert!(hooks.iter().all(|hook| hook.genuine && hook.form.get("MessagingServiceSid") == Some(SERVICE)));
    assert!(hooks.iter().all(|hook| hook.form.get("From") == Some(POOL)));
}

#[tokio::test]
async fn each_kind_of_phone_ends_in_its_status() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    let fails = Behaviour::Fails { status: FailedStatus::Failed, code: 30_007 };
    for (behaviour, expected) in [
        (Behaviour::Off, vec![("sent", None), ("undelivered", Some(30_003))]),
        (Behaviour::Landline, vec![("sent", None), ("undelivered", Some(30_006))]),
        (fails, vec![("failed", Some(30_007))]),
        (Behaviour::Silent, vec![("sent", None)]),
    ] {
        let receiver = Receiver::start().await;
        sim.phone(PHONE).set(behaviour);
        api.text(PHONE, &format!("{behaviour:?}"), Some(&receiver.url("/"))).await;
        let hooks = receiver.wait_for(expected.len()).await;
        let seen: Vec<_> =
            hooks.iter().map(|hook| (hook.status().raw_status, hook.status().error_code)).collect();
        let expected: Vec<_> = expected.into_iter().map(|(word, code)| (word.to_owned(), code)).collect();
        assert_eq!(seen, expected, "{behaviour:?}");
    }
    assert_eq!(sim.phone(PHONE).texts().len(), 1, "the silent phone alone shows its text");
}

#[tokio::test]
async fn a_text_that_never_leaves_fails_when_its_validity_ends() {
    let timing = Timing { validity_second_ms: 1, ..Timing::INSTANT };
    let sim = start(SimConfig { timing, ..config() }).await;
    let receiver = Receiver::start().await;
    sim.phone(PHONE).set(Behaviour::NeverLeaves);
    let url = receiver.url("/");
    let form =
        [("To", PHONE), ("From", FROM), ("Body", "x"), ("ValidityPeriod", "5"), ("StatusCallback", &url)];
    Api::of(&sim).create(&form).await;
    let hooks = receiver.wait_for(1).await;
    assert_eq!(
        (hooks[0].status().raw_status.as_str(), hooks[0].status().error_code),
        ("failed", Some(30_036))
    );
}

#[tokio::test]
async fn an_error_answer_is_tried_again_only_if_the_url_says_so() {
    let sim = start(config()).await;
    let api = Api::of(&sim);
    sim.phone(PHONE).set(Behaviour::Silent);
    for (fragment, answers, tries) in [
        ("", vec![500], 1),
        ("#rc=5", vec![500], 1),
        ("#rc=5&rp=5xx", vec![500, 503], 3),
        ("#rc=5&rp=5xx", vec![404], 1),
        ("#rc=1&rp=all", vec![500, 500, 500], 2),
        ("#rc=2&rp=4xx", vec![404], 2),
    ] {
        let receiver = Receiver::start().await;
        receiver.answer_with(&answers);
        let before = sim.report().callbacks;
        api.text(PHONE, &format!("with {fragment:?}"), Some(&receiver.url(&format!("/{fragment}")))).await;
        let done = |report: twilio_sim::Callbacks| report.answered_2xx + report.failed;
        sim.wait_until(|view| done(view.report().callbacks) > done(before), PATIENCE).await.unwrap();
        let hooks = receiver.hooks();
        assert_eq!(hooks.len(), tries, "{fragment} {answers:?}");
        let tokens: std::collections::BTreeSet<_> =
            hooks.iter().map(|hook| hook.header("i-twilio-idempotency-token").to_owned()).collect();
        assert_eq!(tokens.len(), 1, "the token stays the same");
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_given_up() {
    let sim = start(config()).await;
    Api::of(&sim).text(PHONE, "x", Some("http://127.0.0.1:1/")).await;
    sim.wait_until(|view| view.callbacks().failed == 2, PATIENCE).await.unwrap();
    sim.wait_until(|view| view.with_status(Status::Delivered) == 1, PATIENCE).await.unwrap();
}

async fn words_with(kind: FaultKind, count: usize) -> (Vec<String>, u64) {
    let sim = start(config()).await;
    let receiver = Receiver::start().await;
    sim.inject(kind);
    Api::of(&sim).text(PHONE, "x", Some(&receiver.url("/"))).await;
    sim.wait_until(|view| view.callbacks().answered_2xx == count as u64, PATIENCE).await.unwrap();
    sim.wait_until(|view| view.with_status(Status::Delivered) == 1, PATIENCE).await.unwrap();
    (receiver.words(), sim.report().faults_fired[&kind])
}

#[tokio::test]
async fn callbacks_are_doubled_and_reordered_on_demand() {
    let doubled = words_with(FaultKind::CallbackDoubled, 4).await;
    assert_eq!(doubled, (["sent", "sent", "delivered", "delivered"].map(str::to_owned).to_vec(), 2));
    let reordered = words_with(FaultKind::CallbackReordered, 2).await;
    assert_eq!(reordered, (["delivered", "sent"].map(str::to_owned).to_vec(), 1));
}

#[tokio::test]
async fn lost_callbacks_are_counted_and_not_posted() {
    let sim = start(config()).await;
    let receiver = Receiver::start().await;
    sim.inject(FaultKind::CallbackLost);
    Api::of(&sim).text(PHONE, "x", Some(&receiver.url("/"))).await;
    sim.wait_until(|view| view.callbacks().lost == 2, PATIENCE).await.unwrap();
    assert!(receiver.hooks().is_empty());
    assert_eq!(sim.report().callbacks.posted, 0);
}

#[tokio::test]
async fn an_early_callback_comes_before_the_answer() {
    let sim = start(config()).await;
    let receiver = Receiver::start().await;
    sim.phone(PHONE).set(Behaviour::Silent);
    sim.inject(FaultKind::CallbackEarly);
    Api::of(&sim).text(PHONE, "x", Some(&receiver.url("/"))).await;
    assert_eq!(receiver.words(), ["sent"], "it is there as soon as the answer is");
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_take_its_text_along() {
    let sim = start(config()).await;
    sim.inject(FaultKind::CallbackEarly);
    let api = Api::of(&sim);
    // No server listens there, so the early callback takes a second and a half to fail.
    let creating = api.text(PHONE, "x", Some("http://127.0.0.1:1/#rc=5&rp=all"));
    let answer = tokio::time::timeout(std::time::Duration::from_millis(100), creating).await;
    assert!(answer.is_err(), "the client was gone first");
    sim.wait_until(|view| view.with_status(Status::Delivered) == 1, PATIENCE).await.unwrap();
    sim.wait_until(|view| view.callbacks().failed == 2, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_delivery_failure_that_was_asked_for_has_its_code() {
    let sim = start(config()).await;
    let injection = Injection { code: Some(30_008), ..FaultKind::DeliveryFailure.into() };
    sim.inject(injection);
    let sid = Api::of(&sim).text(PHONE, "x", None).await;
    sim.wait_until(|view| view.status(&sid) == Some(Status::Undelivered), PATIENCE).await.unwrap();
}
