//! Counters and ages of one process, in the text format that Prometheus reads.
//!
//! In: what was stored. Out: `GET /metrics`.
//! Never: a label whose values grow without bound: no number, no run, no source.

use std::{collections::BTreeSet, sync::LazyLock};

use domain::{
    effect::EffectAnswer,
    run::Run,
    timeline::{Effects, TimelineEvent},
};
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// A label and its value.
type Label = [(&'static str, String); 1];

/// The name of a destination, which the configuration bounds, and what came of a request.
type EffectLabels = [(&'static str, String); 2];

/// Upper bounds of the ages of doubts, in seconds: the provider is asked after 40 s, 1, 3 and 10 min.
const DOUBT_AGES_S: [f64; 8] = [1.0, 5.0, 20.0, 45.0, 75.0, 200.0, 660.0, 3_600.0];

/// Every counter and gauge of this process.
pub struct Metrics {
    registry: Registry,
    /// 1 while the circuit breaker keeps this sender from pulling work.
    pub sending_stopped: Gauge,
    /// Requests that this sender may have open: its share of the account's.
    pub in_flight_max: Gauge,
    /// Retries that had to wait because the budget was used up.
    pub retries_held_back: Counter,
    /// Events beyond the quota of their source, which went one lane lower.
    pub beyond_share: Counter,
    /// HTTP connections without a request that were closed because newer ones needed their place.
    pub connections_evicted: Counter,
    attempts: Counter,
    retries: Counter,
    doubts: Counter,
    doubts_settled: Family<Label, Counter>,
    doubt_age_s: Histogram,
    statuses: Family<Label, Counter>,
    decisions: Family<Label, Counter>,
    dead_letters: Family<Label, Counter>,
    escalations: Counter,
    runs_ended: Family<Label, Counter>,
    ignored_texts: Family<Label, Counter>,
    effects: Family<EffectLabels, Counter>,
    spans: Family<Label, Counter>,
}

/// The metrics of this process.
pub fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);
    &METRICS
}

impl Metrics {
    fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("callout"),
            sending_stopped: Gauge::default(),
            in_flight_max: Gauge::default(),
            retries_held_back: Counter::default(),
            beyond_share: Counter::default(),
            connections_evicted: Counter::default(),
            attempts: Counter::default(),
            retries: Counter::default(),
            doubts: Counter::default(),
            doubts_settled: Family::default(),
            doubt_age_s: Histogram::new(DOUBT_AGES_S),
            statuses: Family::default(),
            decisions: Family::default(),
            dead_letters: Family::default(),
            escalations: Counter::default(),
            runs_ended: Family::default(),
            ignored_texts: Family::default(),
            effects: Family::default(),
            spans: Family::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let stopped = self.sending_stopped.clone();
        registry.register("sending_stopped", "1 while the circuit breaker is open", stopped);
        let in_flight = self.in_flight_max.clone();
        registry.register("in_flight_max", "Requests to the provider that may be open at once", in_flight);
        let held_back = self.retries_held_back.clone();
        registry.register("retries_held_back", "Retries that waited for the retry budget", held_back);
        let beyond = self.beyond_share.clone();
        registry.register("beyond_share", "Events beyond the quota of their source, one lane lower", beyond);
        let evicted = self.connections_evicted.clone();
        registry.register("connections_evicted", "HTTP connections closed for newer ones", evicted);
        registry.register("attempts", "Requests to the provider that were started", self.attempts.clone());
        registry.register("retries", "Requests that will be repeated", self.retries.clone());
        registry.register("doubts", "Requests whose outcome is unknown", self.doubts.clone());
        let settled = self.doubts_settled.clone();
        registry.register("doubts_settled", "Doubts that ended, by what resolved them", settled);
        registry.register("doubt_age_seconds", "Age of doubts when they ended", self.doubt_age_s.clone());
        registry.register("statuses", "Statuses from the provider", self.statuses.clone());
        registry.register("decisions", "Policy decisions, by rule", self.decisions.clone());
        registry.register("dead_letters", "Dead letters, by reason", self.dead_letters.clone());
        registry.register("escalations", "Steps that ended without success", self.escalations.clone());
        let ignored = self.ignored_texts.clone();
        registry.register("ignored_texts", "Texts from senders that are no phone number, by kind", ignored);
        registry.register("runs_ended", "Runs that ended, by phase", self.runs_ended.clone());
        registry.register("spans", "Spans of traces, by what became of them", self.spans.clone());
        let effects = self.effects.clone();
        registry.register(
            "effects",
            "Requests to destinations, by destination and what came of them",
            effects,
        );
    }

    /// Counts spans of traces: exported, failed, or dropped for want of room.
    pub(crate) fn spans(&self, ended: &'static str, count: usize) {
        self.spans.get_or_create(&[("ended", ended.to_owned())]).inc_by(count as u64);
    }

    /// Counts what came of a request to a destination, if one was made.
    pub fn effect(&self, destination: &str, answer: &EffectAnswer) {
        let result = match answer {
            EffectAnswer::Needless => return,
            EffectAnswer::Done(_) => "done",
            EffectAnswer::Later { .. } => "later",
            EffectAnswer::Failed { .. } | EffectAnswer::Gone { .. } => "failed",
            EffectAnswer::Refused { .. } => "refused",
        };
        let labels = [("destination", destination.to_owned()), ("result", result.to_owned())];
        self.effects.get_or_create(&labels).inc();
    }

    /// Counts what was stored with one change.
    pub fn count(&self, run: &Run, stored: &Effects) {
        for entry in &stored.timeline {
            #[expect(clippy::wildcard_enum_match_arm, reason = "no other event is counted")]
            match &entry.what {
                TimelineEvent::DispatchBegan { .. } => _ = self.attempts.inc(),
                TimelineEvent::RetryScheduled { .. } => _ = self.retries.inc(),
                TimelineEvent::DoubtBegan { .. } => _ = self.doubts.inc(),
                TimelineEvent::DoubtResolved { by, .. } => {
                    self.doubts_settled.get_or_create(&[("by", by.as_str().to_owned())]).inc();
                    let sent_at = entry.message.and_then(|number| run.message(number)?.first_attempt_at());
                    if let Some(sent_at) = sent_at {
                        self.doubt_age_s.observe(entry.at.duration_since(sent_at).as_secs_f64());
                    }
                }
                TimelineEvent::Status { status, .. } => {
                    let status = format!("{status:?}").to_lowercase();
                    self.statuses.get_or_create(&[("status", status)]).inc();
                }
                TimelineEvent::Decided(decision) => {
                    self.decisions.get_or_create(&[("rule", decision.rule.id().to_owned())]).inc();
                }
                TimelineEvent::Escalated { .. } => _ = self.escalations.inc(),
                TimelineEvent::Closed { phase, .. } => {
                    self.runs_ended.get_or_create(&[("phase", phase.as_str().to_owned())]).inc();
                }
                _ => {}
            }
        }
        for letter in &stored.dead_letters {
            self.dead_letter(&letter.reason);
        }
    }

    /// Counts a dead letter that belongs to no run.
    pub fn dead_letter(&self, reason: &str) {
        self.dead_letters.get_or_create(&[("reason", reason.to_owned())]).inc();
    }

    /// Counts a text from a sender that is no phone number.
    pub fn ignored_text(&self, kind: &'static str) {
        self.ignored_texts.get_or_create(&[("kind", kind.to_owned())]).inc();
    }

    /// All metrics in Prometheus' text format 0.0.4. There a counter is called what its samples are called.
    pub fn plain_text(&self) -> String {
        let text = self.text();
        let counters: BTreeSet<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter")).collect();
        let mut plain = String::with_capacity(text.len());
        for line in text.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")) {
            let mut words = line.splitn(4, ' ');
            let renamed = match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(name) => {
                    Some(format!("# {what} {name}_total {rest}"))
                }
                _ => None,
            };
            plain.push_str(renamed.as_deref().unwrap_or(line));
            plain.push('\n');
        }
        plain
    }

    /// All metrics in the OpenMetrics text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f12_the_plain_format_names_each_counter_as_its_samples() {
        let metrics = Metrics::new();
        metrics.dead_letter("conflict");
        let (plain, open) = (metrics.plain_text(), metrics.text());
        for line in ["# HELP callout_dead_letters_total ", "# TYPE callout_dead_letters_total counter\n"] {
            assert!(plain.contains(line), "{plain}");
        }
        assert!(plain.contains("callout_dead_letters_total{reason=\"conflict\"} 1\n"), "{plain}");
        assert!(plain.contains("# TYPE callout_doubt_age_seconds histogram\n"), "{plain}");
        assert!(!plain.contains("# EOF") && open.ends_with("# EOF\n"));
        assert!(open.contains("# TYPE callout_dead_letters counter\n"), "{open}");
    }
}
