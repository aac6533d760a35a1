//! The families of metrics of this process, by name. In: what a group of them counts. Out: one registry, for whoever reads
//! or exports it.
//!
//! Never: a name or a unit that Prometheus' conventions do not know: base units, `_total` by the encoder alone.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Metric, Registry},
};

use super::{durations::Durations, names::Labels};

/// Counters with `N` labels.
pub(super) type Counters<const N: usize> = Family<Labels<N>, Counter>;
/// Gauges with `N` labels.
pub(super) type Gauges<const N: usize> = Family<Labels<N>, Gauge>;

/// What comes before every name.
pub(super) const PREFIX: &str = "callout";

/// What a family is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A family, for whoever exports or describes it.
#[derive(Debug)]
pub(super) struct Description {
    /// Its whole name, as in Prometheus.
    pub(super) name: String,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
}

/// All families.
pub(super) struct Families {
    pub(super) registry: Registry,
    pub(super) descriptions: Vec<Description>,
}

impl Families {
    pub(super) fn new() -> Self {
        Self { registry: Registry::with_prefix(PREFIX), descriptions: Vec::new() }
    }

    /// A counter, or counters with labels.
    pub(super) fn counter<M: Metric + Clone + Default>(&mut self, name: &str, help: &'static str) -> M {
        self.describe(format!("{PREFIX}_{name}_total"), help, Kind::Counter);
        self.registered(name, help)
    }

    /// A gauge, or gauges with labels.
    pub(super) fn gauge<M: Metric + Clone + Default>(&mut self, name: &str, help: &'static str) -> M {
        self.describe(format!("{PREFIX}_{name}"), help, Kind::Gauge);
        self.registered(name, help)
    }

    /// A histogram of seconds.
    pub(super) fn durations<const N: usize>(
        &mut self,
        name: &str,
        help: &'static str,
        bounds: &'static [f64],
    ) -> Durations<N> {
        let whole = format!("{PREFIX}_{name}");
        self.describe(whole.clone(), help, Kind::Histogram);
        let durations = Durations::new(whole, help, bounds);
        self.registry.register(name, help, durations.family());
        durations
    }

    fn describe(&mut self, name: String, help: &'static str, kind: Kind) {
        self.descriptions.push(Description { name, help, kind });
    }

    fn registered<M: Metric + Clone + Default>(&mut self, name: &str, help: &'static str) -> M {
        let metric = M::default();
        self.registry.register(name, help, metric.clone());
        metric
    }
}
