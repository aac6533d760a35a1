//! Looking messages up. In: many messages. Out: those of one number and one window. Never: sleeps.

use domain::provider::{FailureClass, ProviderStatus, Text};
use jiff::{SignedDuration, Timestamp};
use ports::{ProviderError, SmsProvider};

use crate::harness::*;

fn ever() -> (Timestamp, Timestamp) {
    (Timestamp::UNIX_EPOCH, Timestamp::MAX - SignedDuration::from_hours(48))
}

#[tokio::test]
async fn every_page_is_read() {
    let sim = sim().await;
    let client = client(sim.base_url());
    for number in 0..450 {
        sid(&submit(&client, PHONE, &format!("text {number}")).await);
        if number % 50 == 0 {
            sid(&submit(&client, "+14155550101", &format!("other {number}")).await);
        }
    }
    let (from, until) = ever();
    let found = client.look_up(&PHONE.parse().unwrap(), from, until).await.unwrap();
    assert_eq!(found.len(), 450);
    assert_eq!((&found[0].body, &found[449].body), (&Text("text 449".into()), &Text("text 0".into())));
    assert!(found.iter().all(|message| message.to.as_str() == PHONE));
}

#[tokio::test]
async fn only_the_window_is_found_and_its_edges_are_in_it() {
    let sim = sim().await;
    let client = client(sim.base_url());
    submit(&client, PHONE, "hello").await;
    let to = PHONE.parse().unwrap();
    let (from, until) = ever();
    let created = client.look_up(&to, from, until).await.unwrap()[0].created_at;
    let second = SignedDuration::from_secs(1);
    let part = SignedDuration::from_millis(900);
    for (from, until, count) in [
        (created, created, 1),
        (created + part, created + second, 1),
        (created + second, created + second, 0),
        (created - second, created - part, 0),
    ] {
        assert_eq!(client.look_up(&to, from, until).await.unwrap().len(), count, "{from} {until}");
    }
}

#[tokio::test]
async fn replies_are_not_taken_for_texts_of_ours() {
    let sim = sim().await;
    let client = client(sim.base_url());
    sim.phone(PHONE).send(FROM, "hello").await.unwrap();
    let (from, until) = ever();
    assert!(client.look_up(&FROM.parse().unwrap(), from, until).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_message_is_none() {
    let sim = sim().await;
    let unknown = "SM00000000000000000000000000000000".parse().unwrap();
    assert_eq!(client(sim.base_url()).fetch(&unknown).await.unwrap(), None);
}

#[tokio::test]
async fn a_refused_question_says_so() {
    let sim = sim().await;
    let mut config = client_config(sim.base_url());
    config.credentials = twilio::Credentials::AuthToken("wrong".into());
    let client = twilio::TwilioClient::new(config).unwrap();
    let (from, until) = ever();
    let error = client.look_up(&PHONE.parse().unwrap(), from, until).await.unwrap_err();
    assert!(matches!(error, ProviderError::Refused { status: 401, code: Some(20_003) }), "{error:?}");
}

#[tokio::test]
async fn a_failure_is_fetched_with_its_code() {
    let sim = sim().await;
    let client = client(sim.base_url());
    sim.phone(PHONE).set(twilio_sim::Behaviour::Landline);
    let outcome = submit(&client, PHONE, "hello").await;
    sim.wait_until(|view| view.with_status(twilio_sim::Status::Undelivered) == 1, PATIENCE).await.unwrap();
    let fetched = client.fetch(sid(&outcome)).await.unwrap().unwrap();
    assert_eq!((fetched.status, fetched.error_code), (ProviderStatus::Undelivered, Some(30_006)));
    assert_eq!(client.classify(fetched.error_code), FailureClass::Recipient);
}
