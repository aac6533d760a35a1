//! Structured logs, metrics, traces, and the names of their spans and fields.
//!
//! In: what was stored. Out: one line per final outcome; counters; spans.
//! Never: a text, a secret or a whole phone number.

pub mod field;
pub mod final_outcome;
mod logs;
mod metrics;
mod otlp;
mod repeats;
mod self_report;
pub mod span;
mod traces;

pub use final_outcome::log_finals;
pub use logs::{LogFormat, check_filter, init, is_tracing, set_filter};
pub use metrics::{Intake, MetricExport, Metrics, ProcessMetrics, RunMetrics, SendingMetrics, metrics};
pub use repeats::left_out;
pub use self_report::{note_breaker, open_breakers, submitted};
pub use traces::Traces;
