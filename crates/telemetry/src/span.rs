//! The spans of an event's story. In: what is done, and the trace context that the event came with. Out: spans that share
//! its trace, in whichever process and however much later.
//!
//! Names and attributes follow OpenTelemetry's conventions for HTTP (1.23 and later) and messaging (still in
//! development): <https://opentelemetry.io/docs/specs/semconv/>.
//! Never: holds a text, a number or a secret. Where traces are off, a span is nothing and costs a comparison.

use std::collections::HashMap;

use domain::{phone::identifier_without_numbers, run::Run, timeline::Effects};
use opentelemetry::{
    KeyValue,
    propagation::TextMapPropagator as _,
    trace::{SpanContext, TraceContextExt as _},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use serde_json::Value;
use tracing::{Instrument as _, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::sampling;

/// The target of all spans, by which the log leaves them out and the export takes nothing else.
pub(crate) const TARGET: &str = "callout::trace";

/// The name of the header and of the attribute that hold a trace context.
pub const TRACEPARENT: &str = "traceparent";

/// A request that a listener of ours answers.
pub struct ServedRequest {
    span: Span,
    left_out: Option<String>,
}

impl ServedRequest {
    /// `route` is the pattern that the request fits, not its path.
    pub fn begin(method: &str, route: &str, traceparent: Option<&str>) -> Self {
        let left_out = sampling::left_out(traceparent);
        if left_out.is_some() {
            return Self { span: Span::none(), left_out };
        }
        let span = info_span!(
            target: TARGET,
            "http server",
            "otel.name" = format!("{method} {route}"),
            "otel.kind" = "server",
            "otel.status_code" = tracing::field::Empty,
            "http.request.method" = method,
            "http.route" = route,
            "http.response.status_code" = tracing::field::Empty,
        );
        continue_from(&span, traceparent);
        Self { span, left_out }
    }

    /// Answers it.
    pub async fn answer<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.left_out {
            Some(context) => sampling::leaving_out(context.clone(), work).await,
            None => work.instrument(self.span.clone()).await,
        }
    }

    /// Notes the answer.
    pub fn answered(&self, status: u16) {
        self.span.record("http.response.status_code", i64::from(status));
        if status >= 500 {
            failed(&self.span);
        }
    }
}

/// An event is published: the beginning of its story with us, after what its producer told of. With the context that the
/// event goes on with; none where traces are off.
pub fn publish(source: &str, id: &str, traceparent: Option<&str>) -> (Span, Option<String>) {
    if let Some(context) = sampling::left_out(traceparent) {
        return (Span::none(), Some(context));
    }
    let span = info_span!(
        target: TARGET,
        "publish",
        "otel.name" = "send events",
        "otel.kind" = "producer",
        "messaging.operation.name" = "send",
        "messaging.operation.type" = "send",
        "messaging.destination.name" = "events",
        "cloudevents.event_source" = identifier_without_numbers(source),
        "cloudevents.event_id" = identifier_without_numbers(id),
    );
    continue_from(&span, traceparent);
    let context = traceparent_of(&span);
    (span, context)
}

/// A sender works on an event.
pub fn process(queue: &str, source: &str, id: &str, traceparent: Option<&str>) -> Span {
    if sampling::left_out(traceparent).is_some() {
        return Span::none();
    }
    let span = info_span!(
        target: TARGET,
        "process",
        "otel.name" = format!("process {queue}"),
        "otel.kind" = "consumer",
        "messaging.operation.name" = "process",
        "messaging.operation.type" = "process",
        "messaging.destination.name" = queue,
        "cloudevents.event_source" = identifier_without_numbers(source),
        "cloudevents.event_id" = identifier_without_numbers(id),
    );
    continue_from(&span, traceparent);
    span
}

/// The request that sends a text.
pub fn submit(run: &Run, message: u16, attempt: u16) -> Span {
    if sampling::left_out(run.traceparent()).is_some() {
        return Span::none();
    }
    let span = info_span!(
        target: TARGET,
        "submit",
        "otel.name" = "submit text",
        "otel.kind" = "client",
        "otel.status_code" = tracing::field::Empty,
        "run.id" = %run.id(),
        "message.id" = %run.message_id(message),
        "message.attempts" = attempt,
        "message.sid" = tracing::field::Empty,
    );
    join(&span, run.traceparent());
    span
}

/// Notes the provider's name for a text that it took.
pub fn sent(span: &Span, sid: &str) {
    span.record("message.sid", sid);
}

/// A change of a run is stored. What it was is added by [`stored`].
pub fn change(run: &Run) -> Span {
    if sampling::left_out(run.traceparent()).is_some() {
        return Span::none();
    }
    let span = info_span!(
        target: TARGET,
        "change",
        "otel.name" = "change run",
        "run.id" = %run.id(),
        "callout.workflow" = run.workflow(),
    );
    join(&span, run.traceparent());
    span
}

/// What stands in a run's timeline since this change, as events of the span.
pub fn stored(span: &Span, effects: &Effects) {
    if span.is_disabled() {
        return;
    }
    for entry in &effects.timeline {
        let name = match serde_json::to_value(&entry.what) {
            Ok(Value::Object(line)) => line.get("what").and_then(Value::as_str).map(str::to_owned),
            Ok(_) | Err(_) => None,
        };
        let message = entry.message.map(|number| KeyValue::new("callout.message.number", i64::from(number)));
        span.add_event(name.unwrap_or_else(|| "change".to_owned()), message.into_iter().collect());
    }
}

/// An effect is carried out at a destination.
pub fn effect(destination: &str, act: &str, traceparent: Option<&str>) -> Span {
    if sampling::left_out(traceparent).is_some() {
        return Span::none();
    }
    let span = info_span!(
        target: TARGET,
        "effect",
        "otel.name" = format!("{act} {destination}"),
        "otel.kind" = "client",
        "otel.status_code" = tracing::field::Empty,
        "callout.destination" = destination,
    );
    continue_from(&span, traceparent);
    span
}

/// Notes that what a span is about failed.
pub fn failed(span: &Span) {
    span.record("otel.status_code", "ERROR");
}

/// The context of a span for others; `None` where traces are off.
fn traceparent_of(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.remove(TRACEPARENT)
}

/// The id of the trace of a context, for the log.
pub fn trace_id(traceparent: &str) -> Option<&str> {
    traceparent.split('-').nth(1).filter(|id| id.len() == 32)
}

/// Makes a span a part of a run's trace: below the current one if that is of the same trace, else below the one that the
/// run began with, with a link to the current one.
fn join(span: &Span, traceparent: Option<&str>) {
    if span.is_disabled() {
        return;
    }
    let current = Span::current().context().span().span_context().clone();
    let Some(begun) = traceparent.and_then(context_of) else { return };
    let of_run = begun.span().span_context().clone();
    if current.is_valid() && current.trace_id() == of_run.trace_id() {
        return;
    }
    // It fails for a span that has begun, and none of ours has.
    let _ = span.set_parent(begun);
    if current.is_valid() {
        span.add_link(current);
    }
}

fn continue_from(span: &Span, traceparent: Option<&str>) {
    if span.is_disabled() {
        return;
    }
    if let Some(context) = traceparent.and_then(context_of) {
        let current: SpanContext = Span::current().context().span().span_context().clone();
        let is_other = current.is_valid() && current.trace_id() != context.span().span_context().trace_id();
        // As above.
        let _ = span.set_parent(context);
        if is_other {
            span.add_link(current);
        }
    }
}

fn context_of(traceparent: &str) -> Option<opentelemetry::Context> {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context =
        TraceContextPropagator::new().extract_with_context(&opentelemetry::Context::new(), &carrier);
    context.span().span_context().is_valid().then_some(context)
}
