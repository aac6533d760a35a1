//! The simulator's own interface, below `/sim/v1`. In: what phones do, faults, expectations, the
//! account. Out: phones, the report.
//!
//! Never: asks for credentials. It is a test double, and listens where its owner put it.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::phone::E164;
use serde::Deserialize;
use serde_json::json;

use crate::{
    account::AccountState,
    fault::{FaultPlan, Injection},
    phone::{Behaviour, ReplyRule},
    report::Expectation,
    sim::Sim,
    state::View,
};

/// Largest request body, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Most faults and expectations waiting at once.
const WAITING_MAX: usize = 10_000;

/// Why a setting was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotSet(pub(crate) &'static str);

impl IntoResponse for NotSet {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": self.0 }))).into_response()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhoneSettings {
    behaviour: Option<Behaviour>,
    replies: Option<Vec<ReplyRule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    body: String,
    to: Option<String>,
}

pub(crate) fn router(sim: Arc<Sim>) -> Router {
    Router::new()
        .route("/sim/v1/phones/{number}", get(show_phone).put(set_phone))
        .route("/sim/v1/phones/{number}/reply", post(reply))
        .route("/sim/v1/faults", get(show_faults).put(set_faults).post(inject))
        .route("/sim/v1/account", get(show_account).put(set_account))
        .route("/sim/v1/expectations", post(expect))
        .route("/sim/v1/judge", get(report))
        .route("/sim/v1/reset", post(reset))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn(refuse_web_pages))
        .with_state(sim)
}

/// A page in the browser of the person who runs the simulator must not make its phones reply. Browsers name the page
/// that a request comes from; no other client does.
async fn refuse_web_pages(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::ORIGIN) {
        return (StatusCode::FORBIDDEN, "requests of web pages are not taken\n").into_response();
    }
    next.run(request).await
}

impl Sim {
    pub(crate) fn set_account(&self, account: AccountState) -> Result<(), NotSet> {
        match account.fault() {
            Some(fault) => Err(NotSet(fault)),
            None => {
                self.change(|state| state.account = account);
                Ok(())
            }
        }
    }

    pub(crate) fn set_faults(&self, plan: FaultPlan) -> Result<(), NotSet> {
        match plan.fault() {
            Some(fault) => Err(NotSet(fault)),
            None => {
                self.change(|state| state.faults.plan = plan);
                Ok(())
            }
        }
    }
}

async fn show_phone(State(sim): State<Arc<Sim>>, Path(number): Path<String>) -> Response {
    sim.read(|state| {
        let phone = state.phones.get(&number);
        let view = View(state);
        Json(json!({
            "number": number,
            "behaviour": phone.map(|phone| phone.behaviour).unwrap_or_default(),
            "replies": phone.map(|phone| phone.replies.as_slice()).unwrap_or_default(),
            "texts": view.texts(&number),
            "sent": view.sent(&number),
        }))
        .into_response()
    })
}

async fn set_phone(
    State(sim): State<Arc<Sim>>,
    Path(number): Path<String>,
    Json(settings): Json<PhoneSettings>,
) -> Response {
    if number.parse::<E164>().is_err() {
        return NotSet("the phone's number is not in E.164 form").into_response();
    }
    sim.change(|state| {
        let phone = state.phone(&number);
        phone.behaviour = settings.behaviour.unwrap_or(phone.behaviour);
        if let Some(replies) = settings.replies {
            phone.replies = replies;
        }
    });
    show_phone(State(sim), Path(number)).await
}

async fn reply(
    State(sim): State<Arc<Sim>>,
    Path(number): Path<String>,
    Json(reply): Json<Reply>,
) -> Response {
    match sim.send_from_phone(&number, reply.to.as_deref(), &reply.body).await {
        Ok(replied) => {
            let body = json!({ "sid": replied.sid, "to": replied.to, "answered": replied.answered });
            (StatusCode::CREATED, Json(body)).into_response()
        }
        Err(error) => (StatusCode::CONFLICT, Json(json!({ "error": error.to_string() }))).into_response(),
    }
}

async fn show_faults(State(sim): State<Arc<Sim>>) -> Response {
    sim.read(|state| {
        let faults = &state.faults;
        Json(json!({ "plan": faults.plan, "next": faults.injections, "fired": faults.fired })).into_response()
    })
}

async fn set_faults(State(sim): State<Arc<Sim>>, Json(plan): Json<FaultPlan>) -> Response {
    match sim.set_faults(plan) {
        Ok(()) => show_faults(State(sim)).await,
        Err(error) => error.into_response(),
    }
}

async fn show_account(State(sim): State<Arc<Sim>>) -> Response {
    sim.read(|state| Json(&state.account).into_response())
}

async fn set_account(State(sim): State<Arc<Sim>>, Json(account): Json<AccountState>) -> Response {
    match sim.set_account(account) {
        Ok(()) => show_account(State(sim)).await,
        Err(error) => error.into_response(),
    }
}

async fn inject(State(sim): State<Arc<Sim>>, Json(injection): Json<Injection>) -> Response {
    let taken = injection.count > 0
        && sim.change(|state| {
            let has_room = state.faults.injections.len() < WAITING_MAX;
            if has_room {
                state.faults.injections.push(injection);
            }
            has_room
        });
    if taken {
        show_faults(State(sim)).await
    } else {
        NotSet("the count is zero, or too many faults wait").into_response()
    }
}

async fn expect(State(sim): State<Arc<Sim>>, Json(expectation): Json<Expectation>) -> Response {
    let taken = sim.change(|state| {
        let has_room = state.ledger.expectations.len() < WAITING_MAX;
        if has_room {
            state.ledger.expectations.push((expectation, 0));
        }
        has_room
    });
    if taken {
        StatusCode::NO_CONTENT.into_response()
    } else {
        NotSet("too many expectations").into_response()
    }
}

async fn report(State(sim): State<Arc<Sim>>) -> Response {
    Json(sim.read(|state| state.report())).into_response()
}

async fn reset(State(sim): State<Arc<Sim>>) -> Response {
    sim.change(|state| state.reset(&sim.config));
    StatusCode::NO_CONTENT.into_response()
}
