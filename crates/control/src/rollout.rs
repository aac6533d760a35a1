//! How workflows do. In: a span of time. Out: figures of each, and what stands between it and its next stage.

use std::{collections::BTreeMap, ops::ControlFlow};

use domain::rollout::Rollout;
use jiff::Timestamp;
use ports::store::RunFilter;
use runtime::RoleError;

use crate::{
    control::Control,
    error::ControlError,
    principal::Principal,
    request::Answer,
    run_list::{Looked, each_run},
};

/// Most runs whose timelines are read for one answer.
const RUNS_MAX: usize = 20_000;

impl Control {
    /// The figures of one workflow, or of all that the principal sees, of runs opened since a time.
    pub(crate) async fn workflow_figures(
        &self,
        principal: &Principal,
        workflow: Option<String>,
        since: Timestamp,
    ) -> Result<Answer, ControlError> {
        let mut runs = Vec::new();
        let filter = RunFilter { workflow: workflow.clone(), ..RunFilter::default() };
        let looked = each_run(&*self.ports.list, filter, RUNS_MAX.min(self.looked_at_max), |run| {
            if run.opened_at() < since {
                return ControlFlow::Break(());
            }
            if self.sees_run(principal, &run) {
                runs.push(run);
            }
            ControlFlow::Continue(())
        });
        let Looked { stopped_after, mut unreadable } = looked.await.map_err(RoleError::from)?;
        unreadable.retain(|_| principal.teams.is_empty());
        let mut sums: BTreeMap<String, Rollout> = BTreeMap::new();
        for run in runs {
            let timeline = self.ports.list.timeline(run.id()).await.map_err(RoleError::from)?;
            sums.entry(run.workflow().to_owned()).or_default().add(&run, &timeline);
        }
        let (visible, registry) = (self.workflow_names(principal), self.ports.runs.workflows());
        let is_wanted = |name: &str| {
            visible.iter().any(|seen| seen == name) && workflow.as_ref().is_none_or(|wanted| wanted == name)
        };
        let configured = registry.workflows().filter(|workflow| is_wanted(workflow.name()));
        let figures = configured
            .map(|workflow| {
                let sum = sums.remove(workflow.name()).unwrap_or_default();
                sum.figures(workflow.name(), &workflow.definition.stage)
            })
            .collect();
        Ok(Answer::Workflows { workflows: figures, more: stopped_after.is_some(), unreadable })
    }
}
