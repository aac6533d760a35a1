//! Starts the simulator instead of Twilio. In: the address of callout. Out: a running simulator and its credentials.

use std::net::SocketAddr;

use anyhow::Context as _;
use config::TwilioSecrets;
use domain::originator::OriginatorName;
use twilio::{Credentials, OriginatorAddress, Secret};
use twilio_sim::{Number, Service, SimConfig, SimHandle, Simulator, Timing};
use url::Url;

/// The sending number when none is configured; one of Twilio's own test numbers.
pub(crate) const SIMULATED_FROM: &str = "+15005550006";

/// Starts a simulator that posts replies to `public_url`, and signs with the token that is returned.
pub(crate) async fn start(
    public_url: &Url,
    originators: &[(OriginatorName, OriginatorAddress)],
    timing: Timing,
) -> anyhow::Result<(SimHandle, TwilioSecrets, Secret)> {
    let inbound_url = public_url.join(twilio::INBOUND_PATH)?;
    let number = |number: &str| Number { number: number.to_owned(), inbound_url: Some(inbound_url.clone()) };
    let (mut numbers, mut services) = (Vec::new(), Vec::new());
    for (_, address) in originators {
        match address {
            OriginatorAddress::From(from) => numbers.push(number(from)),
            OriginatorAddress::MessagingService(sid) => {
                let senders = vec![SIMULATED_FROM.to_owned()];
                numbers.push(number(SIMULATED_FROM));
                let inbound_url = Some(inbound_url.clone());
                services.push(Service { sid: sid.clone(), senders, inbound_url, ..Service::default() });
            }
        }
    }
    let config = SimConfig {
        bind: SocketAddr::from(([127, 0, 0, 1], 0)),
        numbers,
        services,
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
