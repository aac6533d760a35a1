//! Histograms of seconds. In: durations, as they end. Out: buckets for Prometheus, and the same by OTLP where that is on.
//!
//! Never: a negative duration: two clocks, or one that was set back, count as no time.

use std::sync::OnceLock;

use jiff::SignedDuration;
use opentelemetry::{
    KeyValue, StringValue,
    metrics::{Histogram as Exported, Meter},
};
use prometheus_client::metrics::{
    family::{Family, MetricConstructor},
    histogram::Histogram,
};

use super::names::Labels;

/// Bounds for a request that a person or a program waits for.
pub(super) const REQUEST_S: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Bounds for the way of an event to the provider, and for timers.
pub(super) const WAY_S: &[f64] =
    &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0];
/// Bounds for what networks and people take.
pub(super) const ANSWER_S: &[f64] =
    &[1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 14_400.0];
/// Bounds of the ages of doubts: the provider is asked after 40 s, 1, 3 and 10 min.
pub(super) const DOUBT_S: &[f64] = &[1.0, 5.0, 20.0, 45.0, 75.0, 200.0, 660.0, 3_600.0];

/// Where histograms are exported to; empty where they are not.
static METER: OnceLock<Meter> = OnceLock::new();

/// Has every histogram be exported as well, from now on.
pub(crate) fn export_to(meter: Meter) {
    // It is set once, at the start of the process.
    let _ = METER.set(meter);
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds(&'static [f64]);

impl MetricConstructor<Histogram> for Bounds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// A histogram with `N` labels.
pub(super) struct Durations<const N: usize> {
    name: String,
    help: &'static str,
    bounds: Bounds,
    family: Family<Labels<N>, Histogram, Bounds>,
    exported: OnceLock<Exported<f64>>,
}

impl<const N: usize> Durations<N> {
    pub(super) fn new(name: String, help: &'static str, bounds: &'static [f64]) -> Self {
        let bounds = Bounds(bounds);
        let family = Family::new_with_constructor(bounds);
        Self { name, help, bounds, family, exported: OnceLock::new() }
    }

    pub(super) fn family(&self) -> Family<Labels<N>, Histogram, Bounds> {
        self.family.clone()
    }

    pub(super) fn observe(&self, labels: Labels<N>, duration: SignedDuration) {
        let seconds = duration.as_secs_f64().max(0.0);
        self.family.get_or_create(&labels).observe(seconds);
        if let Some(meter) = METER.get() {
            let exported = self.exported.get_or_init(|| self.instrument(meter));
            let attributes = labels.map(|(label, value)| KeyValue::new(label, StringValue::from(value)));
            exported.record(seconds, &attributes);
        }
    }

    fn instrument(&self, meter: &Meter) -> Exported<f64> {
        let builder = meter.f64_histogram(self.name.clone()).with_description(self.help).with_unit("s");
        builder.with_boundaries(self.bounds.0.to_vec()).build()
    }
}
