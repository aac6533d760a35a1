//! The HTTP endpoint for events: who sends, what they send, and only then "accepted".
//!
//! In: CloudEvents over HTTP, structured, binary or in batches. Out: published events, or a problem that names
//! every field.
//! Never: answers 202 before the events are durable, or lets one source speak for another.

pub mod access;
mod problem;
mod recent_events;
mod request;
mod webhook_signature;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use domain::{
    event::{Event, EventKey},
    id::RunId,
    limits::EVENT_BODY_BYTES_MAX,
    phone::without_numbers,
    schema::FieldError,
    source::Source,
    source_quota::{Quota, QuotaRates, SourceQuotas},
    workflow::Workflow,
};
use ports::{Bus, Clock};
use runtime::{Precedent, RoleError, RunService};
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use crate::{access::Sources, problem::Problem, recent_events::RecentEvents};

/// Where events are posted.
pub const EVENTS_PATH: &str = "/v1/events";

/// What the endpoint uses, and nothing else.
#[derive(Clone)]
pub struct IngestPorts {
    /// Which workflows take an event, and which runs it opened before.
    pub runs: Arc<RunService>,
    /// Where events are published.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Who may send, and how much at once.
#[derive(Debug)]
pub struct IngestConfig {
    /// The sources that are trusted, now and after a reload.
    pub sources: watch::Receiver<Arc<Sources>>,
    /// Requests worked on at once; more are told to come again.
    pub in_flight_max: usize,
    /// Events a second that each source may bring in the lane of its workflow.
    pub quotas: QuotaRates,
}

struct Endpoint {
    ports: IngestPorts,
    sources: watch::Receiver<Arc<Sources>>,
    in_flight: Semaphore,
    quotas: Mutex<SourceQuotas>,
    recent: Mutex<RecentEvents>,
}

/// The endpoint's routes.
pub fn router(ports: IngestPorts, config: IngestConfig) -> Router {
    let endpoint = Endpoint {
        ports,
        sources: config.sources,
        in_flight: Semaphore::new(config.in_flight_max),
        quotas: Mutex::new(SourceQuotas::new(config.quotas)),
        recent: Mutex::default(),
    };
    Router::new()
        .route(EVENTS_PATH, post(receive))
        .layer(DefaultBodyLimit::max(EVENT_BODY_BYTES_MAX))
        .with_state(Arc::new(endpoint))
}

async fn receive(
    State(endpoint): State<Arc<Endpoint>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let result = match body {
        Ok(body) => endpoint.take(&headers, &body).await,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Problem::TooLarge),
        Err(rejection) => Err(Problem::Unreadable(rejection.body_text())),
    };
    result.unwrap_or_else(|problem| {
        tracing::info!(
            status = problem.status().as_u16(),
            problem = without_numbers(&problem.to_string()),
            "events were not taken"
        );
        problem.into_response()
    })
}

impl Endpoint {
    async fn take(&self, headers: &HeaderMap, body: &[u8]) -> Result<Response, Problem> {
        let _permit = self.in_flight.try_acquire().map_err(|_| Problem::Busy)?;
        let now = self.ports.clock.now();
        let sources = self.sources.borrow().clone();
        let source = sources.identify(headers, body, now).ok_or(Problem::Unauthenticated)?;
        let (events, is_batch) = request::read(headers, body)?;
        self.check(source, &events, is_batch)?;
        // An event that the batch repeats is taken once; its other content, under one key, is a conflict below.
        let mut said = BTreeSet::new();
        let distinct: Vec<_> = events
            .iter()
            .enumerate()
            .filter(|(_, event)| said.insert((&event.key, event.content())))
            .collect();
        let mut unknown = Vec::new();
        let conflict = |index| Problem::Conflict {
            pointer: if is_batch { format!("/{index}/id") } else { "/id".to_owned() },
        };
        for (index, event) in distinct.iter().copied() {
            match self.precedent(event).await? {
                Precedent::None => unknown.push((index, event)),
                Precedent::Same => {}
                Precedent::Other => return Err(conflict(index)),
            }
        }
        // A resolving event opens nothing, so what it says is not compared.
        let opening: Vec<_> =
            unknown.iter().copied().filter(|(_, event)| !self.runs_of(event).is_empty()).collect();
        self.recent().claim(&opening).map_err(conflict)?;
        let fresh: Vec<Event> = unknown.into_iter().map(|(_, event)| event.clone().taken_at(now)).collect();
        if !fresh.is_empty() {
            let quota = self.quota_of(source, fresh.len());
            if let Err(error) = self.ports.bus.publish_events(&fresh, quota).await {
                self.recent().forget(&fresh);
                return Err(Problem::NotStored(error.to_string()));
            }
        }
        let known = events.len() - fresh.len();
        let events: Vec<_> = distinct.into_iter().map(|(_, event)| event).collect();
        let runs: Vec<_> = events.iter().flat_map(|event| self.runs_of(event)).collect();
        let mut warnings = BTreeSet::new();
        for event in &events {
            warnings.extend(self.warnings(event).await);
        }
        let keys: Vec<_> = events.iter().map(|event| &event.key).collect();
        Ok(accepted(&keys, &runs, &warnings, [fresh.len(), known], is_batch))
    }

    fn quota_of(&self, source: &Source, events: usize) -> Quota {
        let count = u32::try_from(events).unwrap_or(u32::MAX);
        let mut quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        let quota = quotas.take(&source.name, count, self.ports.clock.now());
        if quota == Quota::Exceeded {
            telemetry::metrics().beyond_share.inc_by(u64::from(count));
        }
        quota
    }

    /// Names everything that is wrong with every event; one wrong event refuses the batch.
    fn check(&self, source: &Source, events: &[Event], is_batch: bool) -> Result<(), Problem> {
        let mut errors = Vec::new();
        for (index, event) in events.iter().enumerate() {
            if event.key.source != source.name {
                return Err(Problem::Forbidden(format!(
                    "this key may not send for source {:?}",
                    event.key.source
                )));
            }
            if !source.may_send(&event.kind) {
                return Err(Problem::Forbidden(format!(
                    "source {:?} may not send {:?}; it may send {}",
                    source.name,
                    event.kind,
                    source.types.join(", ")
                )));
            }
            let prefix = if is_batch { format!("/{index}") } else { String::new() };
            errors.extend(self.check_one(event).into_iter().map(|mut error| {
                error.pointer.insert_str(0, &prefix);
                error
            }));
        }
        if errors.is_empty() { Ok(()) } else { Err(Problem::Invalid(errors)) }
    }

    fn check_one(&self, event: &Event) -> Vec<FieldError> {
        let workflows = self.ports.runs.workflows();
        let routes = workflows.routes(&event.kind);
        if routes.opens.is_empty() && routes.resolves.is_empty() {
            return vec![FieldError::new("/type", "no workflow takes events of this type")];
        }
        if routes.opens.is_empty() && event.subject.is_none() {
            return vec![FieldError::new("/subject", "required: a resolving event names what it resolves")];
        }
        let wrong = routes.opens.iter().flat_map(|workflow| {
            let errors = workflow.schema.validate(&event.data);
            if errors.is_empty() { workflow.check_recipients(&event.data) } else { errors }
        });
        wrong.collect()
    }

    /// The runs that the event opens. Their ids are derived, so they are known before the runs are.
    fn runs_of(&self, event: &Event) -> Vec<RunId> {
        let workflows = self.ports.runs.workflows();
        let opens = workflows.routes(&event.kind).opens;
        let id_of = |workflow: &Workflow| {
            RunId::derive(&event.key.source, &event.key.id, workflow.name(), event.subject.as_deref())
        };
        opens.iter().map(|workflow| id_of(workflow)).collect()
    }

    /// What its sender should know of an event that is taken: nobody will be texted, or no event can resolve its runs.
    async fn warnings(&self, event: &Event) -> Vec<String> {
        let runs = &self.ports.runs;
        let workflows = runs.workflows();
        let mut warnings: Vec<String> = event.unset_time().into_iter().collect();
        for workflow in workflows.routes(&event.kind).opens {
            // The event is taken already: a store that does not answer now is no reason to refuse it.
            warnings.extend(runs.reaches_nobody(event, workflow).await.ok().flatten());
            warnings.extend(workflow.never_resolved(event));
        }
        warnings
    }

    fn recent(&self) -> MutexGuard<'_, RecentEvents> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came before under the event's key. A resolving event is always taken, and so is one whose runs are not all
    /// there yet.
    async fn precedent(&self, event: &Event) -> Result<Precedent, Problem> {
        let runs = self.runs_of(event);
        if runs.is_empty() {
            return Ok(Precedent::None);
        }
        let not_stored = |error: RoleError| Problem::NotStored(error.to_string());
        let precedent = self.ports.runs.precedent(event).await.map_err(not_stored)?;
        if precedent != Precedent::Same {
            return Ok(precedent);
        }
        for run in &runs {
            if self.ports.runs.load(run).await.map_err(not_stored)?.is_none() {
                return Ok(Precedent::None);
            }
        }
        Ok(Precedent::Same)
    }
}

/// 202 when something was taken, 200 when all of it was known; with the runs that the events open, and warnings.
fn accepted(
    events: &[&EventKey],
    runs: &[RunId],
    warnings: &BTreeSet<String>,
    [fresh, known]: [usize; 2],
    is_batch: bool,
) -> Response {
    let (status, word) =
        if fresh > 0 { (StatusCode::ACCEPTED, "accepted") } else { (StatusCode::OK, "known") };
    let mut body = match events {
        [event] if !is_batch => json!({"status": word, "event": event, "runs": runs}),
        _ => json!({"status": word, "accepted": fresh, "known": known, "events": events, "runs": runs}),
    };
    if !warnings.is_empty() {
        body["warnings"] = json!(warnings);
    }
    (status, Json(body)).into_response()
}
