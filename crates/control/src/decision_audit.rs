//! Stored verdicts, asked for again. In: runs with their timelines. Out: how many are the same, and those that are not.
//!
//! Never: changes one: what differs is evidence.

use std::ops::ControlFlow;

use domain::{
    id::RunId,
    limits::LIST_MAX,
    policy::{Replayed, Standing, replay},
    run::Run,
    timeline::{Entry, TimelineEvent},
    workflow::WorkflowDefinition,
};
use ports::store::RunFilter;
use runtime::RoleError;

use crate::{
    control::Control,
    decision_audit_view::{DecisionAudit, DifferentDecision},
    error::ControlError,
    request::Answer,
    run_list::{Looked, each_run},
};

fn add(audit: &mut DecisionAudit, run: &Run, definition: Option<&WorkflowDefinition>, timeline: Vec<Entry>) {
    audit.runs += 1;
    for Entry { at, message, what } in timeline {
        let TimelineEvent::Decided(stored) = what else { continue };
        let number = message.unwrap_or_default();
        let (Some(workflow), Some(message)) = (definition, run.message(number)) else {
            audit.without_facts += 1;
            continue;
        };
        let standing = Standing {
            workflow,
            recipient: message.recipient(),
            data: run.data(),
            not_after: run.not_after(),
            at,
        };
        match replay(&stored, &standing) {
            Replayed::Same => audit.same += 1,
            Replayed::Limit => audit.limits += 1,
            Replayed::OtherVersion => audit.other_versions += 1,
            Replayed::FieldsRemoved => audit.without_facts += 1,
            Replayed::Different(now) => {
                let message = run.message_id(number).to_string();
                audit.different.push(DifferentDecision { message, at, stored, now });
            }
        }
    }
}

impl Control {
    /// Asks the rules again for the verdicts of some runs, latest first, from one place on.
    pub(crate) async fn audit_decisions(&self, after: Option<RunId>) -> Result<Answer, ControlError> {
        let mut runs = Vec::new();
        let filter = RunFilter { after, ..RunFilter::default() };
        let looked = each_run(&*self.ports.list, filter, LIST_MAX.into(), |run| {
            runs.push(run);
            ControlFlow::Continue(())
        });
        let Looked { stopped_after: next, unreadable } = looked.await.map_err(RoleError::from)?;
        let mut audit = DecisionAudit { unreadable, ..DecisionAudit::default() };
        let definitions = self.definitions(&runs).await?;
        for run in &runs {
            let timeline = self.ports.list.timeline(run.id()).await.map_err(RoleError::from)?;
            add(&mut audit, run, definitions.get(run.workflow_hash()), timeline);
        }
        Ok(Answer::DecisionsAudited { audit: Box::new(audit), next })
    }
}
