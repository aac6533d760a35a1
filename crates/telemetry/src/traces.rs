//! Export of spans by OTLP. In: the `OTEL_*` variables of the specification, and spans. Out: batches to a collector.
//!
//! Never: makes the work wait that a span is about. A span for which there is no room, or which no collector took, is
//! counted and gone.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use http_client::{Reach, client_builder};
use opentelemetry::{Context, trace::TracerProvider as _};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter,
        SpanProcessor,
    },
};
use tokio::runtime::Handle;

use crate::metrics;

/// What spans are attributed to where `OTEL_SERVICE_NAME` names nothing.
const SERVICE: &str = "callout";
/// Spans that wait for their export at most, without `OTEL_BSP_MAX_QUEUE_SIZE`.
const WAITING_MAX: usize = 2_048;
/// How long the end of the process waits for the last export.
const END_MAX: Duration = Duration::from_secs(5);

/// Spans are exported while this is held.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts exporting if a variable of the environment names a collector, within a runtime; an empty one counts as
    /// absent. `None`: traces are off, and cost nothing.
    ///
    /// On are they with `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_TRACES_EXPORTER=otlp`;
    /// off with `OTEL_SDK_DISABLED=true` or `OTEL_TRACES_EXPORTER=none`. `OTEL_EXPORTER_OTLP_PROTOCOL` is
    /// `http/protobuf` or `grpc`.
    ///
    /// # Errors
    /// What a variable says that cannot be done.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        if !is_wanted(&var)? {
            return Ok(None);
        }
        let waiting = Arc::new(AtomicUsize::new(0));
        let most = var("OTEL_BSP_MAX_QUEUE_SIZE").and_then(|text| text.parse().ok()).unwrap_or(WAITING_MAX);
        let exporter = CountedExporter { exporter: exporter(&var)?, waiting: waiting.clone() };
        let config = BatchConfigBuilder::default().with_max_queue_size(most).build();
        let batch = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(&var))
            .with_span_processor(CountedProcessor { batch, waiting, most })
            .build();
        Ok(Some(Self { provider }))
    }

    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer(SERVICE)
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(END_MAX) {
            tracing::warn!(%error, "the last spans were not exported");
        }
    }
}

fn is_wanted(var: impl Fn(&str) -> Option<String>) -> Result<bool, String> {
    if var("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return Ok(false);
    }
    let endpoints = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    match var("OTEL_TRACES_EXPORTER").as_deref() {
        None => Ok(endpoints.into_iter().any(|name| var(name).is_some())),
        Some("otlp") => Ok(true),
        Some("none") => Ok(false),
        Some(other) => Err(format!("OTEL_TRACES_EXPORTER is {other:?}; callout knows otlp and none")),
    }
}

fn exporter(var: impl Fn(&str) -> Option<String>) -> Result<OtlpExporter, String> {
    let protocols = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
    let built = match protocols.into_iter().find_map(&var).as_deref() {
        None | Some("http/protobuf") => {
            OtlpExporter::builder().with_http().with_http_client(Http::new()?).build()
        }
        Some("grpc") => OtlpExporter::builder().with_tonic().build(),
        Some(other) => {
            return Err(format!(
                "OTEL_EXPORTER_OTLP_PROTOCOL is {other:?}; callout knows http/protobuf and grpc"
            ));
        }
    };
    built.map_err(|error| {
        format!("spans cannot be exported: {error}; see the variables that begin with OTEL_EXPORTER_OTLP")
    })
}

fn resource(var: impl Fn(&str) -> Option<String>) -> Resource {
    let resource = Resource::builder();
    let attributes = var("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    if var("OTEL_SERVICE_NAME").is_some() || attributes.contains("service.name=") {
        return resource.build();
    }
    resource.with_service_name(SERVICE).build()
}

/// Our HTTP client for an exporter that runs on a thread without a runtime.
#[derive(Debug)]
struct Http {
    client: reqwest::Client,
    runtime: Handle,
}

impl Http {
    fn new() -> Result<Self, String> {
        let client = client_builder(Reach::Tls).build().map_err(|error| error.to_string())?;
        let runtime = Handle::try_current().map_err(|error| error.to_string())?;
        Ok(Self { client, runtime })
    }
}

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let call = self.client.execute(request);
        let answer = self.runtime.spawn(async move {
            let answer = call.await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.bytes().await?))
        });
        let (status, body) = answer.await??;
        Ok(Response::builder().status(status).body(body)?)
    }
}

/// Counts what was exported, and what was not taken.
struct CountedExporter {
    exporter: OtlpExporter,
    waiting: Arc<AtomicUsize>,
}

impl fmt::Debug for CountedExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedExporter").finish_non_exhaustive()
    }
}

impl SpanExporter for CountedExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let result = self.exporter.export(batch).await;
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        let ended = if result.is_ok() { "exported" } else { "failed" };
        metrics().spans(ended, count);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Lets no more spans wait than there is room for, and counts the others.
#[derive(Debug)]
struct CountedProcessor {
    batch: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    most: usize,
}

impl SpanProcessor for CountedProcessor {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        self.batch.on_start(span, cx);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            metrics().spans("dropped", 1);
            return;
        }
        self.batch.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batch.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batch.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batch.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_wanted_with(variables: &[(&str, &str)]) -> Result<bool, String> {
        let of = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        is_wanted(of)
    }

    #[test]
    fn a_collector_switches_traces_on_and_two_variables_off() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert_eq!(is_wanted_with(&[]), Ok(false));
        assert_eq!(is_wanted_with(&[endpoint]), Ok(true));
        assert_eq!(is_wanted_with(&[("OTEL_TRACES_EXPORTER", "otlp")]), Ok(true));
        assert_eq!(is_wanted_with(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]), Ok(false));
        assert_eq!(is_wanted_with(&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(false));
        let error = is_wanted_with(&[("OTEL_TRACES_EXPORTER", "zipkin")]).unwrap_err();
        assert!(error.contains("zipkin") && error.contains("otlp and none"), "{error}");
    }
}
