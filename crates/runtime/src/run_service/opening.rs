//! How an event opens a run: at most once, whatever else bears its source and id.
//!
//! In: an event, its workflow and its lane. Out: a stored run with its first claims, or what came before it.

use std::sync::Arc;

use domain::{
    event::{Event, EventKey},
    lane_placement::LanePlacement,
    run::Run,
    workflow::Workflow,
};
use jiff::Timestamp;
use ports::{Change, Opened, OpeningEvent, Versioned};
use telemetry::{Found, span};
use tracing::Instrument as _;

use crate::{claimed::Claimed, error::RoleError};

use super::{
    RunService,
    step_hook::{ByCommand, StepHook},
};

/// What came of opening a run.
#[derive(Debug)]
pub enum OpenedRun {
    /// It is stored, with these claims.
    New(Versioned<Arc<Run>>, Vec<Claimed>),
    /// The event opened it before; nothing was changed.
    Known,
    /// Another event with the same source and id, but other content, came first; nothing was changed.
    Conflict,
    /// Its subject was resolved already; it is stored as resolved and texts nobody.
    Resolved,
}

/// What an earlier event with the same key said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precedent {
    /// There was none.
    None,
    /// The same.
    Same,
    /// Something else.
    Other,
}

impl RunService {
    /// Whether an event says something else than the event that opened runs under its key.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn precedent(&self, event: &Event) -> Result<Precedent, RoleError> {
        let known = self.ports.runs.content_of(&event.key).await?;
        Ok(known.map_or(Precedent::None, |content| {
            if content == event.content() { Precedent::Same } else { Precedent::Other }
        }))
    }

    /// Opens the run of an event: starts its first step, lets the hook take part, and stores all of it as one change.
    /// `accepted_at` is when the event was taken, where that is known.
    ///
    /// # Errors
    /// When a port fails; the run may or may not be stored, and opening it again finds out.
    pub async fn open(
        &self,
        event: &Event,
        workflow: &Workflow,
        placement: LanePlacement,
        accepted_at: Option<Timestamp>,
        hook: &mut dyn StepHook,
    ) -> Result<OpenedRun, RoleError> {
        let mut ctx = self.context(workflow);
        let opening = OpeningEvent { happened_at: event.happened_at(ctx.now), content: event.content() };
        let mut run = Run::open(event, &mut ctx);
        run.lower_lane(placement.lane, &mut ctx);
        let mut submissions = Vec::new();
        let first = run.planned_step(ctx.now);
        if first.is_some() {
            // What opens no run asks no group: a repeated event holds no text.
            let gathers = workflow.definition.gathers() && self.load(run.id()).await?.is_none();
            submissions = self.run_steps(&mut run, first, gathers, &mut ctx, hook).await?;
        }
        let run = Arc::new(run);
        let change = self.change(&run, ctx.effects, workflow);
        let (due, effects) = (change.due, change.effects.clone());
        let span = span::change(&run);
        let mut opened = self.ports.runs.open_run(change, opening).instrument(span.clone()).await?;
        if let Opened::AlreadyResolved { by } = &opened
            && !self.workflows().may_resolve(&run, &by.source)
        {
            // It was resolved for another team.
            let change = Change { marker: None, ..Change::new(run.clone(), effects.clone(), workflow) };
            opened = self.ports.runs.open_run(change, opening).instrument(span.clone()).await?;
        }
        match opened {
            Opened::Known => Ok(OpenedRun::Known),
            Opened::Conflict => {
                self.leave_groups(&run, workflow).await?;
                Ok(OpenedRun::Conflict)
            }
            Opened::AlreadyResolved { by } => {
                self.leave_groups(&run, workflow).await?;
                self.open_resolved(event, workflow, &by).await
            }
            Opened::New { timer } => {
                span::stored(&span, &effects);
                self.after_store(&run, &effects, due, timer, &Found::event(accepted_at))
                    .instrument(span)
                    .await;
                let run = Versioned::opened(run);
                let claimed = submissions.into_iter().filter_map(|one| Claimed::of(one, &run)).collect();
                Ok(OpenedRun::New(run, claimed))
            }
        }
    }

    /// Opens the run of a notice, whose text is sent on command: nobody waits for it here.
    ///
    /// # Errors
    /// When a port fails; opening it again finds out whether it is stored.
    pub async fn open_notice(&self, event: &Event, workflow: &Workflow) -> Result<(), RoleError> {
        let placement = LanePlacement { lane: workflow.definition.lane, gives_way: false };
        self.open(event, workflow, placement, None, &mut ByCommand).await.map(drop)
    }

    /// The resolving event overtook this one: the run opens as resolved and texts nobody.
    async fn open_resolved(
        &self,
        event: &Event,
        workflow: &Workflow,
        by: &EventKey,
    ) -> Result<OpenedRun, RoleError> {
        let mut ctx = self.context(workflow);
        let mut run = Run::open(event, &mut ctx);
        run.resolve(by, &[], &mut ctx);
        let opening = OpeningEvent { happened_at: ctx.now, content: event.content() };
        let run = Arc::new(run);
        let change = self.change(&run, ctx.effects, workflow);
        let effects = change.effects.clone();
        self.ports.runs.open_run(change, opening).await?;
        self.emit(&run, &effects, &Found::event(None));
        Ok(OpenedRun::Resolved)
    }
}
