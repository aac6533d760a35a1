//! Structured logs, metrics, and the names of spans and fields.
//!
//! In: what was stored. Out: one line per final outcome; counters.
//! Never: a text, a secret or a whole phone number.

pub mod field;
pub mod final_outcome;
mod logs;
mod metrics;

pub use final_outcome::log_finals;
pub use logs::{LogFormat, init, set_filter};
pub use metrics::{Metrics, metrics};
