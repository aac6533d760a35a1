//! Structured logs, metrics, traces, and the names of their spans and fields.
//!
//! In: what was stored. Out: one line per opening, escalation and final outcome; counters; spans.
//! Never: a text, a secret or a whole phone number.

pub mod field;
mod logs;
mod metrics;
mod otlp;
mod outcomes;
mod repeats;
mod sampling;
mod self_report;
pub mod span;
mod traces;

pub use logs::{LogFormat, check_filter, init, is_tracing, set_filter};
pub use metrics::{
    InstallationMetrics, Intake, MetricExport, Metrics, ProcessMetrics, RunMetrics, SendingMetrics, metrics,
};
pub use otlp::{process_name, unusable_variables};
pub use outcomes::Found;
pub use repeats::left_out;
pub use self_report::{note_breaker, open_breakers, submitted};
pub use traces::Traces;

use domain::{recipient_hash::RecipientKey, run::Run, timeline::Effects};

/// Logs and counts what was stored with a change of a run; with a key, recipients by their hashes beside the masked
/// numbers. Called once, after the change is stored.
pub fn stored(run: &Run, effects: &Effects, found: &Found, key: Option<&RecipientKey>) {
    outcomes::log(run, effects, found, key);
    metrics().runs.count(run, effects, found.accepted_at);
}
