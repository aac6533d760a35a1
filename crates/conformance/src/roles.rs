//! What tests of roles share: a clock that is set by hand, a workflow of two steps, its people and its events.
//!
//! In: times of [`fixture::at`](crate::fixture::at). Out: values for a role on a real backend.
//! Never: knows a role; each test builds its own over these.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::time::Duration;

use async_trait::async_trait;
use domain::{
    directory::{Contact, Directory},
    event::{Event, EventKey},
    workflow::{Stage, Step, Target, Workflow, WorkflowDefinition},
};
use jiff::Timestamp;
use ports::Clock;
use serde_json::json;
use tokio::sync::watch;

/// Longer than a machine under load takes for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The source of [`event`].
pub const SOURCE: &str = "monitoring";
/// The phone of `contact:ada`, who is notified first.
pub const ADA: &str = "+14155550101";
/// The phone of `contact:ben`, who is notified second.
pub const BEN: &str = "+14155550102";
/// How long each step of [`paging`] waits for an acknowledgement, in seconds.
pub const STEP_S: i64 = 300;
/// The queue in which [`paging`] opens a ticket after its last step.
pub const TICKET_QUEUE: &str = "platform";

/// A clock that stands still until it is set.
pub struct ManualClock(watch::Sender<Timestamp>);

impl ManualClock {
    /// A clock that shows this time.
    pub fn new(now: Timestamp) -> Self {
        Self(watch::Sender::new(now))
    }

    /// Shows another time, and wakes those who waited for it.
    pub fn set(&self, now: Timestamp) {
        self.0.send_replace(now);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        // The sender lives as long as the clock, so the wait ends by the time alone.
        drop(self.0.subscribe().wait_for(|now| *now >= at).await);
    }
}

/// The definition of [`paging`], for tests that change it.
pub fn paging_definition() -> WorkflowDefinition {
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let step = |name: &str| Step {
        notify: vec![Target::Contact(name.to_owned())],
        ack_within_s: u32::try_from(STEP_S).ok(),
        ..Step::default()
    };
    let steps = vec![step("ada"), step("ben")];
    let template = "{{ title }}. Reply {{ ack }}";
    let mut definition = WorkflowDefinition::new("paging", "incident.created", template, schema, steps);
    definition.stage = Stage::Live;
    definition.resolved_by = Some("incident.resolved".to_owned());
    definition.exhausted_ticket = Some(TICKET_QUEUE.to_owned());
    definition
}

/// A workflow that notifies Ada, then Ben, then opens a ticket.
pub fn paging() -> Workflow {
    Workflow::compile(paging_definition()).unwrap()
}

/// The people of [`paging`].
pub fn directory() -> Directory {
    let contact = |name: &str, number: &str| Contact {
        name: name.to_owned(),
        number: number.parse().unwrap(),
        more_numbers: Vec::new(),
        time_zone: "Europe/Berlin".to_owned(),
        team: None,
        email: None,
    };
    Directory {
        contacts: [("ada".to_owned(), contact("Ada", ADA)), ("ben".to_owned(), contact("Ben", BEN))].into(),
        ..Directory::default()
    }
}

/// The `n`th event that opens a run of [`paging`], about a subject of its own.
pub fn event(n: u32) -> Event {
    Event {
        key: EventKey { source: SOURCE.to_owned(), id: format!("e-{n}") },
        kind: "incident.created".to_owned(),
        subject: Some(format!("db-{n}")),
        time: None,
        data: [("title".to_owned(), json!("db-1 is down"))].into_iter().collect(),
        traceparent: None,
    }
}

/// Waits until something is so.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "it never came to this: {what}");
}
