//! Export of metrics by OTLP. In: the `OTEL_*` variables of the specification, and the families of this process. Out: their
//! values every minute, under the same names and labels as in Prometheus.
//!
//! Never: makes work wait. What no collector took is counted; values are sums since the start, so the next export has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use opentelemetry::{
    KeyValue,
    metrics::{AsyncInstrument, MeterProvider as _},
};
use opentelemetry_otlp::{MetricExporter, WithHttpConfig as _};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{SdkMeterProvider, Temporality, data::ResourceMetrics, exporter::PushMetricExporter},
};

use super::{
    durations,
    families::{Description, Kind},
    metrics,
};
use crate::otlp::{Http, Protocol, SERVICE, Signal, not_built, resource};

/// How long the end of the process waits for the last export.
const END_MAX: Duration = Duration::from_secs(2);

/// Metrics are exported while this is held.
pub struct MetricExport {
    provider: SdkMeterProvider,
}

impl MetricExport {
    /// Whether [`MetricExport::from_env`] could do what the environment says.
    ///
    /// # Errors
    /// What a variable says that cannot be done.
    pub fn check(var: impl Fn(&str) -> Option<String>) -> Result<(), String> {
        if Signal::Metrics.is_wanted(&var)? { exporter(var).map(drop) } else { Ok(()) }
    }

    /// Starts exporting if a variable of the environment names a collector, within a runtime; an empty one counts as
    /// absent. `None`: nothing is exported.
    ///
    /// # Errors
    /// What a variable says that cannot be done.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        if !Signal::Metrics.is_wanted(&var)? {
            return Ok(None);
        }
        let provider = SdkMeterProvider::builder()
            .with_resource(resource(&var))
            .with_periodic_exporter(CountedExporter(exporter(&var)?))
            .build();
        let meter = provider.meter(SERVICE);
        let samples = Arc::new(Samples::default());
        for Description { name, help, kind } in &metrics().families.descriptions {
            let (samples, of) = (samples.clone(), name.clone());
            let observe = move |instrument: &dyn AsyncInstrument<f64>| {
                for sample in samples.take(&of) {
                    instrument.observe(sample.value, &sample.attributes);
                }
            };
            match kind {
                Kind::Counter => {
                    let counter = meter.f64_observable_counter(name.clone());
                    counter.with_description(*help).with_callback(observe).build();
                }
                Kind::Gauge => {
                    let gauge = meter.f64_observable_gauge(name.clone());
                    gauge.with_description(*help).with_callback(observe).build();
                }
                // They are exported as they are observed.
                Kind::Histogram => {}
            }
        }
        durations::export_to(meter);
        Ok(Some(Self { provider }))
    }
}

fn exporter(var: impl Fn(&str) -> Option<String>) -> Result<MetricExporter, String> {
    let built = match Signal::Metrics.protocol(var)? {
        Protocol::Http => MetricExporter::builder().with_http().with_http_client(Http::new()?).build(),
        Protocol::Grpc => MetricExporter::builder().with_tonic().build(),
    };
    built.map_err(|error| not_built("metrics", &error))
}

impl Drop for MetricExport {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(END_MAX) {
            tracing::warn!(%error, "the last metrics were not exported");
        }
    }
}

/// Counts exports.
struct CountedExporter(MetricExporter);

impl PushMetricExporter for CountedExporter {
    async fn export(&self, values: &ResourceMetrics) -> OTelSdkResult {
        let result = self.0.export(values).await;
        metrics().process.exported(result.is_ok());
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.0.temporality()
    }
}

/// One value of a family.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    attributes: Vec<KeyValue>,
    value: f64,
}

/// The values of all families. The SDK asks for one family after the other, and the registry is written whole, so it is
/// written at the first question of each round: the first for a family that has been asked for already.
#[derive(Debug, Default)]
struct Samples(Mutex<Round>);

#[derive(Debug, Default)]
struct Round {
    asked: BTreeSet<String>,
    left: BTreeMap<String, Vec<Sample>>,
}

impl Samples {
    fn take(&self, family: &str) -> Vec<Sample> {
        let mut round = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if round.asked.is_empty() || round.asked.contains(family) {
            *round = Round { asked: BTreeSet::new(), left: read(&metrics().plain_text()) };
        }
        round.asked.insert(family.to_owned());
        round.left.remove(family).unwrap_or_default()
    }
}

/// The samples of a text in Prometheus' format, as our own encoder writes it, by the names of their families.
fn read(text: &str) -> BTreeMap<String, Vec<Sample>> {
    let mut samples: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        // A value has no blank, and what is before it may have some.
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let Ok(value) = value.parse() else { continue };
        let (name, attributes) = match series.split_once('{') {
            Some((name, labels)) => (name, attributes(labels)),
            None => (series, Vec::new()),
        };
        samples.entry(name.to_owned()).or_default().push(Sample { attributes, value });
    }
    samples
}

/// Labels after their opening brace.
fn attributes(mut labels: &str) -> Vec<KeyValue> {
    let mut attributes = Vec::new();
    while let Some((label, rest)) = labels.split_once("=\"") {
        let (mut value, mut chars) = (String::new(), rest.chars());
        while let Some(char) = chars.next().filter(|char| *char != '"') {
            value.push(match char {
                '\\' => match chars.next() {
                    Some('n') => '\n',
                    Some(escaped) => escaped,
                    None => break,
                },
                plain => plain,
            });
        }
        attributes.push(KeyValue::new(label.trim_start_matches(',').to_owned(), value));
        labels = chars.as_str();
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_encoder_writes_is_read_back() {
        metrics().intake.know_sources([r#"a "b", c=\d {e}"#].into_iter());
        metrics().intake.accepted(r#"a "b", c=\d {e}"#, 3, 0);
        metrics().sending.in_flight_max(40);
        let samples = read(&metrics().plain_text());
        let attributes = vec![KeyValue::new("source", r#"a "b", c=\d {e}"#), KeyValue::new("status", "new")];
        assert!(samples["callout_events_accepted_total"].contains(&Sample { attributes, value: 3.0 }));
        assert_eq!(samples["callout_in_flight_max"], [Sample { attributes: Vec::new(), value: 40.0 }]);
    }

    #[test]
    fn each_round_has_what_was_counted_before_it() {
        let (samples, name) = (Samples::default(), "callout_ignored_texts_total");
        for rounds in 1..4 {
            metrics().intake.ignored_text("of_rounds");
            let attributes = vec![KeyValue::new("kind", "of_rounds")];
            assert_eq!(samples.take(name), [Sample { attributes, value: f64::from(rounds) }]);
            assert_eq!(samples.take("callout_nothing_total"), []);
        }
    }
}
