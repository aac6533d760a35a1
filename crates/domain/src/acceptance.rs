//! What becomes of events that somebody sends. In: events, their source and its rights. Out: what was taken, or why not.
//!
//! Never: knows how the events came: over HTTP, at an adapter, or with a token.

use std::collections::BTreeSet;

use crate::{
    agent::AgentRefusal,
    event::{Event, EventKey},
    id::RunId,
    schema::FieldError,
    source::Source,
};

/// What an event with the id of another one and other content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameId {
    /// A mistake of its producer, who chose the id.
    Conflicts,
    /// A repetition: we chose the id, and what the tool says of one thing changes with each report.
    Repeats,
}

/// What was taken, and what its sender is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The events, each once.
    pub events: Vec<EventKey>,
    /// The runs that they open.
    pub runs: Vec<RunId>,
    /// What their sender should know.
    pub warnings: BTreeSet<String>,
    /// How many were taken.
    pub fresh: usize,
    /// How many were known.
    pub known: usize,
}

/// Why events were not taken. None of the request was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAccepted {
    /// Fields are wrong.
    #[error("{} {} wrong", crate::plural::counted(.0.len(), "field"), if .0.len() == 1 { "is" } else { "are" })]
    Invalid(Vec<FieldError>),
    /// Their sender may not send them.
    #[error("{0}")]
    Forbidden(String),
    /// An agent may not send them on its own.
    #[error("{0}")]
    Agent(AgentRefusal),
    /// Other content under the source and id of another event.
    #[error(
        "another event came first with the same source and id, but other content; give each event an id of its own"
    )]
    Conflict {
        /// Where in the request.
        pointer: String,
    },
    /// They could not be made durable.
    #[error("the events could not be stored; send them again: {0}")]
    NotStored(String),
}

/// Whether a source may send an event at all.
///
/// # Errors
/// [`NotAccepted::Forbidden`].
pub fn may_send(source: &Source, event: &Event) -> Result<(), NotAccepted> {
    let Source { name, types, .. } = source;
    let refused = |reason: String| Err(NotAccepted::Forbidden(reason));
    if event.key.source != *name {
        return refused(format!("this key may not send for source {:?}, but for {name:?}", event.key.source));
    }
    if !source.may_send(&event.kind) {
        let types = types.join(", ");
        return refused(format!("source {name:?} may not send {:?}; it may send {types}", event.kind));
    }
    Ok(())
}
