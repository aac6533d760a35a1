//! A simulator and a client that fits it. In: a configuration. Out: both, and submissions. Never: sleeps.

use std::time::Duration;

use domain::originator::OriginatorName;
use domain::{
    id::{MessageId, RunId},
    provider::{Refusal, Submission, SubmitOutcome, Text},
};
use ports::SmsProvider;
use twilio::{Credentials, OriginatorAddress, Secret, TwilioClient, TwilioConfig};
use twilio_sim::{ApiKey, Number, Service, SimConfig, SimHandle, Simulator, Timing};
use url::Url;

pub(crate) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(crate) const SERVICE: &str = "MG00000000000000000000000000000001";
pub(crate) const KEY: &str = "SK00000000000000000000000000000001";
pub(crate) const FROM: &str = "+15005550006";
pub(crate) const PHONE: &str = "+14155550100";
/// Long enough for any machine; nothing waits for it to pass.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn sim_config() -> SimConfig {
    SimConfig {
        account_sid: ACCOUNT.into(),
        auth_token: Secret::from("token"),
        api_keys: vec![ApiKey { sid: KEY.into(), secret: "key-secret".into() }],
        numbers: ["+15550001111", "+15550002222"].map(Number::from).to_vec(),
        services: vec![Service {
            sid: SERVICE.into(),
            senders: vec!["+15550001111".into(), "+15550002222".into()],
            ..Service::default()
        }],
        timing: Timing::INSTANT,
        ..SimConfig::default()
    }
}

pub(crate) async fn sim() -> SimHandle {
    Simulator::start(sim_config()).await.unwrap()
}

pub(crate) fn client_config(base: Url) -> TwilioConfig {
    let credentials = Credentials::AuthToken("token".into());
    TwilioConfig::new(base, ACCOUNT, credentials, OriginatorAddress::From(FROM.into()))
}

pub(crate) fn client(base: Url) -> TwilioClient {
    TwilioClient::new(client_config(base)).unwrap()
}

pub(crate) fn message(number: u16) -> MessageId {
    MessageId { run: RunId::derive("tests", "event", "workflow", None), number }
}

pub(crate) fn submission(to: &str, body: &str) -> Submission {
    Submission {
        originator: OriginatorName::default(),
        message: message(1),
        attempt: 1,
        to: to.parse().unwrap(),
        body: Text(body.into()),
        media: Vec::new(),
        validity_s: 600,
    }
}

pub(crate) async fn submit(client: &TwilioClient, to: &str, body: &str) -> SubmitOutcome {
    client.submit(&submission(to, body)).await
}

pub(crate) fn sid(outcome: &SubmitOutcome) -> &domain::provider::ProviderMessageId {
    match outcome {
        SubmitOutcome::Sent { sid, .. } => sid,
        other => panic!("expected a sent text, got {other:?}"),
    }
}

pub(crate) fn refusal(outcome: SubmitOutcome) -> Refusal {
    match outcome {
        SubmitOutcome::NotSent(refusal) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[track_caller]
pub(crate) fn check_in_doubt(outcome: &SubmitOutcome) {
    assert!(matches!(outcome, SubmitOutcome::InDoubt { .. }), "{outcome:?}");
}
