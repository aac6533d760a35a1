//! The log itself: JSON for machines, text for people, always on standard error.

use std::sync::OnceLock;

use tracing::{Dispatch, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, filter_fn},
    fmt,
    layer::SubscriberExt as _,
    reload,
    util::SubscriberInitExt as _,
};

use crate::{Traces, repeats::FirstLines, span};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// Text for a terminal.
    #[default]
    Text,
}

/// How much each of these may log, whatever the filter says; the first that fits counts. lapin logs messages that a broker
/// returns with their bodies, and at `trace` every frame, which is every body and header byte by byte.
const AT_MOST: [(&str, LevelFilter); 3] = [
    ("lapin::returned_messages", LevelFilter::OFF),
    ("lapin", LevelFilter::DEBUG),
    // It logs requests and answers of agents, which hold fields and texts.
    ("rmcp", LevelFilter::ERROR),
];

/// Spans are for traces; in a log line their fields would stand beside its own.
const SPANS: &str = "callout::trace=off";

/// What lapin reports is said in our own words as well, with what to do; its lines are for those who ask for them.
const UNLESS_NAMED: &str = "lapin=off";

/// The filter of the running log.
static FILTER: OnceLock<FilterHandle> = OnceLock::new();

/// Whether spans are exported; empty before logging has started.
static TRACING: OnceLock<bool> = OnceLock::new();

/// Starts logging, and tracing where spans are exported. `filter` is a list of `target=level`, for example
/// `info,sender=debug`.
///
/// # Errors
/// When the filter does not parse, or logging has been started before.
pub fn init(format: LogFormat, filter: &str, color: bool, traces: Option<&Traces>) -> Result<(), String> {
    let (subscriber, handle) = subscriber(format, filter, color, traces)?;
    subscriber.try_init().map_err(|error| error.to_string())?;
    // Logging starts once, so nothing else set them.
    let _ = FILTER.set(handle);
    let _ = TRACING.set(traces.is_some());
    Ok(())
}

/// What the filter can be replaced by.
type FilterHandle = reload::Handle<EnvFilter, Registry>;

fn subscriber(
    format: LogFormat,
    filter: &str,
    color: bool,
    traces: Option<&Traces>,
) -> Result<(Dispatch, FilterHandle), String> {
    let (filter, handle) = reload::Layer::new(chosen(filter)?);
    let lines = match format {
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Text => {
            fmt::layer().with_ansi(color).with_target(false).with_writer(std::io::stderr).boxed()
        }
    };
    let spans = traces.map(|traces| {
        tracing_opentelemetry::layer()
            .with_tracer(traces.tracer())
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target() == span::TARGET))
    });
    let lines = lines.with_filter(filter.and(filter_fn(is_harmless)).and(FirstLines));
    let registry = tracing_subscriber::registry().with(lines);
    // Not with an optional layer: one that is absent takes an interest in everything, so that each span exists.
    let subscriber = match spans {
        Some(spans) => Dispatch::new(registry.with(spans)),
        None => Dispatch::new(registry),
    };
    Ok((subscriber, handle))
}

/// Whether spans are exported.
pub fn is_tracing() -> bool {
    TRACING.get().copied().unwrap_or_default()
}

/// Replaces the filter of the running log.
///
/// # Errors
/// When it does not parse; the old one stays.
pub fn set_filter(filter: &str) -> Result<(), String> {
    let filter = chosen(filter)?;
    let handle = FILTER.get().ok_or("logging has not been started")?;
    handle.reload(filter).map_err(|error| error.to_string())
}

/// Whether a filter can be read.
///
/// # Errors
/// What is wrong with it, and what to write.
pub fn check_filter(filter: &str) -> Result<(), String> {
    chosen(filter).map(drop)
}

/// Whether a line is of a kind that never holds a text, a number or a secret.
fn is_harmless(line: &Metadata<'_>) -> bool {
    let most = AT_MOST.iter().find(|(target, _)| is_below(line.target(), target));
    most.is_none_or(|(_, most)| line.level() <= most)
}

/// Whether a module is another one, or a part of it.
fn is_below(module: &str, other: &str) -> bool {
    module.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn chosen(filter: &str) -> Result<EnvFilter, String> {
    let is_level = |word: &str| word.parse::<LevelFilter>().is_ok();
    // A word alone would be taken for the name of a part of the program, and everything else be silent.
    if let Some(word) = filter.split(',').map(str::trim).find(|part| !part.contains('=') && !is_level(part)) {
        return Err(format!(
            "log filter {filter:?}: {word:?} is no level; give error, warn, info, debug, trace or off, \
             and TARGET=LEVEL for a part of the program"
        ));
    }
    let mut chosen = EnvFilter::try_new(filter).map_err(|error| format!("log filter {filter:?}: {error}"))?;
    let is_named = filter.contains("lapin");
    for ours in [SPANS, UNLESS_NAMED].into_iter().filter(|ours| !is_named || *ours != UNLESS_NAMED) {
        let directive = ours.parse().map_err(|error| format!("log filter {ours:?}: {error}"))?;
        chosen = chosen.add_directive(directive);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Whatever is logged: each event passes some ten of them.
    #[test]
    fn without_traces_no_span_of_theirs_exists() {
        let span = tracing::subscriber::with_default(
            tracing_subscriber::registry(),
            || tracing::info_span!(target: span::TARGET, "change"),
        );
        let metadata = span.metadata().unwrap();
        for filter in ["warn", "info", "trace"] {
            let (subscriber, _) = subscriber(LogFormat::Text, filter, false, None).unwrap();
            assert!(subscriber.register_callsite(metadata).is_never(), "{filter}");
        }
    }

    /// Trap 15 of docs/testing.md.
    #[test]
    fn g5_a_word_that_is_no_level_is_an_error_and_not_silence() {
        for wrong in ["inf", "info,debgu", "sender"] {
            let error = chosen(wrong).unwrap_err();
            assert!(error.contains("warn, info"), "{error}");
        }
        for right in ["info", "WARN", "info,sender=debug", "off", "sender=trace, info"] {
            assert!(chosen(right).is_ok(), "{right}");
        }
    }

    #[test]
    fn no_filter_brings_the_bodies_of_messages_into_the_log() {
        // Nor any other line of lapin, unless the filter names it.
        for (filter, is_named) in [
            ("info", false),
            ("trace", false),
            ("lapin=debug", true),
            ("trace,lapin=trace,lapin::channels=trace", true),
            ("warn,lapin::returned_messages=trace", true),
        ] {
            let lines = Lines::default();
            let writer = lines.clone();
            let layer = fmt::layer().with_writer(move || writer.clone());
            let layer = layer.with_filter(chosen(filter).unwrap().and(filter_fn(is_harmless)));
            let registry = tracing_subscriber::registry().with(layer);
            tracing::subscriber::with_default(registry, || {
                tracing::warn!(target: "lapin::returned_messages", body = "+14155550101", "returned");
                tracing::trace!(target: "lapin::channels", frame = "[43, 49, 52, 49, 53]", "a frame");
                tracing::warn!(target: "lapin::channel", "lost");
            });
            let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains("lost") == is_named && !text.contains("returned"), "{filter}: {text}");
            assert!(!text.contains("a frame"), "{filter}: {text}");
        }
    }
}
