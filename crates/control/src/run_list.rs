//! Lists of runs. In: what is wanted. Out: the latest of it, and whether there is more.

use std::ops::ControlFlow;

use domain::{
    id::RunId,
    limits::LIST_MAX,
    phone::E164,
    recipient_hash::{RecipientHash, RecipientKey},
    run::Run,
};
use jiff::Timestamp;
use ports::{
    RunStore, StoreError,
    store::{RunFilter, Unreadable},
};
use serde::{Deserialize, Serialize};

/// Most runs that are looked at for one list whose conditions the store has no index for.
pub(crate) const LOOKED_AT_MAX: usize = 100_000;
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
    /// With a message to the number of this hash.
    pub to_hash: Option<RecipientHash>,
    /// Opened at this time or later.
    pub since: Option<Timestamp>,
    /// Opened before this time.
    pub until: Option<Timestamp>,
}

impl RunConditions {
    fn hold_for(&self, run: &Run, key: Option<&RecipientKey>) -> bool {
        let is_to = |to: &E164| run.messages().iter().any(|message| message.recipient().number == *to);
        let is_to_hash = |to: &RecipientHash| {
            let hash = |number| key.map(|key| key.hash(number));
            run.messages().iter().any(|message| hash(&message.recipient().number).as_ref() == Some(to))
        };
        self.event.as_ref().is_none_or(|id| run.event().id == *id)
            && self.subject.as_ref().is_none_or(|subject| run.subject() == Some(subject.as_str()))
            && self.to.as_ref().is_none_or(is_to)
            && self.to_hash.as_ref().is_none_or(is_to_hash)
            && self.until.is_none_or(|until| run.opened_at() < until)
    }
}

/// What was found.
pub(crate) struct Found {
    pub(crate) runs: Vec<Run>,
    /// Whether there are more.
    pub(crate) more: bool,
    /// The last run that was looked at, if there are older ones that were not.
    pub(crate) stopped_after: Option<RunId>,
    /// Those that cannot be read, whichever they are.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// What was looked at.
#[derive(Default)]
pub(crate) struct Looked {
    /// The last run that was looked at, if there may be older ones that were not.
    pub(crate) stopped_after: Option<RunId>,
    /// Those that cannot be read.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// The latest runs for which the conditions hold, at most `max`; `looked_at_max` are looked at.
pub(crate) async fn list(
    store: &dyn RunStore,
    filter: RunFilter,
    conditions: &RunConditions,
    key: Option<&RecipientKey>,
    is_visible: impl Fn(&Run) -> bool,
    max: u16,
    looked_at_max: usize,
) -> Result<Found, StoreError> {
    let (mut found, max) = (Vec::new(), usize::from(max.min(LIST_MAX)));
    let mut more = false;
    let looked = each_run(store, filter, looked_at_max, |run| {
        if conditions.since.is_some_and(|since| run.opened_at() < since) {
            return ControlFlow::Break(());
        }
        if conditions.hold_for(&run, key) && is_visible(&run) {
            if found.len() == max {
                more = true;
                return ControlFlow::Break(());
            }
            found.push(run);
        }
        ControlFlow::Continue(())
    })
    .await?;
    let Looked { stopped_after, unreadable } = looked;
    Ok(Found { runs: found, more, stopped_after, unreadable })
}

/// The latest runs whose id begins so, some of them if there are many.
pub(crate) async fn find(
    store: &dyn RunStore,
    beginning: &str,
    is_visible: impl Fn(&Run) -> bool,
    looked_at_max: usize,
) -> Result<Found, StoreError> {
    let mut found = Vec::new();
    let looked = each_run(store, RunFilter::default(), looked_at_max, |run| {
        if run.id().as_str().starts_with(beginning) && is_visible(&run) {
            found.push(run);
        }
        if found.len() == FOUND_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await?;
    let Looked { stopped_after, unreadable } = looked;
    Ok(Found { runs: found, more: false, stopped_after, unreadable })
}

/// Looks at runs, latest first, until it is told to stop. One that cannot be read is noted and passed by.
pub(crate) async fn each_run(
    store: &dyn RunStore,
    mut filter: RunFilter,
    looked_at_max: usize,
    mut look: impl FnMut(Run) -> ControlFlow<()>,
) -> Result<Looked, StoreError> {
    let (mut left, mut unreadable) = (looked_at_max, Vec::new());
    while left > 0 {
        let max = u16::try_from(left).unwrap_or(LIST_MAX).min(LIST_MAX);
        let page = store.list_runs(&filter, max).await?;
        let is_last = page.len() < usize::from(max);
        left -= page.len();
        for listed in page {
            let run = match listed {
                Ok(run) => run,
                Err(one) => {
                    filter.after = one.id.parse().ok().or(filter.after);
                    unreadable.push(one);
                    continue;
                }
            };
            filter.after = Some(run.id().clone());
            if look(run).is_break() {
                return Ok(Looked { stopped_after: None, unreadable });
            }
        }
        if is_last {
            return Ok(Looked { stopped_after: None, unreadable });
        }
    }
    Ok(Looked { stopped_after: filter.after, unreadable })
}
