//! What comes in. In: events that were taken or not, texts of no phone, HTTP requests. Out: counters and histograms.
//!
//! Never: a path of a request; what it asks for is known by its route.

use std::time::Duration;

use jiff::SignedDuration;
use prometheus_client::metrics::counter::Counter;

use super::{
    durations::{Durations, REQUEST_S},
    families::{Counters, Families},
    names::{Sources, labels, name},
};

/// Counters of what comes in.
pub struct Intake {
    /// Events beyond the quota of their source, which went one lane lower.
    pub beyond_share: Counter,
    /// HTTP connections without a request that were closed because newer ones needed their place.
    pub connections_evicted: Counter,
    sources: Sources,
    accepted: Counters<2>,
    rejected: Counters<2>,
    ignored_texts: Counters<1>,
    requests: Durations<2>,
}

impl Intake {
    pub(super) fn register(families: &mut Families) -> Self {
        Self {
            beyond_share: families
                .counter("beyond_share", "Events beyond the quota of their source, one lane lower"),
            connections_evicted: families
                .counter("connections_evicted", "HTTP connections closed for newer ones"),
            sources: Sources::default(),
            accepted: families.counter("events_accepted", "Events that were taken, new or known already"),
            rejected: families
                .counter("events_rejected", "Requests and broker messages whose events were not taken"),
            ignored_texts: families
                .counter("ignored_texts", "Texts from senders that are no phone number, by kind"),
            requests: families.durations(
                "http_request_duration_seconds",
                "Requests to our listeners, from their headers to the answer, but for probes and scrapes",
                REQUEST_S,
            ),
        }
    }

    /// Gives these sources labels of their own; all others are counted together.
    pub fn know_sources<'a>(&self, names: impl Iterator<Item = &'a str>) {
        self.sources.know(names);
    }

    /// Counts events that were taken.
    pub fn accepted(&self, source: &str, fresh: usize, known: usize) {
        let source = self.sources.label(source);
        for (status, count) in [("new", fresh), ("known", known)] {
            if count > 0 {
                let labels = [("source", source.clone()), ("status", name(status))];
                self.accepted.get_or_create(&labels).inc_by(count as u64);
            }
        }
    }

    /// Counts a request, or a message of the broker, whose events were not taken.
    pub fn rejected(&self, source: Option<&str>, status: &str) {
        let source = self.sources.label(source.unwrap_or_default());
        self.rejected.get_or_create(&[("source", source), ("status", name(status))]).inc();
    }

    /// Counts a text from a sender that is no phone number.
    pub fn ignored_text(&self, kind: &'static str) {
        self.ignored_texts.get_or_create(&labels([("kind", kind)])).inc();
    }

    /// Notes a request that was answered with this status, or with `none`: its time was over, or its client went away.
    pub fn request(&self, route: &str, status: &str, took: Duration) {
        let took = SignedDuration::try_from(took).unwrap_or(SignedDuration::MAX);
        self.requests.observe(labels([("route", route), ("status", status)]), took);
    }
}
