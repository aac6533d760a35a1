//! Twilio as this process needs it, or the simulator in its place. In: settings and secrets. Out: a client for senders,
//! a verifier for the receiver of callbacks.
//!
//! Never: sends with one account and believes the signatures of another.

use std::time::Duration;

use anyhow::Context as _;
use config::{Infrastructure, Secrets, TwilioSecrets};
use domain::id::short;
use sender::SenderRate;
use twilio::{
    Secret, SenderIdentity, SignatureVerifier, TwilioAccount, TwilioClient, TwilioConfig, TwilioWebhooks,
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
    sender: SenderIdentity,
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
            let from = settings.from.clone().unwrap_or_else(|| simulator::SIMULATED_FROM.to_owned());
            let (handle, credentials, token) = simulator::start(own_url, &from, timing).await?;
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
                sender: SenderIdentity::From(from),
            };
            return Ok((account, Some(handle)));
        }
        Ok((Self::configured(infrastructure, secrets), None))
    }

    /// The configured account.
    pub(crate) fn configured(infrastructure: &Infrastructure, secrets: Secrets) -> Self {
        let settings = &infrastructure.twilio;
        let sender = match (&settings.messaging_service_sid, &settings.from) {
            (Some(service), _) => SenderIdentity::MessagingService(service.clone()),
            (None, from) => SenderIdentity::From(from.clone().unwrap_or_default()),
        };
        Self {
            credentials: secrets.twilio,
            webhook_tokens: secrets.webhook_tokens,
            public_url: settings.public_url.clone(),
            sender,
        }
    }

    /// The SID of the account; absent where no role of this process sends.
    pub(crate) fn sid(&self) -> Option<&str> {
        self.credentials.as_ref().map(|credentials| credentials.account_sid.as_str())
    }

    /// Whom texts come from.
    pub(crate) fn sender(&self) -> &SenderIdentity {
        &self.sender
    }

    /// The number or the service that texts come from.
    pub(crate) fn sender_name(&self) -> &str {
        match &self.sender {
            SenderIdentity::From(name) | SenderIdentity::MessagingService(name) => name,
        }
    }

    /// What tells one sender from another in what is kept of preflights: the SID of the service, or a digest of the number.
    pub(crate) fn sender_id(&self) -> String {
        match &self.sender {
            SenderIdentity::MessagingService(sid) => sid.clone(),
            SenderIdentity::From(from) => short(&["sender", from]),
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
        let mut config = TwilioConfig::new(api_base, account_sid, credentials, self.sender.clone());
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

    /// All senders share the rate of the number or service that they send from.
    pub(crate) fn rate(&self, infrastructure: &Infrastructure) -> Option<SenderRate> {
        let queue = format!("sender {}", self.sender_name());
        let per_second = infrastructure.twilio.segments_per_second?;
        Some(SenderRate::per_second(queue, per_second))
    }
}
