//! What an account says of itself, from the simulator. In: its state. Out: what the client reads, and why it cannot.
//!
//! Never: sleeps.

use domain::preflight::{Campaign, Unread};
use twilio::{Credentials, TwilioAccount, TwilioConfig};
use twilio_sim::{AccountState, Number, SimConfig, SimHandle, Simulator};
use url::Url;

use crate::harness::*;

pub(crate) const TOLLFREE: &str = "+18885550100";
pub(crate) const SHORT_CODE: &str = "68849";
pub(crate) const LOCAL: &str = "+15550001111";

pub(crate) async fn full_sim() -> SimHandle {
    let mut config = sim_config();
    let inbound = Some("https://sms.example.org/v1/twilio/inbound".parse::<Url>().unwrap());
    config.numbers.extend([TOLLFREE, SHORT_CODE].map(Number::from));
    for number in &mut config.numbers {
        number.inbound_url.clone_from(&inbound);
    }
    config.services[0].inbound_url.clone_from(&inbound);
    config.services[0].senders.extend([TOLLFREE, SHORT_CODE, "ACME"].map(str::to_owned));
    config.numbers.push(Number::from("ACME"));
    Simulator::start(SimConfig { ..config }).await.unwrap()
}

pub(crate) fn reader(base: Url) -> TwilioAccount {
    TwilioAccount::new(client_config(base)).unwrap()
}

fn set(sim: &SimHandle, change: impl FnOnce(&mut AccountState)) {
    let mut account = AccountState::default();
    change(&mut account);
    sim.set_account(account).unwrap();
}

#[tokio::test]
async fn an_account_and_its_senders_are_read() {
    let sim = full_sim().await;
    let account = reader(sim.base_url());
    let read = account.account().await.unwrap();
    assert_eq!((read.sid.as_str(), read.status.as_str(), read.kind.as_str()), (ACCOUNT, "active", "Full"));
    let number = account.number(LOCAL).await.unwrap().unwrap();
    assert!(number.sends_texts && number.inbound_url.is_some() && number.inbound_method == "POST");
    assert!(account.number(SHORT_CODE).await.unwrap().unwrap().sends_texts);
    assert_eq!(account.number("+15559999999").await, Ok(None));
    let service = account.service(SERVICE).await.unwrap();
    assert!(service.inbound_url.is_some() && !service.uses_number_webhook);
    let pool = account.pool(SERVICE).await.unwrap();
    let numbers: Vec<&str> = pool.iter().map(|member| member.number.as_str()).collect();
    assert_eq!(numbers, [LOCAL, "+15550002222", TOLLFREE, SHORT_CODE, "ACME"]);
    assert_eq!(pool[0].country.as_deref(), Some("US"));
    let [campaign] = account.campaigns(SERVICE).await.unwrap().try_into().unwrap();
    assert!(campaign.status == "VERIFIED" && campaign.has_id && !campaign.is_mock);
    let brand = account.brand(campaign.brand.as_deref().unwrap()).await.unwrap();
    assert_eq!((brand.status.as_str(), brand.identity.as_deref()), ("APPROVED", Some("VERIFIED")));
    let tollfree = account.tollfree(&account.number(TOLLFREE).await.unwrap().unwrap().sid).await.unwrap();
    assert_eq!(tollfree.unwrap().status, "TWILIO_APPROVED");
    let countries = account.countries().await.unwrap();
    assert!(
        countries.iter().any(|country| country.iso == "DE" && country.prefix == "+49" && country.is_enabled)
    );
    let price = account.price("US").await.unwrap();
    assert_eq!((price.unit.as_str(), price.low_micros, price.high_micros), ("USD", 8_300, 8_300));
}

#[tokio::test]
async fn each_state_that_can_be_set_is_read() {
    let sim = full_sim().await;
    let account = reader(sim.base_url());
    set(&sim, |state| (state.status, state.kind) = ("suspended".into(), "Trial".into()));
    let read = account.account().await.unwrap();
    assert_eq!((read.status.as_str(), read.kind.as_str()), ("suspended", "Trial"));
    set(&sim, |state| {
        state.not_owned.insert(LOCAL.into());
    });
    assert_eq!(account.number(LOCAL).await, Ok(None));
    set(&sim, |state| {
        state.without_sms.insert(LOCAL.into());
    });
    assert!(!account.number(LOCAL).await.unwrap().unwrap().sends_texts);
    assert!(!account.pool(SERVICE).await.unwrap()[0].sends_texts);
    set(&sim, |state| state.services_without_inbound = true);
    assert_eq!(account.service(SERVICE).await.unwrap().inbound_url, None);
    set(&sim, |state| state.campaign = Some("FAILED".into()));
    let [Campaign { status, has_id, errors, .. }] =
        account.campaigns(SERVICE).await.unwrap().try_into().unwrap();
    assert_eq!((status.as_str(), has_id, errors), ("FAILED", false, vec![30_886]));
    set(&sim, |state| (state.campaign, state.tollfree) = (None, None));
    assert_eq!(account.campaigns(SERVICE).await, Ok(Vec::new()));
    let tollfree = account.number(TOLLFREE).await.unwrap().unwrap().sid;
    assert_eq!(account.tollfree(&tollfree).await, Ok(None));
    set(&sim, |state| (state.brand, state.mock) = ("FAILED".into(), true));
    let brand = account.brand("BN00000000000000000000000000000001").await.unwrap();
    assert!(brand.status == "FAILED" && brand.is_mock);
    set(&sim, |state| {
        state.countries_off.insert("DE".into());
    });
    let countries = account.countries().await.unwrap();
    assert!(countries.iter().any(|country| country.iso == "DE" && !country.is_enabled));
}

#[tokio::test]
async fn each_question_may_fail_alone() {
    let sim = full_sim().await;
    let account = reader(sim.base_url());
    for (status, why) in [
        (401, Unread::Unauthorized),
        (403, Unread::NotPermitted),
        (404, Unread::NotFound),
        (503, Unread::NoAnswer("HTTP 503".into())),
    ] {
        set(&sim, |state| {
            state.answers.insert("service".into(), status);
        });
        assert_eq!(account.service(SERVICE).await, Err(why));
        assert!(account.account().await.is_ok() && account.pool(SERVICE).await.is_ok());
    }
    set(&sim, |_| {});
    assert_eq!(account.service("MG00000000000000000000000000000009").await, Err(Unread::NotFound));
    assert_eq!(account.price("XX").await, Err(Unread::NotFound));
    let nobody = reader("http://127.0.0.1:1".parse().unwrap());
    assert_eq!(nobody.account().await, Err(Unread::NoAnswer("no connection to the provider".into())));
}

#[tokio::test]
async fn a_key_that_may_not_read_the_account_is_told_from_one_that_is_wrong() {
    let sim = full_sim().await;
    set(&sim, |state| {
        state.answers.insert("account".into(), 401);
    });
    let with = |secret: &str| {
        let credentials = Credentials::ApiKey { sid: KEY.into(), secret: secret.into() };
        TwilioAccount::new(TwilioConfig { credentials, ..client_config(sim.base_url()) }).unwrap()
    };
    assert_eq!(with("key-secret").account().await, Err(Unread::NotPermitted));
    assert_eq!(with("another").account().await, Err(Unread::Unauthorized));
    assert_eq!(reader(sim.base_url()).account().await, Err(Unread::Unauthorized));
}
