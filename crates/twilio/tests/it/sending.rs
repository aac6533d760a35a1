//! Texts that are taken, and texts that are refused. In: submissions. Out: outcomes. Never: sleeps.

use domain::provider::{FailureClass, ProviderStatus, SubmitOutcome};
use domain::{originator::OriginatorName, provider::Submission};
use ports::SmsProvider;
use twilio::{ConfigError, Credentials, OriginatorAddress, TwilioClient, TwilioConfig};
use twilio_sim::{FaultKind, Status};

use crate::harness::*;

#[tokio::test]
async fn a_text_from_a_number_is_sent_and_delivered() {
    let sim = sim().await;
    let client = client(sim.base_url());
    let outcome = submit(&client, PHONE, "db-1 is down").await;
    assert!(matches!(outcome, SubmitOutcome::Sent { status: ProviderStatus::Queued, .. }), "{outcome:?}");
    sim.wait_until(|view| view.with_status(Status::Delivered) == 1, PATIENCE).await.unwrap();
    let text = &sim.phone(PHONE).texts()[0];
    assert_eq!((text.body.as_str(), text.from.as_str()), ("db-1 is down", FROM));
    let fetched = client.fetch(sid(&outcome)).await.unwrap().unwrap();
    assert_eq!(fetched.status, ProviderStatus::Delivered);
    assert_eq!((fetched.from.as_deref(), fetched.segments), (Some(FROM), Some(1)));
}

#[tokio::test]
async fn a_service_picks_the_sender_and_keeps_it() {
    let sim = sim().await;
    let mut config = client_config(sim.base_url());
    config.originators[0].1 = OriginatorAddress::MessagingService(SERVICE.into());
    let client = TwilioClient::new(config).unwrap();
    let outcome = submit(&client, PHONE, "one").await;
    assert!(matches!(outcome, SubmitOutcome::Sent { status: ProviderStatus::Accepted, .. }), "{outcome:?}");
    submit(&client, PHONE, "two").await;
    sim.wait_until(|view| view.with_status(Status::Delivered) == 2, PATIENCE).await.unwrap();
    let texts = sim.phone(PHONE).texts();
    assert!(texts[0].from.starts_with("+1555000"));
    assert_eq!(texts[0].from, texts[1].from);
    let fetched = client.fetch(sid(&outcome)).await.unwrap().unwrap();
    assert_eq!(fetched.service.as_deref(), Some(SERVICE));
}

#[tokio::test]
async fn an_api_key_signs_in_as_well() {
    let sim = sim().await;
    let mut config = client_config(sim.base_url());
    config.credentials = Credentials::ApiKey { sid: KEY.into(), secret: "key-secret".into() };
    sid(&submit(&TwilioClient::new(config).unwrap(), PHONE, "hello").await);
}

#[tokio::test]
async fn wrong_credentials_stop_the_account() {
    let sim = sim().await;
    let mut config = client_config(sim.base_url());
    config.credentials = Credentials::AuthToken("wrong".into());
    let refusal = refusal(submit(&TwilioClient::new(config).unwrap(), PHONE, "hello").await);
    assert_eq!((refusal.code, refusal.class), (Some(20_003), FailureClass::Account));
}

#[tokio::test]
async fn magic_numbers_are_refused_as_twilio_refuses_them() {
    let sim = sim().await;
    let client = client(sim.base_url());
    for (to, code, class) in [
        ("+15005550001", 21_211, FailureClass::Recipient),
        ("+15005550002", 21_612, FailureClass::Configuration),
        ("+15005550003", 21_408, FailureClass::Configuration),
        ("+15005550004", 21_610, FailureClass::OptedOut),
        ("+15005550009", 21_614, FailureClass::Recipient),
        (FROM, 21_266, FailureClass::Configuration),
    ] {
        let refusal = refusal(submit(&client, to, "hello").await);
        assert_eq!((refusal.code, refusal.class), (Some(code), class), "{to}");
    }
    for (from, code, class) in [
        ("+15005550001", 21_212, FailureClass::Configuration),
        ("+15005550007", 21_606, FailureClass::Configuration),
        ("+15005550008", 21_611, FailureClass::RetryLater),
        ("+15559999999", 21_606, FailureClass::Configuration),
    ] {
        let mut config = client_config(sim.base_url());
        config.originators[0].1 = OriginatorAddress::From(from.into());
        let refusal = refusal(submit(&TwilioClient::new(config).unwrap(), PHONE, "hello").await);
        assert_eq!((refusal.code, refusal.class), (Some(code), class), "{from}");
    }
    assert_eq!(sim.report().accepted, 0);
}

#[tokio::test]
async fn a_text_comes_from_the_originator_that_it_names() {
    let sim = sim().await;
    let mut config = client_config(sim.base_url());
    let service: OriginatorName = "service".parse().unwrap();
    config.originators.push((service.clone(), OriginatorAddress::MessagingService(SERVICE.into())));
    let client = TwilioClient::new(config).unwrap();
    let from = async |originator: OriginatorName| {
        let sent = client.submit(&Submission { originator, ..submission(PHONE, "hello") }).await;
        client.fetch(sid(&sent)).await.unwrap().unwrap().service
    };
    assert_eq!(from(OriginatorName::default()).await, None);
    assert_eq!(from(service).await.as_deref(), Some(SERVICE));
    assert_eq!(from("unknown".parse().unwrap()).await, None);
}

#[tokio::test]
async fn a_text_too_long_or_empty_is_refused() {
    let sim = sim().await;
    let client = client(sim.base_url());
    assert_eq!(refusal(submit(&client, PHONE, &"x".repeat(1_601)).await).code, Some(21_617));
    assert_eq!(refusal(submit(&client, PHONE, "").await).code, Some(21_602));
    sid(&submit(&client, PHONE, &"é".repeat(1_600)).await);
}

#[tokio::test]
async fn a_picture_makes_an_mms() {
    let sim = sim().await;
    let client = client(sim.base_url());
    let mut with_picture = submission(PHONE, "look");
    with_picture.media = vec!["https://pictures.example/a.png".parse().unwrap()];
    assert!(sid(&client.submit(&with_picture).await).as_str().starts_with("MM"));
}

#[tokio::test]
async fn too_many_requests_is_a_reason_to_try_again_soon() {
    let sim = sim().await;
    let client = client(sim.base_url());
    sim.inject(FaultKind::TooManyRequests);
    let refusal = refusal(submit(&client, PHONE, "hello").await);
    assert_eq!((refusal.code, refusal.class), (Some(20_429), FailureClass::RetrySoon));
    sid(&submit(&client, PHONE, "hello").await);
    assert_eq!((sim.report().accepted, sim.report().duplicates_total), (1, 0));
}

#[tokio::test]
async fn a_validity_out_of_range_is_brought_into_it() {
    let sim = sim().await;
    let client = client(sim.base_url());
    for validity_s in [0, u32::MAX] {
        sid(&client.submit(&domain::provider::Submission { validity_s, ..submission(PHONE, "hello") }).await);
    }
}

#[test]
fn settings_that_cannot_be_right_are_named() {
    let good = || client_config("http://127.0.0.1:1".parse().unwrap());
    let check = |config: TwilioConfig| match TwilioClient::new(config) {
        Err(
            ConfigError::Malformed { field, .. }
            | ConfigError::Empty { field }
            | ConfigError::OutOfRange { field, .. },
        ) => field,
        other => panic!("expected a refusal, got {other:?}"),
    };
    assert!(TwilioClient::new(good()).is_ok());
    let originators = vec![(OriginatorName::default(), OriginatorAddress::MessagingService("MG1".into()))];
    assert_eq!(check(TwilioConfig { originators, ..good() }), "messaging_service_sid");
    assert_eq!(check(TwilioConfig { originators: Vec::new(), ..good() }), "from");
    assert_eq!(check(TwilioConfig { account_sid: "AC1".into(), ..good() }), "account_sid");
    assert_eq!(check(TwilioConfig { in_flight_max: 0, ..good() }), "in_flight_max");
    let credentials = Credentials::AuthToken("".into());
    assert_eq!(check(TwilioConfig { credentials, ..good() }), "auth_token");
    assert_eq!(check(TwilioConfig { api_base: "ftp://h/".parse().unwrap(), ..good() }), "api_base");
}

#[test]
fn printing_the_settings_shows_no_secret() {
    let printed = format!("{:?}", client_config("https://api.twilio.com".parse().unwrap()));
    assert!(printed.contains("***") && !printed.contains("token\""), "{printed}");
    // With TLS, and the roots of the system.
    assert!(TwilioClient::new(client_config("https://api.twilio.com".parse().unwrap())).is_ok());
}
