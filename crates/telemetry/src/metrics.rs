//! Counters, gauges and histograms of one process.
//!
//! In: what was stored, and what roles see. Out: `GET /metrics`, and the same by OTLP.
//! Never: a label whose values grow without bound: no number, no run, no source that is not configured.

mod durations;
mod export;
mod families;
mod installation;
mod intake;
mod names;
mod process;
mod run_metrics;
mod sending;

use std::sync::LazyLock;

use prometheus_client::encoding::{prometheus_text, text};

pub use export::MetricExport;
pub use installation::InstallationMetrics;
pub use intake::Intake;
pub use process::ProcessMetrics;
pub use run_metrics::RunMetrics;
pub use sending::SendingMetrics;

use families::Families;

/// Everything that this process counts.
pub struct Metrics {
    /// Events, replies and requests that come in.
    pub intake: Intake,
    /// What becomes of runs and their texts.
    pub runs: RunMetrics,
    /// Requests to the provider and to destinations, and what holds them back.
    pub sending: SendingMetrics,
    /// What waits in the whole installation, where this process looks at it.
    pub installation: InstallationMetrics,
    /// The process itself.
    pub process: ProcessMetrics,
    families: Families,
}

/// The metrics of this process.
pub fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);
    &METRICS
}

impl Metrics {
    fn new() -> Self {
        let mut families = Families::new();
        Self {
            intake: Intake::register(&mut families),
            runs: RunMetrics::register(&mut families),
            sending: SendingMetrics::register(&mut families),
            installation: InstallationMetrics::register(&mut families),
            process: ProcessMetrics::register(&mut families),
            families,
        }
    }

    /// All metrics in Prometheus' text format 0.0.4.
    pub fn plain_text(&self) -> String {
        let mut written = String::new();
        // Writing into a string does not fail.
        let _ = prometheus_text::encode(&mut written, &self.families.registry);
        written
    }

    /// All metrics in the OpenMetrics text format.
    pub fn open_metrics(&self) -> String {
        let mut written = String::new();
        // As above.
        let _ = text::encode(&mut written, &self.families.registry);
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f12_the_plain_format_names_each_counter_as_its_samples() {
        let metrics = Metrics::new();
        metrics.runs.dead_letter("conflict");
        metrics.sending.timer_fired(jiff::SignedDuration::from_millis(-20));
        let (plain, open) = (metrics.plain_text(), metrics.open_metrics());
        for line in ["# HELP callout_dead_letters_total ", "# TYPE callout_dead_letters_total counter\n"] {
            assert!(plain.contains(line), "{plain}");
        }
        assert!(plain.contains("callout_dead_letters_total{reason=\"conflict\"} 1\n"), "{plain}");
        assert!(plain.contains("# TYPE callout_timer_lateness_seconds histogram\n"), "{plain}");
        assert!(
            plain.contains("callout_timer_lateness_seconds_sum 0.0\n"),
            "a clock that was set back: {plain}"
        );
        assert!(!plain.contains("# EOF") && open.ends_with("# EOF\n"));
        assert!(open.contains("# TYPE callout_dead_letters counter\n"), "{open}");
    }

    #[test]
    fn every_metric_is_described_once_with_its_type() {
        let page = include_str!("../../../docs/telemetry.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `callout_"));
        let described: Vec<_> = rows
            .map(|row| {
                let (name, rest) = row.split_once("` | ").unwrap();
                (format!("callout_{name}"), rest.split_once(" | ").unwrap().0.to_owned())
            })
            .collect();
        let metrics = Metrics::new();
        let known = metrics.families.descriptions.iter();
        let known: Vec<_> =
            known.map(|known| (known.name.clone(), format!("{:?}", known.kind).to_lowercase())).collect();
        let sorted = |mut list: Vec<_>| {
            list.sort();
            list
        };
        assert_eq!(sorted(described), sorted(known));
    }

    #[test]
    fn what_no_list_has_is_counted_together() {
        let metrics = Metrics::new();
        metrics.intake.know_sources(["monitoring"].into_iter());
        metrics.intake.accepted("monitoring", 2, 1);
        metrics.intake.rejected(Some("made-up"), "forbidden");
        metrics.intake.rejected(None, "unauthenticated");
        metrics.runs.dead_letter("a reason of the next version");
        let plain = metrics.plain_text();
        for line in [
            "callout_events_accepted_total{source=\"monitoring\",status=\"new\"} 2\n",
            "callout_events_accepted_total{source=\"monitoring\",status=\"known\"} 1\n",
            "callout_events_rejected_total{source=\"other\",status=\"forbidden\"} 1\n",
            "callout_events_rejected_total{source=\"other\",status=\"unauthenticated\"} 1\n",
            "callout_dead_letters_total{reason=\"other\"} 1\n",
        ] {
            assert!(plain.contains(line), "{line} in {plain}");
        }
        assert!(!plain.contains("made-up"), "{plain}");
    }

    #[test]
    fn a_reload_that_is_refused_leaves_the_digest_as_it_was() {
        let metrics = Metrics::new();
        let at = |second| jiff::Timestamp::from_second(second).unwrap();
        metrics.process.started("1.0.0", "ingest,sender", "first", at(100));
        metrics.process.reloaded(Some("second"), at(200));
        metrics.process.reloaded(None, at(300));
        let plain = metrics.plain_text();
        for line in [
            "callout_build_info{version=\"1.0.0\",roles=\"ingest,sender\"} 1\n",
            "callout_config_info{digest=\"second\"} 1\n",
            "callout_config_read_timestamp_seconds 200\n",
            "callout_config_last_reload_timestamp_seconds 300\n",
            "callout_config_last_reload_successful 0\n",
            "callout_config_reloads_total{result=\"applied\"} 1\n",
            "callout_config_reloads_total{result=\"refused\"} 1\n",
        ] {
            assert!(plain.contains(line), "{line} in {plain}");
        }
        assert!(!plain.contains("first"), "{plain}");
    }
}
