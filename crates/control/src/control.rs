//! Carries out requests behind one authorization check.

use std::sync::Arc;

use domain::{
    id::RunId,
    run::{Run, RunPhase, StepContext},
};
use ports::{AuditStore, Bus, DeadLetterStore, EffectStore, RunStore, store::RunFilter};
use runtime::{RoleError, RunService};

use crate::{
    error::ControlError,
    request::{Answer, Principal, Request, RunQuery},
    run_list::{self, Found},
    view::RunView,
};

/// What operators' requests use, and nothing else.
#[derive(Clone)]
pub struct ControlPorts {
    /// Changes runs.
    pub runs: Arc<RunService>,
    /// Lists runs and reads their timelines.
    pub list: Arc<dyn RunStore>,
    /// Dead letters.
    pub letters: Arc<dyn DeadLetterStore>,
    /// Where a replayed effect waits.
    pub effects: Arc<dyn EffectStore>,
    /// The audit's counts.
    pub audit: Arc<dyn AuditStore>,
    /// Where a replayed event is published.
    pub bus: Arc<dyn Bus>,
}

/// Carries out requests.
#[derive(Clone)]
pub struct Control {
    pub(crate) ports: ControlPorts,
    looked_at_max: usize,
}

impl Control {
    /// Over these ports.
    pub fn new(ports: ControlPorts) -> Self {
        Self { ports, looked_at_max: run_list::LOOKED_AT_MAX }
    }

    /// For tests: looks at no more runs than this for one list.
    #[doc(hidden)]
    pub fn looking_at(self, looked_at_max: usize) -> Self {
        Self { looked_at_max, ..self }
    }

    /// Carries out one request, if the principal may.
    ///
    /// # Errors
    /// [`ControlError`]; a request that failed in a port may be repeated.
    pub async fn execute(&self, principal: &Principal, request: Request) -> Result<Answer, ControlError> {
        if principal.role < request.needs() {
            return Err(ControlError::Forbidden(principal.name.clone()));
        }
        let by = &principal.name;
        match request {
            Request::ListRuns(query) => {
                let RunQuery { phase, workflow, needs_review, unfinished, after, conditions, max } = query;
                let filter = RunFilter { phase, workflow, needs_review, unfinished, after, source: None };
                let listed =
                    run_list::list(&*self.ports.list, filter, &conditions, max, self.looked_at_max).await;
                Ok(answer(listed.map_err(RoleError::from)?))
            }
            Request::FindRuns { beginning } => {
                let found = run_list::find(&*self.ports.list, &beginning, self.looked_at_max).await;
                Ok(answer(found.map_err(RoleError::from)?))
            }
            Request::ShowRun { id, reveal } => self.show(&id, false, reveal).await,
            Request::Acknowledge { id } => {
                self.change(&id, |run, ctx| {
                    let was_active = run.phase() == RunPhase::Active;
                    run.acknowledge(by, "operator", None, ctx);
                    was_active
                })
                .await
            }
            Request::ResolveReview { id, message, verdict } => {
                let number = self.to_review(&id, message).await?;
                self.change(&id, |run, ctx| run.resolve_review(number, &verdict, by, ctx)).await
            }
            Request::Cancel { id } => self.change(&id, |run, ctx| run.cancel(by, ctx)).await,
            Request::ListDeadLetters { filter, max } => {
                let (letters, more) = self.dead_letters(&filter, max).await?;
                Ok(Answer::DeadLetters { letters, more })
            }
            Request::ShowDeadLetter { id } => {
                let letter = self.dead_letter(&id).await?.ok_or(ControlError::NoDeadLetter(id))?;
                Ok(Answer::DeadLetter { letter: Box::new(letter) })
            }
            Request::Replay { id } => Ok(Answer::DeadLetterChanged { change: self.replay(&id, by).await? }),
            Request::Discard { id } => Ok(Answer::DeadLetterChanged { change: self.discard(&id).await? }),
            Request::AuditCounts => Ok(Answer::AuditCounts {
                counts: self.ports.audit.audit_counts().await.map_err(RoleError::from)?,
            }),
        }
    }

    /// The message that the operator means: the one named, or the only one that needs review.
    async fn to_review(&self, id: &RunId, named: Option<u16>) -> Result<u16, ControlError> {
        let stored = self.ports.runs.load(id).await?;
        let run = stored.ok_or_else(|| ControlError::NotFound(id.clone()))?.value;
        let numbers: Vec<u16> =
            run.messages().iter().filter(|m| m.needs_review()).map(|m| m.number()).collect();
        match (named, numbers.as_slice()) {
            (Some(number), _) if numbers.contains(&number) => Ok(number),
            (None, [number]) => Ok(*number),
            (None, [_, _, ..]) => Err(ControlError::SeveralToReview { run: id.clone(), numbers }),
            (Some(_), _) | (None, []) => Err(ControlError::NothingToReview(id.clone())),
        }
    }

    async fn change(
        &self,
        id: &RunId,
        transition: impl FnMut(&mut Run, &mut StepContext<'_>) -> bool,
    ) -> Result<Answer, ControlError> {
        let applied =
            self.ports.runs.apply(id, transition).await?.ok_or_else(|| ControlError::NotFound(id.clone()))?;
        self.show(id, applied.value, false).await
    }

    async fn show(&self, id: &RunId, changed: bool, reveal: bool) -> Result<Answer, ControlError> {
        let stored = self.ports.runs.load(id).await?;
        let run = stored.ok_or_else(|| ControlError::NotFound(id.clone()))?.value;
        let timeline = self.ports.list.timeline(id).await.map_err(RoleError::from)?;
        let mut view = RunView::new(&run, &timeline);
        if reveal {
            view.reveal(&run);
        }
        Ok(Answer::Run { run: Box::new(view), changed })
    }
}

fn answer(Found { runs, more, stopped_after }: Found) -> Answer {
    Answer::Runs { runs: runs.iter().map(RunView::in_list).collect(), more, stopped_after }
}
