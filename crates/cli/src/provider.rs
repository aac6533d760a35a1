//! Twilio as this process needs it, or the simulator in its place. In: settings and secrets. Out: a client for senders,
//! a verifier for the receiver of callbacks.
//!
//! Never: sends with one account and believes the signatures of another.

use std::time::Duration;

use anyhow::Context as _;
use config::{Infrastructure, Secrets, TwilioSecrets, TwilioSettings};
use domain::{id::short, originator::OriginatorName};
use sender::SenderRate;
use twilio::{
    OriginatorAddress, Secret, SignatureVerifier, TwilioAccount, TwilioClient, TwilioConfig, TwilioWebhooks,
};
use twilio_sim::{SimHandle, Timing};
use url::Url;

use crate::{backend::read_pem, simulator};

/// Which account this process acts for.
pub(crate) struct Account {
    /// Absent where no role of this process sends.
    credentials: Option<TwilioSecrets>,
    webhook_tokens: Vec<Secret>,
    /// Scheme, host and port that the provider calls and signs.
    public_url: Option<Url>,
    /// Whom texts may come from, the preferred first.
    originators: Vec<(OriginatorName, OriginatorAddress)>,
}

impl Account {
    /// The configured account, or the simulator's where none is given. A fleet never simulates: each process would have
    /// a provider of its own.
    pub(crate) async fn open(
        infrastructure: &Infrastructure,
        secrets: Secrets,
        own_url: &Url,
        timing: Timing,
    ) -> anyhow::Result<(Self, Option<SimHandle>)> {
        let settings = &infrastructure.twilio;
        if infrastructure.backend.is_embedded() && secrets.twilio.is_none() {
            let mut originators = originators(settings);
            if settings.lacks_originator() {
                let from = OriginatorAddress::From(simulator::SIMULATED_FROM.to_owned());
                originators = vec![(OriginatorName::default(), from)];
            }
            let (handle, credentials, token) = simulator::start(own_url, &originators, timing).await?;
            let api = handle.base_url();
            tracing::warn!(%api, "no TWILIO_ACCOUNT_SID: the built-in simulator stands in, no text leaves this machine");
            tracing::info!("what a phone received: curl -s {api}sim/v1/phones/NUMBER");
            tracing::info!(
                "reply from it: curl -s {api}sim/v1/phones/NUMBER/reply -H 'content-type: application/json' -d '{{\"body\":\"ACK CODE\"}}'"
            );
            let account = Self {
                credentials: Some(credentials),
                webhook_tokens: vec![token],
                public_url: Some(own_url.clone()),
                originators,
            };
            return Ok((account, Some(handle)));
        }
        Ok((Self::configured(infrastructure, secrets), None))
    }

    /// The configured account.
    pub(crate) fn configured(infrastructure: &Infrastructure, secrets: Secrets) -> Self {
        let settings = &infrastructure.twilio;
        Self {
            credentials: secrets.twilio,
            webhook_tokens: secrets.webhook_tokens,
            public_url: settings.public_url.clone(),
            originators: originators(settings),
        }
    }

    /// The SID of the account; absent where no role of this process sends.
    pub(crate) fn sid(&self) -> Option<&str> {
        self.credentials.as_ref().map(|credentials| credentials.account_sid.as_str())
    }

    /// Whom texts may come from, the preferred first.
    pub(crate) fn originators(&self) -> &[(OriginatorName, OriginatorAddress)] {
        &self.originators
    }

    /// What tells one set of originators from another in what is kept of preflights: the SID of the only service, or a digest.
    pub(crate) fn sender_id(&self) -> String {
        let names = self.originators.iter().map(|(_, address)| match address {
            OriginatorAddress::From(name) | OriginatorAddress::MessagingService(name) => name.as_str(),
        });
        match self.originators.as_slice() {
            [(_, OriginatorAddress::MessagingService(sid))] => sid.clone(),
            _ => short(&std::iter::once("sender").chain(names).collect::<Vec<_>>()),
        }
    }

    /// The token that the provider signs with.
    pub(crate) fn token(&self) -> Option<&Secret> {
        self.webhook_tokens.first()
    }

    /// What reads the account; absent where no role of this process sends.
    pub(crate) fn reader(&self, infrastructure: &Infrastructure) -> anyhow::Result<Option<TwilioAccount>> {
        Ok(self.config(infrastructure)?.map(TwilioAccount::new).transpose()?)
    }

    /// The client of a sender; absent where no role of this process sends.
    pub(crate) fn client(&self, infrastructure: &Infrastructure) -> anyhow::Result<Option<TwilioClient>> {
        Ok(self.config(infrastructure)?.map(TwilioClient::new).transpose()?)
    }

    fn config(&self, infrastructure: &Infrastructure) -> anyhow::Result<Option<TwilioConfig>> {
        let Some(TwilioSecrets { account_sid, credentials, api_base, proxy }) = self.credentials.clone()
        else {
            return Ok(None);
        };
        let api_base = api_base.map_or_else(|| twilio::API_BASE.parse(), Ok)?;
        let public_url = self.public_url.as_ref().context("twilio.public_url is missing")?;
        let usual = self.originators.first().map(|(_, address)| address.clone());
        let usual = usual.context("twilio: nothing for texts to come from")?;
        let mut config = TwilioConfig::new(api_base, account_sid, credentials, usual);
        config.originators = self.originators.clone();
        config.status_callback = Some(public_url.join(twilio::STATUS_PATH)?);
        config.answer_max = Duration::from_secs(infrastructure.twilio.answer_max_s.into());
        config.in_flight_max = infrastructure.twilio.in_flight_max;
        config.ca_pem = infrastructure.twilio.ca_file.as_deref().map(read_pem).transpose()?;
        config.proxy = proxy;
        Ok(Some(config))
    }

    /// What reads the provider's posts. Without a token it takes none.
    pub(crate) fn webhooks(&self, infrastructure: &Infrastructure) -> TwilioWebhooks {
        let replies = &infrastructure.replies;
        let of_answers = replies.wording.as_ref().map_or("en", |wording| wording.language().code());
        let keyword_languages =
            replies.keyword_languages.clone().unwrap_or_else(|| twilio::default_languages(of_answers));
        let public_url = self.public_url.as_ref().map_or("", Url::as_str);
        TwilioWebhooks {
            public_url: public_url.trim_end_matches('/').to_owned(),
            verifier: SignatureVerifier::new(self.webhook_tokens.clone()),
            keyword_languages,
        }
    }

    /// All senders share the rate of what they send from.
    pub(crate) fn rate(&self, infrastructure: &Infrastructure) -> Option<SenderRate> {
        let (_, OriginatorAddress::From(name) | OriginatorAddress::MessagingService(name)) =
            self.originators.first()?;
        let queue = format!("sender {name}");
        let per_second = infrastructure.twilio.segments_per_second?;
        Some(SenderRate::per_second(queue, per_second))
    }
}

/// Whom texts may come from, as it is configured.
fn originators(settings: &TwilioSettings) -> Vec<(OriginatorName, OriginatorAddress)> {
    let address = |from: &Option<String>, service: &Option<String>| match (service, from) {
        (Some(service), _) => OriginatorAddress::MessagingService(service.clone()),
        (None, from) => OriginatorAddress::From(from.clone().unwrap_or_default()),
    };
    if settings.originators.is_empty() {
        return vec![(OriginatorName::default(), address(&settings.from, &settings.messaging_service_sid))];
    }
    let named = settings.originators.iter().map(|settings| {
        (settings.originator.name.clone(), address(&settings.from, &settings.messaging_service_sid))
    });
    named.collect()
}
