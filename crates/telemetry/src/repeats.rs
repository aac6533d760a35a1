//! Warnings that repeat. In: log lines, by the place in the code that writes them. Out: the first few of each minute, and
//! how many were left out.
//!
//! Never: leaves out an error, an outcome, which is no warning, or a refusal of an agent, which is counted on.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use tracing::{Event, Level, Metadata, callsite::Identifier};
use tracing_subscriber::layer::{Context, Filter};

/// Lines of one place in the code that are written until [`left_out`] is asked.
const LINES_MAX: u64 = 20;

/// The target of lines of which each is written: refusals of agents.
const AUDIT: &str = "callout::audit";

/// What each place wrote since then.
static LINES: LazyLock<Mutex<HashMap<Identifier, Lines>>> = LazyLock::new(Mutex::default);

struct Lines {
    module: &'static str,
    count: u64,
}

/// Lets the first lines of a place through: while a server is away, each delivery warns of the same thing.
pub(crate) struct FirstLines;

impl<S> Filter<S> for FirstLines {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() != Level::WARN || metadata.target() == AUDIT {
            return true;
        }
        let module = metadata.module_path().unwrap_or(metadata.target());
        let mut lines = lines();
        let lines = lines.entry(metadata.callsite()).or_insert(Lines { module, count: 0 });
        lines.count += 1;
        lines.count <= LINES_MAX
    }
}

/// How many warnings were left out since this was asked last, by the module that wrote them. To be asked every minute.
pub fn left_out() -> Vec<(&'static str, u64)> {
    let written = std::mem::take(&mut *lines());
    let left_out = written.into_values().map(|lines| (lines.module, lines.count.saturating_sub(LINES_MAX)));
    left_out.filter(|(_, count)| *count > 0).collect()
}

fn lines() -> MutexGuard<'static, HashMap<Identifier, Lines>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tracing_subscriber::{Layer, layer::SubscriberExt as _, registry::Registry};

    use super::*;

    struct Count(Arc<AtomicUsize>);

    impl Layer<Registry> for Count {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, Registry>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn e14_a_warning_that_repeats_is_written_some_times_and_counted() {
        let written = Arc::new(AtomicUsize::new(0));
        let registry = tracing_subscriber::registry().with(Count(written.clone()).with_filter(FirstLines));
        tracing::subscriber::with_default(registry, || {
            for minute in [20, 40] {
                for _ in 0..100 {
                    tracing::warn!("the broker is away");
                }
                assert_eq!(written.load(Ordering::Relaxed), minute);
                let of_here: Vec<_> =
                    left_out().into_iter().filter(|(module, _)| *module == module_path!()).collect();
                assert_eq!(of_here, [(module_path!(), 80)]);
            }
            for _ in 0..100 {
                tracing::error!("a run was lost");
                tracing::info!("a run ended");
                tracing::warn!(target: "callout::audit", "an agent was refused");
            }
            assert_eq!(written.load(Ordering::Relaxed), 340);
        });
    }
}
