//! The events of runs, for a replay in simulated time. In: a span of time. Out: each as a CloudEvent, and what resolved it.
//!
//! Never: an event whose fields were removed: it would not open what it opened.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use domain::{id::RunId, limits::LIST_MAX, run::Run, time::after_s, workflow::WorkflowDefinition};
use jiff::Timestamp;
use ports::store::RunFilter;
use runtime::RoleError;
use serde_json::{Value, json};

use crate::{
    control::Control,
    error::ControlError,
    request::Answer,
    run_list::{Looked, each_run},
};

impl Control {
    /// Events of runs that were opened since a time, latest first, from one place on.
    pub(crate) async fn list_events(
        &self,
        workflow: Option<String>,
        since: Timestamp,
        after: Option<RunId>,
    ) -> Result<Answer, ControlError> {
        let mut runs = Vec::new();
        let filter = RunFilter { workflow, after, ..RunFilter::default() };
        let looked = each_run(&*self.ports.list, filter, LIST_MAX.into(), |run| {
            if run.opened_at() < since {
                return ControlFlow::Break(());
            }
            runs.push(run);
            ControlFlow::Continue(())
        });
        let Looked { stopped_after, unreadable } = looked.await.map_err(RoleError::from)?;
        let definitions = self.definitions(&runs).await?;
        let (mut events, mut without_fields) = (Vec::new(), 0);
        for run in &runs {
            match definitions.get(run.workflow_hash()).filter(|_| !run.data().is_empty()) {
                Some(definition) => {
                    events.push(cloud_event(run, definition));
                    events.extend(resolving_event(run, definition));
                }
                None => without_fields += 1,
            }
        }
        Ok(Answer::Events { events, without_fields, next: stopped_after, unreadable })
    }

    /// The definitions that these runs were opened with, by hash, as far as they are kept.
    pub(crate) async fn definitions(
        &self,
        runs: &[Run],
    ) -> Result<BTreeMap<String, WorkflowDefinition>, ControlError> {
        let hashes: BTreeSet<&str> = runs.iter().map(Run::workflow_hash).collect();
        let mut definitions = BTreeMap::new();
        for hash in hashes {
            let found = self.ports.list.workflow(hash).await.map_err(RoleError::from)?;
            definitions.extend(found.map(|found| (hash.to_owned(), found)));
        }
        Ok(definitions)
    }
}

fn cloud_event(run: &Run, definition: &WorkflowDefinition) -> Value {
    // When it happened is not kept; the end of its use is, which counts from then.
    let happened_at = after_s(run.not_after(), -i64::from(definition.not_after_s));
    let mut event = json!({
        "specversion": "1.0",
        "id": run.event().id,
        "source": run.event().source,
        "type": definition.event,
        "time": happened_at.min(run.opened_at()),
        "datacontenttype": "application/json",
        "data": run.data(),
    });
    if let (Some(subject), Some(event)) = (run.subject(), event.as_object_mut()) {
        event.insert("subject".to_owned(), json!(subject));
    }
    event
}

/// What resolved the run, without fields, for those are not kept. Its time is when it took effect.
fn resolving_event(run: &Run, definition: &WorkflowDefinition) -> Option<Value> {
    let (by, kind) = (run.resolution()?, definition.resolved_by.as_ref()?);
    Some(json!({
        "specversion": "1.0",
        "id": by.event.id,
        "source": by.event.source,
        "type": kind,
        "subject": run.subject()?,
        "time": by.at,
        "datacontenttype": "application/json",
        "data": {},
    }))
}
