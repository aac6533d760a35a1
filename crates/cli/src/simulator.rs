//! Starts the simulator instead of Twilio. In: the address of callout. Out: a running simulator and its credentials.

use std::net::SocketAddr;

use anyhow::Context as _;
use config::TwilioSecrets;
use twilio::{Credentials, Secret};
use twilio_sim::{Number, SimConfig, SimHandle, Simulator, Timing};
use url::Url;

/// The sending number when none is configured; one of Twilio's own test numbers.
pub(crate) const SIMULATED_FROM: &str = "+15005550006";

/// Starts a simulator that posts replies to `public_url`, and signs with the token that is returned.
pub(crate) async fn start(
    public_url: &Url,
    from: &str,
    timing: Timing,
) -> anyhow::Result<(SimHandle, TwilioSecrets, Secret)> {
    let inbound_url = public_url.join(twilio::INBOUND_PATH)?;
    let config = SimConfig {
        bind: SocketAddr::from(([127, 0, 0, 1], 0)),
        numbers: vec![Number { number: from.to_owned(), inbound_url: Some(inbound_url) }],
        timing,
        // Whoever guesses it could sign replies of phones.
        auth_token: Secret::new(format!("{:032x}", rand::random::<u128>())),
        ..SimConfig::default()
    };
    let (account_sid, token) = (config.account_sid.clone(), config.auth_token.clone());
    let handle = Simulator::start(config).await.context("the Twilio simulator cannot start")?;
    let secrets = TwilioSecrets {
        account_sid,
        credentials: Credentials::AuthToken(token.clone()),
        api_base: Some(handle.base_url()),
        proxy: None,
    };
    Ok((handle, secrets, token))
}
