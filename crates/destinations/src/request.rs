//! One request. In: a method, an address, headers and a body. Out: the answer, bounded, or what went wrong.
//!
//! Never: reads an answer without end, or repeats a request.

use std::{error::Error as _, sync::Arc, time::Duration};

use domain::effect::EffectAnswer;
use reqwest::{Client, RequestBuilder, Response, StatusCode, header};
use serde_json::Value;
use url::Url;

use crate::{
    Unusable,
    address_guard::{PRIVATE, PublicResolver, is_private_literal},
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

/// Sends a request. Anything but an answer of success is what the effect is answered with.
pub(crate) async fn send(request: RequestBuilder) -> Result<Accepted, EffectAnswer> {
    send_refusing(request, &[]).await
}

/// The same for a service at which these statuses, too, say that the request will not be taken as it is.
pub(crate) async fn send_refusing(
    request: RequestBuilder,
    refusals: &[u16],
) -> Result<Accepted, EffectAnswer> {
    let mut response = request.send().await.map_err(|error| unanswered(&error))?;
    let status = response.status();
    let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after_s = retry_after.and_then(|text| text.trim().parse::<u64>().ok());
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
        Ok(Accepted { status, body, next })
    } else if refusals.contains(&status.as_u16()) {
        Err(EffectAnswer::Refused { reason: format!("answered {}", status.as_u16()) })
    } else {
        Err(not_done(status, retry_after_s.map(|seconds| seconds.min(RETRY_AFTER_S_MAX) * 1_000)))
    }
}

fn not_done(status: StatusCode, retry_after_ms: Option<u64>) -> EffectAnswer {
    let reason = format!("answered {}", status.as_u16());
    match status.as_u16() {
        429 | 503 => EffectAnswer::Later { retry_after_ms, reason },
        // Credentials that are being changed, and what is not there yet, may be right later.
        401 | 403 | 404 | 407 | 408 | 409 | 425 => EffectAnswer::Failed { reason, is_in_doubt: false },
        300..=399 => EffectAnswer::Refused { reason: format!("{reason}, a redirect, which is not followed") },
        400..=499 => EffectAnswer::Refused { reason },
        _ => EffectAnswer::Failed { reason, is_in_doubt: true },
    }
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
