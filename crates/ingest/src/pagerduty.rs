//! The adapter for tools that page PagerDuty. In: an event of its Events API v2. Out: an answer as PagerDuty gives it.
//!
//! Never: repeats the routing key, which is the source's key.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    adapter::{Adapter, routing_key},
    limits::PAGERDUTY_BODY_BYTES_MAX,
};
use http_server::events::{Problem, unpacked};
use serde_json::{Value, json};

use crate::{access::Sources, adapters::body_of, endpoint::Endpoint};

pub(crate) async fn receive(
    State(endpoint): State<Arc<Endpoint>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (sources, mut sender) = (endpoint.sources(), None);
    take(&endpoint, &sources, &name, request, &mut sender).await.unwrap_or_else(|problem| {
        problem.report(sender, &[]);
        refusal(&problem)
    })
}

/// `sender` is the name of the source, once it is known.
async fn take<'a>(
    endpoint: &Endpoint,
    sources: &'a Sources,
    name: &str,
    request: Request,
    sender: &mut Option<&'a str>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let body = body_of(body, PAGERDUTY_BODY_BYTES_MAX).await?;
    let body = unpacked(&parts.headers, &body, PAGERDUTY_BODY_BYTES_MAX)?;
    let _permit = endpoint.permit().ok_or(Problem::Busy)?;
    let holder = routing_key(&body).and_then(|key| sources.holder(&key));
    let source = holder.filter(|source| source.name == name).ok_or(Problem::NoKey)?;
    *sender = Some(&source.name);
    let settings = source.adapters.settings(Adapter::PagerDuty);
    let now = endpoint.ports.clock.now();
    let reports = Adapter::PagerDuty.read(&body, &settings, now).map_err(Problem::Invalid)?;
    let accepted = endpoint.take_reports(source, &settings, &reports, now).await?;
    let key = reports.first().map(|report| report.subject.as_str());
    let mut answer = json!({"status": "success", "message": "Event processed", "dedup_key": key});
    if !accepted.warnings.is_empty() {
        answer["warnings"] = json!(accepted.warnings);
    }
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// A problem as PagerDuty would say it. It gives 400 for a wrong routing key too.
fn refusal(problem: &Problem) -> Response {
    let status = match problem.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => StatusCode::BAD_REQUEST,
        status => status,
    };
    let errors = if let Problem::Invalid(errors) = problem {
        errors.iter().map(|error| json!(error.to_string())).collect()
    } else if matches!(problem, Problem::NoKey) {
        vec![json!("'routing_key' is not the key of this source")]
    } else if let Problem::NotificationTooLarge(most) = problem {
        let advice = "have the tool that pages PagerDuty send less, such as in payload.custom_details";
        vec![json!(format!("an event for PagerDuty's Events API may have {most} bytes here; {advice}"))]
    } else {
        vec![json!(problem.to_string())]
    };
    let (word, message) = if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        ("error", "Event not taken; send it again")
    } else {
        ("invalid event", "Event object is invalid")
    };
    let answer = json!({"status": word, "message": message, "errors": Value::Array(errors)});
    let mut response = (status, Json(answer)).into_response();
    if problem.is_passing() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
