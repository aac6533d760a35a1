//! What a tool says of one subject. In: what a mapper read. Out: an event that fits the schema of its workflows.
//!
//! Never: loses a page because of what a label, a summary or a name contains.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    kind::Adapter,
    payload::{cut_bytes, cut_chars, is_short_digest, short_digest, shorten},
    settings::AdapterSettings,
};
use crate::{
    event::{Event, EventKey},
    limits::{ATTRIBUTE_BYTES_MAX, DOOR_FIELD_CHARS_MAX, EVENT_DATA_BYTES_MAX},
    run::{Run, RunPhase},
    schema::{FieldSchema, fit::fit},
    time::after_s,
};

/// A report of what was resolved is a copy that comes late within so many seconds, and says that it is back after them.
const LATE_COPY_S: u32 = 60;

/// What a report says of its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Something is wrong.
    Opens,
    /// It is over.
    Resolves,
}

/// What tells one report of a subject from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// The payload holds it, such as the time since which an alert fires.
    Payload(String),
    /// Nothing in the payload does: reports of a subject are one until its run has ended.
    Recurrence,
}

/// What a tool says of one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Where it came in.
    pub adapter: Adapter,
    /// Whether something is wrong, or over.
    pub says: Says,
    /// What it is about. The same in the report that resolves it.
    pub subject: String,
    pub(super) identity: Identity,
    /// What templates of fields may use.
    pub(super) view: Map<String, Value>,
    /// The fields that it has without any configuration.
    pub(super) usual: Map<String, Value>,
}

/// Whether an adapter chose this id of an event. What a tool says of one thing changes with each report, so other content under
/// such an id is a repetition, and no mistake of a producer.
pub fn chose_id(id: &str) -> bool {
    let Some((name, digest)) = id.split_once(':') else { return false };
    Adapter::ALL.into_iter().any(|adapter| adapter.name() == name) && is_short_digest(digest)
}

impl Report {
    /// Whether its events are told apart by counting the runs of its subject that have ended.
    pub fn is_counted(&self) -> bool {
        self.identity == Identity::Recurrence
    }

    /// Whether it is of another time than a run of its subject that is over.
    ///
    /// One that the payload tells apart is the same as long as nobody said that it was over: what is repeated pages once.
    /// Said to be over and then reported again, it is back, though its tool counts from the same time: it lost sight of it in
    /// between. A copy that only comes late comes soon after.
    pub fn is_back_after(&self, run: &Run, now: Timestamp) -> bool {
        let is_late_copy = || run.closed_at().is_none_or(|closed| now < after_s(closed, LATE_COPY_S));
        self.is_counted() || (run.phase() == RunPhase::Resolved && !is_late_copy())
    }

    /// The type of its event.
    pub fn kind<'a>(&self, settings: &'a AdapterSettings) -> &'a str {
        match self.says {
            Says::Opens => &settings.opens,
            Says::Resolves => &settings.resolves,
        }
    }

    /// What the source and the id of its event are.
    ///
    /// `recurrence` counts the runs of its subject that are over, as [`Report::is_back_after`] says.
    pub fn key(&self, source: &str, says: Says, recurrence: u32) -> EventKey {
        let said = match says {
            Says::Opens => "opens",
            Says::Resolves => "resolves",
        };
        let identity = match &self.identity {
            Identity::Payload(identity) if recurrence == 0 => identity.clone(),
            Identity::Payload(identity) => format!("{identity} {recurrence}"),
            Identity::Recurrence => recurrence.to_string(),
        };
        let id = short_digest(&[&self.subject, said, &identity]);
        EventKey { source: source.to_owned(), id: format!("{}:{id}", self.adapter.name()) }
    }

    /// Its event, with data that fits these schemas as far as it can be made to. It happened when it was taken: the time
    /// since which an alert fires may be days ago, and says nothing of how old this report is.
    pub fn event(
        &self,
        source: &str,
        settings: &AdapterSettings,
        schemas: &[&FieldSchema],
        recurrence: u32,
        now: Timestamp,
    ) -> Event {
        let mut data = self.usual.clone();
        if !data.contains_key("service") {
            data.insert("service".to_owned(), source.into());
        }
        data.extend(
            settings.fields.iter().filter_map(|field| Some((field.name.clone(), field.of(&self.view)?))),
        );
        for text in data.values_mut() {
            if let Value::String(text) = text {
                cut_chars(text, DOOR_FIELD_CHARS_MAX);
            }
        }
        fit(&mut data, schemas);
        shorten(&mut data, EVENT_DATA_BYTES_MAX);
        Event {
            key: self.key(source, self.says, recurrence),
            kind: self.kind(settings).to_owned(),
            subject: Some(self.subject.clone()),
            time: Some(now),
            data,
            traceparent: None,
        }
    }
}

/// A subject as an attribute can hold it: a text that is too long or holds control characters is cut, and a digest of all
/// of it tells it from others.
pub(super) fn subject_of(text: &str) -> String {
    if !text.is_empty() && text.len() <= ATTRIBUTE_BYTES_MAX && !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    let mut shown: String = text.chars().filter(|c| !c.is_control()).collect();
    let digest = short_digest(&[text]);
    cut_bytes(&mut shown, ATTRIBUTE_BYTES_MAX - digest.len() - 1);
    if shown.is_empty() { digest } else { format!("{shown} {digest}") }
}
