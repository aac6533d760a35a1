//! Silences as operators make and end them. In: what is to be silent, and why. Out: the silences that have not ended.

use std::ops::ControlFlow;

use domain::{
    run::{Run, RunPhase},
    silence::Silence,
};
use ports::store::RunFilter;
use runtime::RoleError;

use crate::{
    control::{Control, of_all_teams},
    error::ControlError,
    principal::Principal,
    request::Answer,
    run_list::each_run,
    silence_view::{NewSilence, SilenceView},
};

impl Control {
    /// The silences that have not ended.
    pub(crate) async fn silences(&self) -> Result<Answer, ControlError> {
        let now = self.ports.clock.now();
        let silences = self.ports.silences.silences(now).await.map_err(RoleError::from)?;
        let view = |silence: Silence| SilenceView { id: silence.id(), silence };
        Ok(Answer::Silences { silences: silences.into_iter().map(view).collect() })
    }

    /// Makes a silence. Other processes know it within seconds.
    pub(crate) async fn add_silence(
        &self,
        principal: &Principal,
        new: NewSilence,
    ) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        let now = self.ports.clock.now();
        let NewSilence { of, from, until, why } = new;
        if let Some(workflow) = of.workflow.as_ref().filter(|name| !name.contains('*')) {
            let known = self.workflow_names(principal);
            if !known.contains(workflow) {
                let known = known.join(", ");
                return Err(ControlError::Unusable(format!(
                    "no workflow is named {workflow:?}; there are {known}"
                )));
            }
        }
        let by = principal.name.clone();
        let silence = Silence { of, from: from.unwrap_or(now), until, by, why, made_at: now };
        silence.check(now).map_err(|fault| ControlError::Unusable(fault.to_string()))?;
        self.ports.silences.add_silence(&silence, now).await.map_err(RoleError::from)?;
        let (id, why) = (silence.id(), &silence.why);
        tracing::warn!(id, by = principal.name, until = %silence.until, why, "a silence was made");
        self.ports.runs.refresh_silences().await?;
        self.silences().await
    }

    /// Ends a silence.
    pub(crate) async fn end_silence(&self, principal: &Principal, id: &str) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        let now = self.ports.clock.now();
        let known = self.ports.silences.silences(now).await.map_err(RoleError::from)?;
        let ended = known.into_iter().find(|silence| silence.id() == id);
        if !self.ports.silences.remove_silence(id).await.map_err(RoleError::from)? {
            return Err(ControlError::NoSilence(id.to_owned()));
        }
        tracing::info!(id, by = principal.name, "a silence was ended");
        self.ports.runs.refresh_silences().await?;
        // What is not reached here, because this process dies, is decided on when the silence would have ended.
        if let Some(ended) = ended {
            self.wake_silenced(&ended).await?;
        }
        self.silences().await
    }

    /// Has runs that wait for the end of a silence go on now.
    async fn wake_silenced(&self, ended: &Silence) -> Result<(), ControlError> {
        let mut waiting = Vec::new();
        let active = RunFilter { phase: Some(RunPhase::Active), ..RunFilter::default() };
        let look = |run: Run| {
            if ended.of.fits(&run.silenceable()) {
                waiting.push(run.id().clone());
            }
            ControlFlow::Continue(())
        };
        each_run(&*self.ports.list, active, usize::MAX, look).await.map_err(RoleError::from)?;
        for run in &waiting {
            let woken = self.ports.runs.apply(run, |run, ctx| run.end_silence(ended.until, ctx)).await;
            if let Err(error) = woken {
                let until = ended.until.to_string();
                tracing::warn!(%run, until, %error, "a run goes on only when the silence that was ended would have ended");
            }
        }
        Ok(())
    }
}
