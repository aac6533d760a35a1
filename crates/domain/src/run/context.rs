//! What a transition of a run works with. In: definition, environment, time. Out: the effects it collected.
//!
//! Never: reads a clock; the caller says what time it is.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    originator::Originators,
    policy::Environment,
    silence::Silence,
    timeline::{Effects, TimelineEvent},
    workflow::Workflow,
};

/// Everything a transition may look at beside the run, and where it leaves its effects.
#[derive(Debug)]
pub struct StepContext<'a> {
    /// The definition the run was opened with.
    pub workflow: &'a Workflow,
    /// Where callout runs: who may be texted there.
    pub environment: &'a Environment,
    /// Whom texts may come from, and what became of their latest ones.
    pub originators: Arc<Originators>,
    /// The silences that have not ended.
    pub silences: Arc<[Silence]>,
    /// The present. One transition sees one time, however long it takes.
    pub now: Timestamp,
    /// What the transitions so far ask the caller to store and to publish.
    pub effects: Effects,
}

impl<'a> StepContext<'a> {
    /// A context without effects yet.
    pub fn new(workflow: &'a Workflow, environment: &'a Environment, now: Timestamp) -> Self {
        Self {
            workflow,
            environment,
            originators: Arc::default(),
            silences: Arc::default(),
            now,
            effects: Effects::default(),
        }
    }

    /// The same, where texts may come from several originators.
    pub fn with_originators(self, originators: Arc<Originators>) -> Self {
        Self { originators, ..self }
    }

    /// The same under these silences.
    pub fn under(self, silences: Arc<[Silence]>) -> Self {
        Self { silences, ..self }
    }

    /// Adds a line about a message to the timeline.
    pub fn note(&mut self, message: u16, event: TimelineEvent) {
        self.effects.note(self.now, message, event);
    }

    /// Adds a line about the run itself to the timeline.
    pub fn note_run(&mut self, event: TimelineEvent) {
        self.effects.note_run(self.now, event);
    }
}
