//! One request. In: a method, an address, headers and a body. Out: the answer, bounded, or what went wrong.
//!
//! Never: reads an answer without end, or repeats a request.

use std::{error::Error as _, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::effect::EffectAnswer;
use reqwest::{
    Client, Request, RequestBuilder, Response, StatusCode,
    header::{self, HeaderMap},
};
use serde_json::Value;
use url::Url;

use crate::{
    Unusable,
    address_guard::{PRIVATE, PublicResolver, is_private_literal},
    error_answer,
};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes read of an answer: a page of a hundred issues, each with 64 KB of text, has less.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The longest wait that is taken from an answer, in seconds.
const RETRY_AFTER_S_MAX: u64 = 3_600;

/// Makes requests to one destination.
#[derive(Debug, Clone)]
pub struct Requests {
    client: Client,
    allow_private: bool,
}

impl Requests {
    /// Requests to public addresses, or to any.
    ///
    /// # Errors
    /// When this machine has no usable TLS.
    pub fn new(allow_private: bool) -> Result<Self, Unusable> {
        let mut builder = http_client::client_builder(http_client::Reach::Tls)
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("callout/", env!("CARGO_PKG_VERSION")));
        if !allow_private {
            builder = builder.dns_resolver(Arc::new(PublicResolver));
        }
        let client = builder.build().map_err(|error| Unusable(error.to_string()))?;
        Ok(Self { client, allow_private })
    }

    pub(crate) fn get(&self, url: Url) -> Result<RequestBuilder, EffectAnswer> {
        self.check(&url)?;
        Ok(self.client.get(url))
    }

    /// A POST of JSON.
    pub(crate) fn post_json(&self, url: Url, body: &Value) -> Result<RequestBuilder, EffectAnswer> {
        Ok(self.post(url)?.header(header::CONTENT_TYPE, "application/json").body(body.to_string()))
    }

    pub(crate) fn post(&self, url: Url) -> Result<RequestBuilder, EffectAnswer> {
        self.check(&url)?;
        Ok(self.client.post(url))
    }

    pub(crate) fn patch_json(&self, url: Url, body: &Value) -> Result<RequestBuilder, EffectAnswer> {
        self.check(&url)?;
        let patch = self.client.patch(url);
        Ok(patch.header(header::CONTENT_TYPE, "application/json").body(body.to_string()))
    }

    fn check(&self, url: &Url) -> Result<(), EffectAnswer> {
        if !self.allow_private && is_private_literal(url) {
            return Err(EffectAnswer::Refused { reason: PRIVATE.to_owned() });
        }
        Ok(())
    }
}

/// What came back of a request that was accepted.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// The status of success.
    pub(crate) status: StatusCode,
    body: Vec<u8>,
    /// The address of the next page, where the answer is a part of a list.
    pub(crate) next: Option<Url>,
}

impl Accepted {
    /// The body as JSON; `null` where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What a service means by some statuses.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meaning {
    /// These, too, say that the request will not be taken as it is.
    pub(crate) refusals: &'static [u16],
    /// The request is about one ticket: that it is not there says nothing of the service.
    pub(crate) is_about_ticket: bool,
}

/// Sends a request. Anything but an answer of success is what the effect is answered with.
pub(crate) async fn send(request: RequestBuilder) -> Result<Accepted, EffectAnswer> {
    send_meaning(request, Meaning::default()).await
}

/// The same for a request about one ticket.
pub(crate) async fn send_about_ticket(request: RequestBuilder) -> Result<Accepted, EffectAnswer> {
    send_meaning(request, Meaning { is_about_ticket: true, ..Meaning::default() }).await
}

/// The same for a service that means something of its own by some statuses.
pub(crate) async fn send_meaning(
    request: RequestBuilder,
    meaning: Meaning,
) -> Result<Accepted, EffectAnswer> {
    let (client, request) = request.build_split();
    let request = request.map_err(|error| unanswered(&error))?;
    let secrets = secrets_of(&request);
    let mut response = client.execute(request).await.map_err(|error| unanswered(&error))?;
    let status = response.status();
    let next = next_page(&response);
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES_MAX => body.extend_from_slice(&chunk),
            // What was done is known by the status; more of the words is not needed.
            Ok(Some(_) | None) => break,
            Err(error) if status.is_success() => return Err(unanswered(&error)),
            Err(_) => break,
        }
    }
    if status.is_success() {
        return Ok(Accepted { status, body, next });
    }
    let words = error_answer::words(&body, &secrets).map(|words| format!(": {words}")).unwrap_or_default();
    let reason = format!("answered {}{words}", status.as_u16());
    Err(match status.as_u16() {
        code if meaning.refusals.contains(&code) => EffectAnswer::Refused { reason },
        404 if meaning.is_about_ticket => EffectAnswer::Gone { reason },
        301 | 302 | 307 | 308 => redirected(&response),
        code => not_done(code, reason, retry_after_ms(response.headers())),
    })
}

fn not_done(code: u16, reason: String, retry_after_ms: Option<u64>) -> EffectAnswer {
    match code {
        429 | 503 => EffectAnswer::Later { retry_after_ms, reason },
        401 => EffectAnswer::Denied { reason },
        // Rights that are being changed, and what is not there yet, may be right later.
        403 | 404 | 407 | 408 | 409 | 425 => EffectAnswer::Failed { reason, is_in_doubt: false },
        300..=399 => EffectAnswer::Refused { reason: format!("{reason}, which no such request expects") },
        400..=499 => EffectAnswer::Refused { reason },
        _ => EffectAnswer::Failed { reason, is_in_doubt: true },
    }
}

/// The configured address is not the one that answers. It is tried until that is corrected.
fn redirected(response: &Response) -> EffectAnswer {
    let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
    let to = to.and_then(|to| response.url().join(to).ok());
    // The rest of an address may be a secret.
    let host = to.as_ref().and_then(|to| to.host_str()).unwrap_or("nowhere");
    let code = response.status().as_u16();
    let reason = format!(
        "answered {code}, a redirect to {host}, which is not followed: correct the destination's address"
    );
    EffectAnswer::Failed { reason, is_in_doubt: false }
}

/// How long it asks us to wait: in seconds, or until a date by its own clock (RFC 9110, section 10.2.3).
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(header::RETRY_AFTER)?;
    let seconds = if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a long time.
        asked.parse().unwrap_or(RETRY_AFTER_S_MAX)
    } else {
        let date = |text: Option<&str>| httpdate::parse_http_date(text?).ok();
        let (until, now) = (date(Some(asked))?, date(text(header::DATE))?);
        until.duration_since(now).map_or(0, |wait| wait.as_secs())
    };
    Some(seconds.min(RETRY_AFTER_S_MAX) * 1_000)
}

/// What of a request must not come back in an error: what follows the scheme of its `Authorization`, and the password in it.
fn secrets_of(request: &Request) -> Vec<String> {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(value) = value else { return Vec::new() };
    let secret = value.split_once(' ').map_or(value, |(_, secret)| secret);
    let login = STANDARD.decode(secret).ok().and_then(|login| String::from_utf8(login).ok());
    let password = login.and_then(|login| Some(login.split_once(':')?.1.to_owned()));
    password.into_iter().chain([secret.to_owned()]).collect()
}

/// No answer came. Errors of the client may hold the address, which may be a secret, so only their kind is said.
fn unanswered(error: &reqwest::Error) -> EffectAnswer {
    let mut cause = error.source();
    while let Some(error) = cause.filter(|error| error.to_string() != PRIVATE) {
        cause = error.source();
    }
    if cause.is_some() {
        return EffectAnswer::Refused { reason: PRIVATE.to_owned() };
    }
    let reason = if error.is_connect() {
        "no connection"
    } else if error.is_timeout() {
        "no answer in time"
    } else if error.is_builder() {
        "the request cannot be written"
    } else {
        "the connection broke before the answer"
    };
    EffectAnswer::Failed { reason: reason.to_owned(), is_in_doubt: !error.is_connect() }
}

/// The address of the next page, from a `Link` header (RFC 8288).
fn next_page(response: &Response) -> Option<Url> {
    let links = response.headers().get(header::LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let url = next.split_once('<')?.1.split_once('>')?.0.parse::<Url>().ok()?;
    // A token goes to the server that it was given for, and to no other.
    (url.origin() == response.url().origin()).then_some(url)
}
