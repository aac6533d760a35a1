//! The process itself. In: its version, its configuration, what it needs. Out: gauges and counters.
//!
//! Never: a value of the configuration; a digest tells two of them apart.

use jiff::Timestamp;
use prometheus_client::metrics::gauge::Gauge;

use super::{
    families::{Counters, Families, Gauges},
    names::labels,
};

/// Gauges of the process.
pub struct ProcessMetrics {
    /// Bytes of the write-ahead log of the embedded database.
    wal_bytes: Gauges<0>,
    build: Gauges<2>,
    configuration: Gauges<1>,
    configuration_read_at: Gauge,
    reloads: Counters<1>,
    reloaded_at: Gauges<0>,
    reload_succeeded: Gauges<0>,
    up: Gauges<1>,
    spans: Counters<1>,
    exports: Counters<1>,
}

impl ProcessMetrics {
    pub(super) fn register(families: &mut Families) -> Self {
        Self {
            wal_bytes: families.gauge("sqlite_wal_bytes", "Size of the embedded database's write-ahead log"),
            build: families.gauge("build_info", "The version of this process, and its roles"),
            configuration: families.gauge("config_info", "The digest of the configuration in force"),
            configuration_read_at: families
                .gauge("config_read_timestamp_seconds", "When the configuration in force was read"),
            reloads: families.counter("config_reloads", "Reloads of the configuration, by result"),
            reloaded_at: families
                .gauge("config_last_reload_timestamp_seconds", "When the last reload was tried"),
            reload_succeeded: families
                .gauge("config_last_reload_successful", "1 if the last reload put the files in force"),
            up: families.gauge("dependency_up", "1 if what the process needs took a write just now"),
            spans: families.counter("spans", "Spans of traces, by what became of them"),
            exports: families.counter("metric_exports", "Exports of these metrics by OTLP, by result"),
        }
    }

    /// Says what this process is.
    pub fn started(&self, version: &str, roles: &str, digest: &str, now: Timestamp) {
        self.build.get_or_create(&labels([("version", version), ("roles", roles)])).set(1);
        self.configured(digest, now);
    }

    /// Says what came of a reload: the digest of what is in force since, or `None` if the configuration stayed as it was.
    pub fn reloaded(&self, digest: Option<&str>, now: Timestamp) {
        let result = if digest.is_some() { "applied" } else { "refused" };
        self.reloads.get_or_create(&labels([("result", result)])).inc();
        self.reloaded_at.get_or_create(&[]).set(now.as_second());
        self.reload_succeeded.get_or_create(&[]).set(digest.is_some().into());
        if let Some(digest) = digest {
            self.configured(digest, now);
        }
    }

    /// Says whether something that the process needs can be used.
    pub fn dependency(&self, name: &'static str, is_up: bool) {
        self.up.get_or_create(&labels([("dependency", name)])).set(is_up.into());
    }

    /// Says how large the write-ahead log is.
    pub fn wal(&self, bytes: u64) {
        self.wal_bytes.get_or_create(&[]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Counts spans of traces: exported, failed, or dropped for want of room.
    pub(crate) fn spans(&self, ended: &'static str, count: usize) {
        self.spans.get_or_create(&labels([("ended", ended)])).inc_by(count as u64);
    }

    /// Counts an export of metrics.
    pub(crate) fn exported(&self, is_taken: bool) {
        let result = if is_taken { "exported" } else { "failed" };
        self.exports.get_or_create(&labels([("result", result)])).inc();
    }

    fn configured(&self, digest: &str, now: Timestamp) {
        self.configuration.clear();
        self.configuration.get_or_create(&labels([("digest", digest)])).set(1);
        self.configuration_read_at.set(now.as_second());
    }
}
