//! What is told of each request. In: requests with the routes that they fit. Out: a duration by route and status, and a span
//! where spans are exported.
//!
//! Never: a path, which may hold an id or a secret, or anything about probes and scrapes.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use telemetry::span::{self, ServedRequest};

/// Routes that monitors ask every few seconds; they would be most of a trace store.
const UNOBSERVED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// The route of a request that fits none.
const NO_ROUTE: &str = "none";
/// The status of a request without an answer: its time was over, or its client went away.
const NO_ANSWER: &str = "none";

/// A request that has begun. It counts as unanswered when it is dropped without a status.
struct Observed {
    route: Option<MatchedPath>,
    begun: Instant,
    status: Option<axum::http::StatusCode>,
}

impl Drop for Observed {
    fn drop(&mut self) {
        let status = self.status.as_ref().map_or(NO_ANSWER, |status| status.as_str());
        let route = self.route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
        telemetry::metrics().intake.request(route, status, self.begun.elapsed());
    }
}

/// Measures a request, within a span below its caller's.
#[expect(clippy::disallowed_methods, reason = "a duration that no decision reads")]
pub(crate) async fn request(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    if route.as_ref().is_some_and(|route| UNOBSERVED.contains(&route.as_str())) {
        return next.run(request).await;
    }
    let mut observed = Observed { route, begun: Instant::now(), status: None };
    let answer = match &observed.route {
        Some(route) if telemetry::is_tracing() => {
            let traceparent = request.headers().get(span::TRACEPARENT).and_then(|value| value.to_str().ok());
            let served = ServedRequest::begin(request.method().as_str(), route.as_str(), traceparent);
            let answer = served.answer(next.run(request)).await;
            served.answered(answer.status().as_u16());
            answer
        }
        Some(_) | None => next.run(request).await,
    };
    observed.status = Some(answer.status());
    answer
}
