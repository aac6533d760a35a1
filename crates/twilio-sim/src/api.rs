//! The API. In: HTTP requests below `/2010-04-01`, and below `/v1` those of the product APIs. Out: what the matching resource
//! answers.
//!
//! Never: looks at a request that is not signed in, or that comes while too many are open.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::{Choice, ConstantTimeEq};
use twilio::Form;

use crate::{
    answer::{ApiError, json},
    clock,
    create::create,
    list::list,
    message::{API_VERSION, Status},
    resources::{refused, resource},
    sim::Sim,
};

/// Largest request body, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

pub(crate) async fn serve(sim: Arc<Sim>, request: Request<Body>) -> Response<Body> {
    let open = Open::begin(&sim);
    let concurrent = open.0;
    let mut response = if concurrent > sim.config.concurrency_max {
        ApiError(20_429).response()
    } else {
        answer(&sim, request).await.unwrap_or_else(ApiError::response)
    };
    let headers = response.headers_mut();
    let id = sim.requests.fetch_add(1, Ordering::Relaxed);
    if let Ok(id) = HeaderValue::from_str(&format!("RQ{id:032x}")) {
        headers.insert("twilio-request-id", id);
    }
    headers.insert("twilio-concurrent-requests", HeaderValue::from(concurrent));
    response
}

/// A request that is being answered; it is no longer when this is dropped, also by a client that went away.
struct Open<'a>(usize, &'a Sim);

impl<'a> Open<'a> {
    fn begin(sim: &'a Sim) -> Self {
        Self(sim.open.fetch_add(1, Ordering::Relaxed) + 1, sim)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.1.open.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn answer(sim: &Arc<Sim>, request: Request<Body>) -> Result<Response<Body>, ApiError> {
    if !is_signed_in(sim, request.headers()) {
        return Err(ApiError(20_003));
    }
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    if let Some(answered) = resource(sim, parts.uri.path(), query) {
        return if parts.method == Method::GET { answered } else { Err(ApiError(20_004)) };
    }
    let account = &sim.config.account_sid;
    let rest = parts.uri.path().strip_prefix('/').and_then(|path| path.strip_prefix(API_VERSION));
    let rest = rest.and_then(|path| path.strip_prefix("/Accounts/")).ok_or(ApiError(20_404))?;
    let rest = rest.strip_prefix(account.as_str()).ok_or(ApiError(20_404))?;
    if rest == "/Messages.json" {
        return match parts.method {
            Method::GET => match sim.read(|state| state.account.answer("messages")) {
                Some(status) => Ok(refused(status)),
                None => Ok(list(sim, query)),
            },
            Method::POST => Ok(create(sim, &read_form(&parts.headers, body).await?).await),
            _ => Err(ApiError(20_004)),
        };
    }
    let sid = rest.strip_prefix("/Messages/").and_then(|file| file.strip_suffix(".json"));
    let number = sim.read(|state| sid.and_then(|sid| state.number_of(sid)));
    match parts.method {
        Method::GET => fetch(sim, number.ok_or(ApiError(20_404))?),
        Method::DELETE => delete(sim, number.ok_or(ApiError(20_404))?),
        Method::POST => {
            let form = read_form(&parts.headers, body).await?;
            update(sim, number.ok_or(ApiError(30_404))?, &form)
        }
        _ => Err(ApiError(20_004)),
    }
}

fn is_signed_in(sim: &Sim, headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(given) = given.and_then(|value| value.strip_prefix("Basic ")) else { return false };
    let Ok(given) = STANDARD.decode(given) else { return false };
    let second = sim.second_token.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let tokens = std::iter::once(&sim.config.auth_token).chain(&second);
    let own = tokens.map(|token| (sim.config.account_sid.as_str(), token));
    let keys = sim.config.api_keys.iter().map(|key| (key.sid.as_str(), &key.secret));
    let fits = own.chain(keys).fold(Choice::from(0), |fits, (user, secret)| {
        fits | format!("{user}:{}", secret.expose()).as_bytes().ct_eq(&given)
    });
    fits.into()
}

/// The parameters of a POST. What is not a form has none, which leads to Twilio's "missing" errors.
async fn read_form(headers: &HeaderMap, body: Body) -> Result<Form, ApiError> {
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| ApiError(20_001))?;
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded") {
        return Ok(Form::default());
    }
    Form::parse(&body).map_err(|_| ApiError(20_001))
}

fn fetch(sim: &Sim, number: u64) -> Result<Response<Body>, ApiError> {
    sim.read(|state| {
        let record = state.records.get(&number).ok_or(ApiError(20_404))?;
        Ok(json(StatusCode::OK, &record.resource(&sim.config.account_sid)))
    })
}

fn delete(sim: &Sim, number: u64) -> Result<Response<Body>, ApiError> {
    sim.change(|state| {
        let record = state.records.get(&number).ok_or(ApiError(20_404))?;
        if !record.status.is_final() {
            return Err(ApiError(20_009));
        }
        state.remove(number);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    })
}

/// Cancels, or removes the text. One of the two, and nothing else.
fn update(sim: &Arc<Sim>, number: u64, form: &Form) -> Result<Response<Body>, ApiError> {
    sim.change(|state| {
        let record = state.records.get_mut(&number).ok_or(ApiError(30_404))?;
        match (form.get("Status"), form.get("Body")) {
            (Some("canceled"), None) => {
                // Whether a text that merely waits can be withdrawn is not documented; here it can.
                if !matches!(record.status, Status::Scheduled | Status::Accepted | Status::Queued) {
                    return Err(ApiError(30_409));
                }
                state.set_status(number, Status::Canceled, clock::now());
            }
            (None, Some("")) => record.body.clear(),
            _ => return Err(ApiError(30_400)),
        }
        let record = state.records.get(&number).ok_or(ApiError(30_404))?;
        Ok(json(StatusCode::OK, &record.resource(&sim.config.account_sid)))
    })
}
