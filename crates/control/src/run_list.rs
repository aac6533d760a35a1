//! Lists of runs. In: what is wanted. Out: the latest of it, and whether there is more.

use std::ops::ControlFlow;

use domain::{limits::LIST_MAX, phone::E164, run::Run};
use jiff::Timestamp;
use ports::{RunStore, StoreError, store::RunFilter};
use serde::{Deserialize, Serialize};

/// Most runs that are looked at for one list whose conditions the store has no index for.
const LOOKED_AT_MAX: usize = 100_000;
/// Most runs that are named where the beginning of an id fits several.
const FOUND_MAX: usize = 10;

/// Conditions that each run of a list is compared with. Absent ones match all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunConditions {
    /// Opened by the event with this id, of any source.
    pub event: Option<String>,
    /// About this subject.
    pub subject: Option<String>,
    /// With a message to this number.
    pub to: Option<E164>,
    /// Opened at this time or later.
    pub since: Option<Timestamp>,
}

impl RunConditions {
    fn hold_for(&self, run: &Run) -> bool {
        let is_to = |to: &E164| run.messages().iter().any(|message| message.recipient().number == *to);
        self.event.as_ref().is_none_or(|id| run.event().id == *id)
            && self.subject.as_ref().is_none_or(|subject| run.subject() == Some(subject.as_str()))
            && self.to.as_ref().is_none_or(is_to)
    }
}

/// The latest runs for which the conditions hold, at most `max`, and whether there are more.
pub(crate) async fn list(
    store: &dyn RunStore,
    filter: RunFilter,
    conditions: &RunConditions,
    max: u16,
) -> Result<(Vec<Run>, bool), StoreError> {
    let (mut found, max) = (Vec::new(), usize::from(max.min(LIST_MAX)));
    let mut more = false;
    each_run(store, filter, |run| {
        if conditions.since.is_some_and(|since| run.opened_at() < since) {
            return ControlFlow::Break(());
        }
        if conditions.hold_for(&run) {
            if found.len() == max {
                more = true;
                return ControlFlow::Break(());
            }
            found.push(run);
        }
        ControlFlow::Continue(())
    })
    .await?;
    Ok((found, more))
}

/// The latest runs whose id begins so, some of them if there are many.
pub(crate) async fn find(store: &dyn RunStore, beginning: &str) -> Result<Vec<Run>, StoreError> {
    let mut found = Vec::new();
    each_run(store, RunFilter::default(), |run| {
        if run.id().as_str().starts_with(beginning) {
            found.push(run);
        }
        if found.len() == FOUND_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await?;
    Ok(found)
}

/// Looks at runs, latest first, until it is told to stop.
async fn each_run(
    store: &dyn RunStore,
    mut filter: RunFilter,
    mut look: impl FnMut(Run) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut looked_at = 0;
    while looked_at < LOOKED_AT_MAX {
        let page = store.list_runs(&filter, LIST_MAX).await?;
        let is_last = page.len() < usize::from(LIST_MAX);
        looked_at += page.len();
        for run in page {
            filter.after = Some(run.id().clone());
            if look(run).is_break() {
                return Ok(());
            }
        }
        if is_last {
            break;
        }
    }
    Ok(())
}
