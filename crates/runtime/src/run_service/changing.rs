//! Changes of runs. In: transitions of the domain. Out: stored changes, and what follows from them.
//!
//! Never: a change of a run that another process changed since it was read: it is read again, and the transition decides
//! anew.

use std::sync::Arc;

use domain::{
    id::RunId,
    limits::CHANGE_TRIES_MAX,
    run::{Dispatch, Run, StepContext},
    timeline::Effects,
    workflow::Workflow,
};
use ports::{Changed, Versioned};
use telemetry::{Found, span};
use tracing::Instrument as _;

use super::{Applied, Attempt, RunService};
use crate::{claimed::Claimed, error::RoleError, run_cache::RunCache};

impl RunService {
    /// Changes a run by a pure transition, as often as it takes to win the compare-and-set. `None`: no such run.
    ///
    /// A transition that changes neither the run nor the effects is not stored.
    ///
    /// # Errors
    /// When a port fails; the transition may or may not be stored, and may be repeated.
    pub async fn apply<T>(
        &self,
        id: &RunId,
        transition: impl FnMut(&mut Run, &mut StepContext<'_>) -> T,
    ) -> Result<Option<Applied<T>>, RoleError> {
        let Some(stored) = self.load(id).await? else { return Ok(None) };
        self.apply_to(stored, transition).await
    }

    /// The same once, for a run as the caller saw it. `None`: others have changed it since, and nothing was done.
    ///
    /// # Errors
    /// As [`RunService::apply`].
    pub async fn apply_once<T>(
        &self,
        seen: Versioned<Arc<Run>>,
        mut transition: impl FnMut(&mut Run, &mut StepContext<'_>) -> T,
    ) -> Result<Option<Applied<T>>, RoleError> {
        Ok(match self.attempt(seen, &mut transition).await? {
            Attempt::Stored(applied) | Attempt::Unchanged(applied) => Some(applied),
            Attempt::Conflict(_) => None,
        })
    }

    /// The same for a run as the caller saw it last; it is read again only when others have changed it since.
    ///
    /// # Errors
    /// As [`RunService::apply`].
    pub async fn apply_to<T>(
        &self,
        mut seen: Versioned<Arc<Run>>,
        mut transition: impl FnMut(&mut Run, &mut StepContext<'_>) -> T,
    ) -> Result<Option<Applied<T>>, RoleError> {
        for _ in 0..CHANGE_TRIES_MAX {
            match self.attempt(seen, &mut transition).await? {
                Attempt::Stored(applied) | Attempt::Unchanged(applied) => return Ok(Some(applied)),
                Attempt::Conflict(id) => match self.load(&id).await? {
                    Some(stored) => seen = stored,
                    None => return Ok(None),
                },
            }
        }
        Err(RoleError::Contended(seen.value.id().clone()))
    }

    /// Stores a claim, if the transition makes one. `None`: there is nothing to send.
    ///
    /// # Errors
    /// As [`RunService::apply`].
    pub async fn claim(
        &self,
        seen: Versioned<Arc<Run>>,
        transition: impl FnMut(&mut Run, &mut StepContext<'_>) -> Dispatch,
    ) -> Result<Option<Claimed>, RoleError> {
        Ok(match self.apply_to(seen, transition).await? {
            Some(Applied { value: Dispatch::Send(submission), run }) => Claimed::of(submission, &run),
            Some(Applied { value: Dispatch::Stay, .. }) | None => None,
        })
    }

    /// The same, beginning with the run as this process stored it last, if it did lately.
    ///
    /// # Errors
    /// As [`RunService::apply`].
    pub async fn apply_cached<T>(
        &self,
        cache: &RunCache,
        id: &RunId,
        mut transition: impl FnMut(&mut Run, &mut StepContext<'_>) -> T,
    ) -> Result<Option<T>, RoleError> {
        let cached = match cache.take(id) {
            Some(seen) => Some(self.attempt(seen, &mut transition).await?),
            None => None,
        };
        let applied = match cached {
            Some(Attempt::Stored(applied)) => Some(applied),
            // A cached run may be stale; reload before concluding that nothing changes.
            Some(Attempt::Unchanged(_) | Attempt::Conflict(_)) | None => self.apply(id, transition).await?,
        };
        Ok(applied.map(|Applied { value, run }| {
            cache.keep(run);
            value
        }))
    }

    async fn attempt<T>(
        &self,
        seen: Versioned<Arc<Run>>,
        transition: &mut impl FnMut(&mut Run, &mut StepContext<'_>) -> T,
    ) -> Result<Attempt<T>, RoleError> {
        let workflow = self.workflow_of(&seen.value).await?;
        let mut run = Run::clone(&seen.value);
        let mut ctx = self.context_of(&seen.value, &workflow).await?;
        let value = transition(&mut run, &mut ctx);
        if run == *seen.value && ctx.effects == Effects::default() {
            return Ok(Attempt::Unchanged(Applied { value, run: seen }));
        }
        let (found, run) = (Found::run(&seen.value), Arc::new(run));
        if self.store(&run, ctx.effects, seen.version, &workflow, &found).await? {
            let run = Versioned { value: run, version: seen.version + 1 };
            return Ok(Attempt::Stored(Applied { value, run }));
        }
        Ok(Attempt::Conflict(run.id().clone()))
    }

    /// Stores one change and performs its effects. `false`: another process was first, and nothing happened.
    pub(super) async fn store(
        &self,
        run: &Arc<Run>,
        effects: Effects,
        version: u64,
        workflow: &Workflow,
        found: &Found,
    ) -> Result<bool, RoleError> {
        let change = self.change(run, effects, workflow);
        let (due, effects) = (change.due, change.effects.clone());
        let span = span::change(run);
        match self.ports.runs.change_run(change, version).instrument(span.clone()).await? {
            Changed::Conflict => Ok(false),
            Changed::Stored { timer } => {
                span::stored(&span, &effects);
                self.after_store(run, &effects, due, timer, found).instrument(span).await;
                Ok(true)
            }
        }
    }
}
