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

use opentelemetry::{Context, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{
        BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter,
        SpanProcessor,
    },
};

use crate::{
    metrics,
    otlp::{Http, Protocol, SERVICE, Signal, not_built, resource},
    sampling,
};

/// Spans that wait for their export at most, without `OTEL_BSP_MAX_QUEUE_SIZE`.
const WAITING_MAX: usize = 2_048;
/// How long the end of the process waits for the last export.
const END_MAX: Duration = Duration::from_secs(2);

/// Spans are exported while this is held.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts exporting if a variable of the environment names a collector, within a runtime; an empty one counts as
    /// absent. `None`: traces are off, and cost nothing.
    ///
    /// # Errors
    /// What a variable says that cannot be done.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        if !Signal::Traces.is_wanted(&var)? {
            return Ok(None);
        }
        let waiting = Arc::new(AtomicUsize::new(0));
        let most = var("OTEL_BSP_MAX_QUEUE_SIZE").and_then(|text| text.parse().ok()).unwrap_or(WAITING_MAX);
        let exporter = CountedExporter { exporter: exporter(&var)?, waiting: waiting.clone() };
        let config = BatchConfigBuilder::default().with_max_queue_size(most).build();
        let batch = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        let builder = SdkTracerProvider::builder()
            .with_resource(resource(&var))
            .with_span_processor(CountedProcessor { batch, waiting, most });
        let builder = match sampling::take_over(&var)? {
            Some(sampler) => builder.with_sampler(sampler),
            None => builder,
        };
        Ok(Some(Self { provider: builder.build() }))
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

fn exporter(var: impl Fn(&str) -> Option<String>) -> Result<OtlpExporter, String> {
    let built = match Signal::Traces.protocol(var)? {
        Protocol::Http => OtlpExporter::builder().with_http().with_http_client(Http::new()?).build(),
        Protocol::Grpc => OtlpExporter::builder().with_tonic().build(),
    };
    built.map_err(|error| not_built("spans", &error))
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
        metrics().process.spans(ended, count);
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
            metrics().process.spans("dropped", 1);
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
