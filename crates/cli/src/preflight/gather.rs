//! What a preflight looks at. In: the configuration and its secrets. Out: the findings of each check.
//!
//! Never: judges what it reads; `domain::preflight` does.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use config::{Config, Secrets};
use domain::{
    coverage::numbers,
    originator::OriginatorName,
    phone::E164,
    preflight::{
        self, AccountFacts, CountryFacts, Finding, PoolMember, Read, RegistrationFacts, SenderFacts,
        ServiceSettings, Templates, Unread, WebhookFacts, isos_of,
    },
};
use twilio::{INBOUND_PATH, OriginatorAddress, TwilioAccount, TwilioWebhooks, probe};
use url::Url;

use crate::provider::Account;

use super::stand_in;

/// Most countries whose prices are asked for.
const PRICES_MAX: usize = 20;
/// Most numbers of a pool that are asked for one by one.
const NUMBERS_MAX: usize = 50;

/// Settings and pool of a messaging service.
type Service = (Read<ServiceSettings>, Read<Vec<PoolMember>>);

/// What is looked at, and what was read of it so far.
pub(super) struct Gathered<'a> {
    config: &'a Config,
    account: Account,
    /// Absent where no check asks the provider.
    reader: Option<TwilioAccount>,
    /// Settings and pool of each messaging service, once they were read.
    services: BTreeMap<String, Service>,
    templates: Templates,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(config: &'a Config, secrets: &Secrets) -> anyhow::Result<Self> {
        let account = Account::configured(&config.infrastructure, secrets.clone());
        let infrastructure = &config.infrastructure;
        let link_base = infrastructure.twilio.public_url.as_ref().map_or("", Url::as_str);
        let names = config.directory.contacts.values().map(|contact| contact.name.as_str());
        let longest = names.max_by_key(|name| name.chars().count()).unwrap_or("x");
        Ok(Self {
            reader: account.reader(infrastructure)?,
            templates: preflight::templates(&config.workflows, link_base, longest),
            config,
            account,
            services: BTreeMap::new(),
        })
    }

    fn reader(&self) -> Read<&TwilioAccount> {
        self.reader.as_ref().ok_or_else(|| Unread::NoAnswer("there is no account".to_owned()))
    }

    pub(super) async fn account(&self) -> Vec<Finding> {
        let account = match self.reader() {
            Ok(reader) => reader.account().await,
            Err(why) => Err(why),
        };
        let infrastructure = &self.config.infrastructure;
        preflight::account(&AccountFacts {
            environment: infrastructure.environment.clone(),
            pinned: infrastructure.pinned_account().map(str::to_owned),
            account,
        })
    }

    /// A finding about one of several originators names it.
    fn named(&self, name: &OriginatorName, finding: Finding) -> Finding {
        match self.account.originators() {
            [_] => finding,
            _ => Finding { what: format!("originator {name}: {}", finding.what), ..finding },
        }
    }

    /// Settings and pool of a messaging service; `None` where texts come from a number.
    async fn service(&mut self, address: &OriginatorAddress) -> Option<Service> {
        let OriginatorAddress::MessagingService(sid) = address else { return None };
        if !self.services.contains_key(sid) {
            let read = match self.reader() {
                Ok(reader) => (reader.service(sid).await, reader.pool(sid).await),
                Err(why) => (Err(why.clone()), Err(why)),
            };
            self.services.insert(sid.clone(), read);
        }
        self.services.get(sid).cloned()
    }

    pub(super) async fn sender(&mut self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, address) in self.account.originators().to_vec() {
            let found = self.sender_of(&address).await;
            findings.extend(found.into_iter().map(|finding| self.named(&name, finding)));
        }
        findings
    }

    async fn sender_of(&mut self, address: &OriginatorAddress) -> Vec<Finding> {
        let service = self.service(address).await;
        let by_number = service
            .as_ref()
            .filter(|(settings, _)| settings.as_ref().is_ok_and(|settings| settings.uses_number_webhook));
        let pool = by_number.and_then(|(_, pool)| pool.as_ref().ok()).into_iter().flatten();
        let of_pool = pool.map(|member| member.number.clone()).take(NUMBERS_MAX);
        let asked: Vec<String> = from_of(address).into_iter().chain(of_pool).collect();
        let mut numbers = Vec::new();
        for number in asked {
            let owned = match self.reader() {
                Ok(reader) => reader.number(&number).await,
                Err(why) => Err(why),
            };
            numbers.push((number, owned));
        }
        let public_url = self.config.infrastructure.twilio.public_url.as_ref().map_or("", Url::as_str);
        let inbound_url = format!("{}{INBOUND_PATH}", public_url.trim_end_matches('/'));
        preflight::sender(&SenderFacts { from: from_of(address), service, numbers, inbound_url })
    }

    pub(super) async fn registration(&mut self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, address) in self.account.originators().to_vec() {
            let found = self.registration_of(&address).await;
            findings.extend(found.into_iter().map(|finding| self.named(&name, finding)));
        }
        findings
    }

    async fn registration_of(&mut self, address: &OriginatorAddress) -> Vec<Finding> {
        let pool = self.service(address).await.and_then(|(_, pool)| pool.ok()).unwrap_or_default();
        let texts_have_links = self.templates.texts.iter().any(|text| text.has_links);
        let mut facts = RegistrationFacts {
            from: from_of(address),
            pool,
            texts_have_links,
            ..RegistrationFacts::default()
        };
        let Ok(reader) = self.reader() else { return preflight::registration(&facts) };
        if let OriginatorAddress::MessagingService(sid) = address
            && facts.needs_campaign()
        {
            let campaigns = reader.campaigns(sid).await;
            let of_campaigns = campaigns.iter().flatten().filter_map(|campaign| campaign.brand.clone());
            for brand in of_campaigns.collect::<BTreeSet<_>>() {
                let read = reader.brand(&brand).await;
                facts.brands.push((brand, read));
            }
            facts.campaigns = Some(campaigns);
        }
        for (number, sid) in facts.tollfree_numbers() {
            let sid = match sid {
                Some(sid) => Ok(Some(sid)),
                None => reader.number(&number).await.map(|owned| owned.map(|owned| owned.sid)),
            };
            let verification = match sid {
                Ok(Some(sid)) => reader.tollfree(&sid).await,
                // That the number is not there is said of the sender.
                Ok(None) => continue,
                Err(why) => Err(why),
            };
            facts.tollfree.push((number, verification));
        }
        preflight::registration(&facts)
    }

    pub(super) async fn countries(&self) -> Vec<Finding> {
        let recipients = self.recipients();
        let (mut countries, mut prices) = (self.reader().map(|_| Vec::new()), Vec::new());
        if let Ok(reader) = self.reader() {
            countries = reader.countries().await;
            let isos = countries.as_ref().map(|listed| isos_of(listed, &recipients)).unwrap_or_default();
            for iso in isos.into_iter().take(PRICES_MAX) {
                let price = reader.price(&iso).await;
                prices.push((iso, price));
            }
        }
        let texts = self.templates.texts.clone();
        preflight::countries(&CountryFacts { countries, recipients, prices, texts })
    }

    /// The numbers that the configuration knows, as far as the environment lets them be texted.
    fn recipients(&self) -> BTreeSet<E164> {
        let contacts = numbers(&self.config.directory);
        match &self.config.environment.allow_recipients {
            Some(allowed) => contacts.intersection(allowed).cloned().collect(),
            None => contacts,
        }
    }

    pub(super) async fn webhook(&self) -> anyhow::Result<Vec<Finding>> {
        let infrastructure = &self.config.infrastructure;
        let public_url = infrastructure.twilio.public_url.clone().context("twilio.public_url is missing")?;
        let webhooks: TwilioWebhooks = self.account.webhooks(infrastructure);
        // Before the first start nobody listens; then this process answers in its place.
        let stand_in = stand_in::listen(infrastructure, webhooks).await;
        let probe = probe(&public_url, self.account.token(), rand::random()).await;
        drop(stand_in);
        Ok(preflight::webhook(&WebhookFacts { public_url, probe }))
    }

    pub(super) fn templates(&self) -> Vec<Finding> {
        self.templates.findings.clone()
    }
}

/// The number of an originator that is one.
fn from_of(address: &OriginatorAddress) -> Option<String> {
    match address {
        OriginatorAddress::From(from) => Some(from.clone()),
        OriginatorAddress::MessagingService(_) => None,
    }
}
