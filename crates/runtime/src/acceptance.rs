//! What every way in has in common: a check of each event, then "accepted".
//!
//! In: events and the source that sends them. Out: published events, and what their sender is told.
//! Never: counts events as taken before they are durable, or lets one source speak for another.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{
    acceptance::{Accepted, NotAccepted, SameId, may_send},
    event::Event,
    id::RunId,
    schema::FieldError,
    source::Source,
    source_quota::{Quota, QuotaRates, SourceQuotas},
    workflow::Workflow,
};
use jiff::Timestamp;
use ports::{Bus, Clock};
use telemetry::span;
use tracing::Span;

use crate::{
    error::RoleError,
    recent_events::RecentEvents,
    run_service::{Precedent, RunService},
};

/// The span of an event's publication, in whose trace everything stands that comes of it.
fn begin_story(event: &mut Event) -> Span {
    let (span, context) = span::publish(&event.key.source, &event.key.id, event.traceparent.as_deref());
    if let Some(context) = context {
        event.traceparent = Some(context);
    }
    span
}

/// Takes events, for every way in of a process.
pub struct Acceptance {
    runs: Arc<RunService>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    quotas: Mutex<SourceQuotas>,
    recent: Mutex<RecentEvents>,
}

impl Acceptance {
    /// With events a second that each source may bring in the lane of its workflow.
    pub fn new(runs: Arc<RunService>, bus: Arc<dyn Bus>, clock: Arc<dyn Clock>, quotas: QuotaRates) -> Self {
        Self { runs, bus, clock, quotas: Mutex::new(SourceQuotas::new(quotas)), recent: Mutex::default() }
    }

    /// Takes events of a source, all of them or none.
    ///
    /// # Errors
    /// When one of them is wrong, is not its sender's to send, or could not be made durable.
    pub async fn accept(
        &self,
        source: &Source,
        events: &[Event],
        is_batch: bool,
        same_id: SameId,
        now: Timestamp,
    ) -> Result<Accepted, NotAccepted> {
        self.check(source, events, is_batch)?;
        // An event that the batch repeats is taken once; its other content, under one key, is a conflict below.
        let mut said = BTreeSet::new();
        let distinct: Vec<_> = events
            .iter()
            .enumerate()
            .filter(|(_, event)| said.insert((&event.key, event.content())))
            .collect();
        let mut unknown = Vec::new();
        let conflict = |index| NotAccepted::Conflict {
            pointer: if is_batch { format!("/{index}/id") } else { "/id".to_owned() },
        };
        for (index, event) in distinct.iter().copied() {
            match (self.precedent(event).await?, same_id) {
                (Precedent::None, _) => unknown.push((index, event)),
                (Precedent::Same, _) | (Precedent::Other, SameId::Repeats) => {}
                (Precedent::Other, SameId::Conflicts) => return Err(conflict(index)),
            }
        }
        self.claim(&mut unknown, same_id).map_err(conflict)?;
        let mut fresh: Vec<Event> =
            unknown.into_iter().map(|(_, event)| event.clone().taken_at(now)).collect();
        if !fresh.is_empty() {
            let quota = self.quota_of(source, fresh.len());
            let spans: Vec<Span> = fresh.iter_mut().map(begin_story).collect();
            if let Err(error) = self.bus.publish_events(&fresh, quota).await {
                spans.iter().for_each(span::failed);
                self.recent().forget(&fresh);
                return Err(NotAccepted::NotStored(error.to_string()));
            }
        }
        let known = events.len() - fresh.len();
        telemetry::metrics().intake.accepted(&source.name, fresh.len(), known);
        let events: Vec<_> = distinct.into_iter().map(|(_, event)| event).collect();
        let runs: Vec<_> = events.iter().flat_map(|event| self.runs_of(event)).collect();
        let mut warnings = BTreeSet::new();
        for event in &events {
            warnings.extend(self.warnings(event).await);
        }
        let events = events.into_iter().map(|event| event.key.clone()).collect();
        Ok(Accepted { events, runs, warnings, fresh: fresh.len(), known })
    }

    /// Remembers what is about to be published, so that other content under its id is noticed before a run is there.
    ///
    /// # Errors
    /// The place of the first event that conflicts.
    fn claim(&self, events: &mut Vec<(usize, &Event)>, same_id: SameId) -> Result<(), usize> {
        // A resolving event opens nothing, so what it says is not compared.
        let opens = |event: &Event| !self.runs_of(event).is_empty();
        match same_id {
            SameId::Conflicts => {
                let opening: Vec<_> = events.iter().copied().filter(|(_, event)| opens(event)).collect();
                self.recent().claim(&opening)
            }
            SameId::Repeats => {
                events.retain(|one| !opens(one.1) || self.recent().claim(&[*one]).is_ok());
                Ok(())
            }
        }
    }

    fn quota_of(&self, source: &Source, events: usize) -> Quota {
        let count = u32::try_from(events).unwrap_or(u32::MAX);
        let mut quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        let quota = quotas.take(&source.name, count, self.clock.now());
        if quota == Quota::Exceeded {
            telemetry::metrics().intake.beyond_share.inc_by(u64::from(count));
        }
        quota
    }

    /// Names everything that is wrong with every event; one wrong event refuses the batch.
    ///
    /// # Errors
    /// What is wrong, or that the source may not send it.
    pub fn check(&self, source: &Source, events: &[Event], is_batch: bool) -> Result<(), NotAccepted> {
        let mut errors = Vec::new();
        for (index, event) in events.iter().enumerate() {
            may_send(source, event)?;
            let prefix = if is_batch { format!("/{index}") } else { String::new() };
            errors.extend(self.check_one(event).into_iter().map(|mut error| {
                error.pointer.insert_str(0, &prefix);
                error
            }));
        }
        if errors.is_empty() { Ok(()) } else { Err(NotAccepted::Invalid(errors)) }
    }

    fn check_one(&self, event: &Event) -> Vec<FieldError> {
        let workflows = self.runs.workflows();
        let routes = workflows.routes(&event.kind, &event.key.source);
        if routes.is_empty() {
            return vec![FieldError::new("/type", workflows.unroutable(&event.key.source))];
        }
        if routes.opens.is_empty() && event.subject.is_none() {
            return vec![FieldError::new("/subject", "required: a resolving event names what it resolves")];
        }
        let wrong = routes.opens.iter().flat_map(|workflow| {
            let errors = workflow.schema.validate(&event.data);
            if errors.is_empty() { workflow.check_recipients(&event.data) } else { errors }
        });
        wrong.collect()
    }

    /// The runs that the event opens. Their ids are derived, so they are known before the runs are.
    fn runs_of(&self, event: &Event) -> Vec<RunId> {
        let workflows = self.runs.workflows();
        let opens = workflows.routes(&event.kind, &event.key.source).opens;
        let id_of = |workflow: &Workflow| {
            RunId::derive(&event.key.source, &event.key.id, workflow.name(), event.subject.as_deref())
        };
        opens.iter().map(|workflow| id_of(workflow)).collect()
    }

    /// What its sender should know of an event that is taken: nobody will be texted, or no event can resolve its runs.
    async fn warnings(&self, event: &Event) -> Vec<String> {
        let runs = &self.runs;
        let workflows = runs.workflows();
        let mut warnings: Vec<String> = event.unset_time().into_iter().collect();
        for workflow in workflows.routes(&event.kind, &event.key.source).opens {
            // The event is taken already: a store that does not answer now is no reason to refuse it.
            warnings.extend(runs.reaches_nobody(event, workflow).await.ok().flatten());
            warnings.extend(workflow.never_resolved(event));
        }
        warnings
    }

    fn recent(&self) -> MutexGuard<'_, RecentEvents> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an event with this key came before, as far as this process and the store know.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn is_known(&self, event: &Event) -> Result<bool, RoleError> {
        let is_recent = self.recent().knows(&event.key);
        Ok(is_recent || self.runs.precedent(event).await? != Precedent::None)
    }

    /// What came before under the event's key. A resolving event is always taken, and so is one whose runs are not all
    /// there yet.
    async fn precedent(&self, event: &Event) -> Result<Precedent, NotAccepted> {
        let runs = self.runs_of(event);
        if runs.is_empty() {
            return Ok(Precedent::None);
        }
        let not_stored = |error: RoleError| NotAccepted::NotStored(error.to_string());
        let precedent = self.runs.precedent(event).await.map_err(not_stored)?;
        if precedent != Precedent::Same {
            return Ok(precedent);
        }
        for run in &runs {
            if self.runs.load(run).await.map_err(not_stored)?.is_none() {
                return Ok(Precedent::None);
            }
        }
        Ok(Precedent::Same)
    }
}
