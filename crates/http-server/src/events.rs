//! Events over HTTP, for every role that takes some: how they come, and how their sender is answered.
//!
//! In: headers and bodies; what was taken. Out: events; answers, or problems that name every field.
//! Never: decides whether an event is taken.

mod problem;
mod request;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use domain::acceptance::Accepted;
use serde_json::json;

/// Where events are posted, whoever takes them.
pub const EVENTS_PATH: &str = "/v1/events";

pub use problem::Problem;
pub use request::{ids, read, unpacked};

/// 202 when something was taken, 200 when all of it was known or of no use to any workflow; with the runs that the events
/// open, and warnings.
pub fn answer(accepted: &Accepted, is_batch: bool) -> Response {
    let Accepted { events, runs, warnings, fresh, known } = accepted;
    let (status, word) =
        if *fresh > 0 { (StatusCode::ACCEPTED, "accepted") } else { (StatusCode::OK, "known") };
    let mut body = match events.as_slice() {
        [event] if !is_batch => json!({"status": word, "event": event, "runs": runs}),
        _ => json!({"status": word, "accepted": fresh, "known": known, "events": events, "runs": runs}),
    };
    if !warnings.is_empty() {
        body["warnings"] = json!(warnings);
    }
    (status, Json(body)).into_response()
}
