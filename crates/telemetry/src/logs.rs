//! The log itself: JSON for machines, text for people, always on standard error.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a terminal.
    #[default]
    Text,
}

/// Starts logging. `filter` is a list of `target=level`, for example `info,sender=debug`.
///
/// # Errors
/// When the filter does not parse, or logging has been started before.
pub fn init(format: LogFormat, filter: &str, color: bool) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("log filter {filter:?}: {error}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    let result = match format {
        LogFormat::Json => registry
            .with(
                fmt::layer().json().flatten_event(true).with_current_span(false).with_writer(std::io::stderr),
            )
            .try_init(),
        LogFormat::Text => registry
            .with(fmt::layer().with_ansi(color).with_target(false).with_writer(std::io::stderr))
            .try_init(),
    };
    result.map_err(|error| error.to_string())
}
