//! The client. In: submissions and questions. Out: one HTTP request each, and what became of it.
//!
//! Never: retries, follows a redirect, decides what to do next, or logs. Only [`TwilioClient::look_up`] makes
//! several requests: one for each page.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    id::MessageId,
    limits::VALIDITY_S_MAX,
    originator::OriginatorName,
    phone::E164,
    provider::{FailureClass, ProviderMessage, ProviderMessageId, Submission, SubmitOutcome},
};
use http_client::Reach;
use jiff::Timestamp;
use ports::{Permits, ProviderError, SmsProvider, provider::LOOK_UP_MAX};
use reqwest::{
    Certificate, Client, NoProxy, RequestBuilder, Response,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

use crate::{
    answer,
    config::{ConfigError, Credentials, OriginatorAddress, Proxy, TwilioConfig},
    error_code,
    wire::{self, MessagePage, MessageResource},
};

/// Longest answer to a submit, in bytes. Twilio's are near 1 KB, plus a text of 1600 characters.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Longest page of a list, in bytes.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Messages asked for in one page.
const PAGE_SIZE: usize = 200;
/// An idle connection is given up before the other side does, so that a request rarely meets a closed one.
const IDLE_MAX: Duration = Duration::from_secs(20);
/// Overrides in the callback's URL: five tries, whatever went wrong. Not sent to us, and not signed.
const CALLBACK_OVERRIDES: &str = "rc=5&rp=all";

/// Twilio's Messages API as a [`SmsProvider`].
#[derive(Debug)]
pub struct TwilioClient {
    http: Client,
    messages: Url,
    /// `From=…` or `MessagingServiceSid=…` by the originator's name, encoded once. Never empty.
    originators: Vec<(OriginatorName, String)>,
    status_callback: Option<Url>,
    answer_max: Duration,
    slots: Permits,
}

impl TwilioClient {
    /// Checks the settings and prepares the connections; makes no request.
    pub fn new(config: TwilioConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let http = http_client(&config)?;
        let TwilioConfig { api_base, account_sid, originators, answer_max, in_flight_max, .. } = config;
        let mut messages = api_base;
        messages.set_path(&format!("/2010-04-01/Accounts/{account_sid}/Messages.json"));
        messages.set_query(None);
        let encoded = |(name, address): (OriginatorName, OriginatorAddress)| {
            let (parameter, value) = address.parameter();
            let form = form_urlencoded::Serializer::new(String::new()).append_pair(parameter, value).finish();
            (name, form)
        };
        let originators = originators.into_iter().map(encoded).collect();
        let slots = Permits::new(in_flight_max);
        Ok(Self { http, messages, originators, status_callback: config.status_callback, answer_max, slots })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the wait for a slot is a part of the request's time, which the HTTP client measures"
    )]
    async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        tokio::time::timeout(self.answer_max, self.slots.take()).await.ok()?
    }

    /// Asks for one page or one message. `None` for a resource that does not exist.
    async fn get(&self, url: Url, bytes_max: usize) -> Result<Option<Vec<u8>>, ProviderError> {
        let _slot = self.slot().await.ok_or_else(|| no_answer("no free slot for a request"))?;
        let request = self.http.get(url).timeout(self.answer_max);
        let broke = |error: reqwest::Error| no_answer(answer::what_broke(&error));
        let response = request.send().await.map_err(broke)?;
        let status = response.status().as_u16();
        let body = read(response, bytes_max).await.map_err(|reason| no_answer(&reason))?;
        match status {
            200..=299 => Ok(Some(body)),
            404 if wire::api_error(&body).is_some() => Ok(None),
            _ => {
                let code = wire::api_error(&body).and_then(|error| error.code);
                Err(ProviderError::Refused { status, code })
            }
        }
    }

    /// The encoded parameter of an originator; of the usual one where it is not known.
    fn originator(&self, name: &OriginatorName) -> &str {
        let named = self.originators.iter().find(|(known, _)| known == name);
        named.or(self.originators.first()).map_or("", |(_, form)| form)
    }

    fn message_url(&self, sid: &ProviderMessageId) -> Url {
        let mut url = self.messages.clone();
        // A segment is escaped, so that no name can lead to another path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop().push("Messages").push(&format!("{sid}.json"));
        }
        url
    }

    /// The next page, if the answer names one on the host we asked. Credentials go nowhere else.
    fn next_page(&self, uri: Option<String>) -> Result<Option<Url>, ProviderError> {
        let Some(uri) = uri.filter(|uri| !uri.is_empty()) else { return Ok(None) };
        let next =
            self.messages.join(&uri).map_err(|_| no_answer("the next page has no readable address"))?;
        if next.origin() != self.messages.origin() {
            return Err(no_answer("the next page is on another host"));
        }
        Ok(Some(next))
    }
}

#[async_trait]
impl SmsProvider for TwilioClient {
    #[expect(
        clippy::disallowed_methods,
        reason = "the wait for a slot is a part of the request's time, which the HTTP client measures"
    )]
    async fn submit(&self, submission: &Submission) -> SubmitOutcome {
        let begun = Instant::now();
        let Some(_slot) = self.slot().await else {
            return answer::never_left("no free slot for a request");
        };
        let left = self.answer_max.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return answer::never_left("no free slot for a request");
        }
        let request: RequestBuilder = self
            .http
            .post(self.messages.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .timeout(left)
            .body(form(self.originator(&submission.originator), self.status_callback.as_ref(), submission));
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return answer::no_answer(&error),
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        match read(response, ANSWER_BYTES_MAX).await {
            Ok(body) => answer::outcome(status, &headers, &body),
            // The status line alone is enough to know that the request was refused.
            Err(_) if (400..500).contains(&status) => answer::outcome(status, &headers, b""),
            Err(reason) => answer::in_doubt(format!("HTTP {status}, then {reason}")),
        }
    }

    async fn fetch(&self, sid: &ProviderMessageId) -> Result<Option<ProviderMessage>, ProviderError> {
        let Some(body) = self.get(self.message_url(sid), ANSWER_BYTES_MAX).await? else { return Ok(None) };
        let message: MessageResource =
            serde_json::from_slice(&body).map_err(|_| no_answer("the message is not readable"))?;
        message.into_provider_message().map(Some).ok_or_else(|| no_answer("the message is not readable"))
    }

    async fn look_up(
        &self,
        to: &E164,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<ProviderMessage>, ProviderError> {
        // Dates at the provider are whole seconds: a message of 12:00:00.9 says 12:00:00.
        let from = Timestamp::from_second(from.as_second()).unwrap_or(from);
        let mut url = self.messages.clone();
        // No filter by date: `DateSent` does not find messages that were not sent yet, which doubt is about.
        url.query_pairs_mut().append_pair("To", to.as_str()).append_pair("PageSize", &PAGE_SIZE.to_string());
        let mut next = Some(url);
        let (mut found, mut read) = (Vec::new(), 0);
        while let Some(url) = next.take() {
            let body = self.get(url, PAGE_BYTES_MAX).await?;
            let body = body.ok_or(ProviderError::Refused { status: 404, code: Some(20_404) })?;
            let page: MessagePage =
                serde_json::from_slice(&body).map_err(|_| no_answer("the list is not readable"))?;
            read += page.messages.len();
            let exhausted = is_past(&page.messages, from) || page.messages.is_empty();
            let messages = page.messages.into_iter().filter_map(MessageResource::into_provider_message);
            found.extend(messages.filter(|m| (from..=until).contains(&m.created_at) && m.to == *to));
            next = if exhausted { None } else { self.next_page(page.next_page_uri)? };
            // What was not read may hold the one that is looked for, so this is no "not found".
            if next.is_some() && read >= LOOK_UP_MAX {
                return Err(no_answer("the number has more messages than are read"));
            }
        }
        Ok(found)
    }

    async fn allow(&self, in_flight_max: u16) {
        self.slots.resize(in_flight_max).await;
    }

    fn classify(&self, error_code: Option<u32>) -> FailureClass {
        error_code::class_of_callback(error_code)
    }

    fn answer_max(&self) -> Duration {
        self.answer_max
    }
}

/// Whether a page shows by itself that the list runs from new to old and has left the window.
///
/// The order is not documented, so a page that does not descend proves nothing, and reading goes on.
fn is_past(page: &[MessageResource], from: Timestamp) -> bool {
    let date = |message: Option<&MessageResource>| message.and_then(MessageResource::created_at);
    match (date(page.first()), date(page.last())) {
        (Some(first), Some(last)) => first > last && last < from,
        _ => false,
    }
}

fn form(originator: &str, status_callback: Option<&Url>, submission: &Submission) -> String {
    let Submission { message, attempt, to, body, media, validity_s, .. } = submission;
    let mut start = String::with_capacity(originator.len() + body.0.len() * 2 + 300);
    start.push_str(originator);
    let mut form = form_urlencoded::Serializer::for_suffix(start, 0);
    form.append_pair("To", to.as_str());
    form.append_pair("Body", &body.0);
    for url in media {
        form.append_pair("MediaUrl", url.as_str());
    }
    if let Some(base) = status_callback {
        form.append_pair("StatusCallback", callback_url(base, message, *attempt).as_str());
    }
    form.append_pair("ValidityPeriod", &validity_s.clamp(&1, &VALIDITY_S_MAX).to_string());
    form.finish()
}

/// The URL that statuses of one attempt come back to. Its parameters are in alphabetical order, so that a proxy that
/// sorts them does not change what was signed.
fn callback_url(base: &Url, message: &MessageId, attempt: u16) -> Url {
    let mut parameters: Vec<(String, String)> = base.query_pairs().into_owned().collect();
    parameters.push(("attempt".to_owned(), attempt.to_string()));
    parameters.push(("message".to_owned(), message.to_string()));
    parameters.sort();
    let mut url = base.clone();
    url.query_pairs_mut().clear().extend_pairs(parameters);
    url.set_fragment(Some(CALLBACK_OVERRIDES));
    url
}

/// The connections to Twilio, with credentials in every request.
pub(crate) fn http_client(config: &TwilioConfig) -> Result<Client, ConfigError> {
    let headers = default_headers(&config.account_sid, &config.credentials)
        .ok_or(ConfigError::Malformed { field: "credentials", expected: "text that fits a header" })?;
    let mut http = http_client::client_builder(Reach::of_scheme(config.api_base.scheme()));
    if let Some(pem) = &config.ca_pem {
        http = http.tls_certs_merge(Certificate::from_pem_bundle(pem).map_err(ConfigError::Transport)?);
    }
    if let Some(Proxy { url, except }) = &config.proxy {
        let except = except.as_deref().and_then(NoProxy::from_string);
        let proxy = reqwest::Proxy::https(url.clone()).map_err(ConfigError::Transport)?;
        http = http.proxy(proxy.no_proxy(except));
    }
    http.default_headers(headers)
        .user_agent(concat!("callout/", env!("CARGO_PKG_VERSION")))
        // A connection that cannot be made must end before the whole request does: then it is known that nothing was
        // sent.
        .connect_timeout(config.answer_max / 2)
        .pool_idle_timeout(IDLE_MAX)
        .pool_max_idle_per_host(config.in_flight_max.into())
        .build()
        .map_err(ConfigError::Transport)
}

fn default_headers(account_sid: &str, credentials: &Credentials) -> Option<HeaderMap> {
    let (user, secret) = match credentials {
        Credentials::AuthToken(token) => (account_sid, token),
        Credentials::ApiKey { sid, secret } => (sid.as_str(), secret),
    };
    let pair = STANDARD.encode(format!("{user}:{}", secret.expose()));
    let mut authorization = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
    authorization.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, authorization);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    Some(headers)
}

/// Reads an answer, up to a bound.
pub(crate) async fn read(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| answer::what_broke(&error).to_owned())? {
        if body.len() + chunk.len() > bytes_max {
            return Err(format!("the answer is longer than {bytes_max} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn no_answer(reason: &str) -> ProviderError {
    ProviderError::NoAnswer(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use domain::id::RunId;

    use super::*;
    use crate::{Secret, SignatureVerifier, SigningKey};

    #[test]
    fn no_name_of_a_message_leads_to_another_path() {
        let config = TwilioConfig::new(
            "https://api.example".parse().unwrap(),
            format!("AC{}", "0".repeat(32)),
            Credentials::AuthToken(Secret::new("token")),
            OriginatorAddress::From("+15005550006".to_owned()),
        );
        let client = TwilioClient::new(config).unwrap();
        let end = |name: &str| {
            let url = client.message_url(&name.parse().unwrap());
            url.as_str().split_once("/Messages/").unwrap().1.to_owned()
        };
        let sid = format!("SM{}", "0f".repeat(16));
        assert_eq!(end(&sid), format!("{sid}.json"));
        assert_eq!(end("../../x?y#z"), "..%2F..%2Fx%3Fy%23z.json");
    }

    #[test]
    fn b10_a_callback_verifies_when_its_parameters_come_back_sorted() {
        let message = MessageId { run: RunId::derive("s", "e", "w", None), number: 2 };
        let key = Secret::new("token");
        for base in
            ["https://callout.example/v1/twilio/status", "https://callout.example/s?zone=eu&k=a%20b&arm"]
        {
            let url = callback_url(&base.parse().unwrap(), &message, 3);
            assert_eq!(url.fragment(), Some(CALLBACK_OVERRIDES));
            let query = url.query().unwrap();
            assert!(query.contains("attempt=3") && query.contains(&format!("message={message}")), "{query}");
            let mut sorted: Vec<&str> = query.split('&').collect();
            sorted.sort_unstable();
            let mut back = url.clone();
            back.set_query(Some(&sorted.join("&")));
            let signature = SigningKey::new(&key).sign(url.as_str(), &[]);
            assert!(
                SignatureVerifier::new(vec![key.clone()]).verify(back.as_str(), &[], &signature),
                "{back}"
            );
        }
    }
}
