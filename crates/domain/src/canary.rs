//! Canaries: a text from each originator at regular times, to learn that it still arrives. In: settings and the time. Out:
//! events that open runs in a built-in workflow, one for each originator and slot of time.
//!
//! Never: two of one originator within a slot, whichever process opens them: the id of the run follows from both.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::{
    event::{Event, EventKey},
    id::RunId,
    limits::CANARY_WITHIN_S,
    notice::{CANARY, SOURCE},
    originator::OriginatorName,
    run::Run,
    workflow::{Category, Lane, OnDoubt, Stage, Step, Target, Workflow, WorkflowDefinition, WorkflowError},
};

/// How often canaries are sent, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanarySettings {
    /// How often, in seconds.
    pub every_s: u32,
    /// The contact's name in the configuration.
    pub contact: String,
}

impl CanarySettings {
    /// The beginning of the slot that a time is in.
    pub fn slot(&self, now: Timestamp) -> Timestamp {
        let every = i64::from(self.every_s.max(1));
        Timestamp::from_second(now.as_second().div_euclid(every) * every).unwrap_or(now)
    }

    /// The canary of an originator in a slot.
    pub fn canary<'a>(&'a self, originator: &'a OriginatorName, slot: Timestamp) -> Canary<'a> {
        Canary { contact: &self.contact, originator, slot }
    }
}

/// One text that is to arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary<'a> {
    /// The contact's name in the configuration.
    pub contact: &'a str,
    /// What it comes from.
    pub originator: &'a OriginatorName,
    /// The beginning of its slot.
    pub slot: Timestamp,
}

impl Canary<'_> {
    /// The workflow that it goes through.
    ///
    /// # Errors
    /// When it cannot be compiled, which a test rules out.
    pub fn workflow(&self) -> Result<Workflow, Vec<WorkflowError>> {
        let template = "TEST from callout: canary, no incident, no reply needed";
        let step = Step {
            notify: vec![Target::Contact(self.contact.to_owned())],
            deliver_within_s: Some(CANARY_WITHIN_S),
            ..Step::default()
        };
        let schema = json!({ "type": "object", "properties": { "contact": { "type": "string" } } });
        let mut definition = WorkflowDefinition::new(CANARY, CANARY, template, schema, vec![step]);
        definition.lane = Lane::Critical;
        definition.category = Category::Operational;
        definition.stage = Stage::Live;
        definition.on_doubt = OnDoubt::Resend;
        definition.not_after_s = CANARY_WITHIN_S;
        definition.only_from = Some(self.originator.clone());
        Workflow::compile(definition)
    }

    /// Its run.
    pub fn run(&self) -> RunId {
        self.event().1
    }

    /// The event that opens its run, and the run.
    pub fn event(&self) -> (Event, RunId) {
        let event = Event {
            key: EventKey {
                source: SOURCE.to_owned(),
                id: format!("canary/{}/{}", self.originator, self.slot),
            },
            kind: CANARY.to_owned(),
            subject: Some(format!("canary from {}", self.originator)),
            time: None,
            data: Map::from_iter([("contact".to_owned(), self.contact.into())]),
            traceparent: None,
        };
        let run = RunId::derive(SOURCE, &event.key.id, CANARY, event.subject.as_deref());
        (event, run)
    }
}

/// The originator that a run is the canary of; `None` of any other run.
pub fn originator_of(run: &Run) -> Option<&str> {
    let id = run.event().id.strip_prefix("canary/").filter(|_| run.workflow() == CANARY)?;
    id.rsplit_once('/').map(|(originator, _)| originator)
}

/// How the latest canaries of an originator did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryStatus {
    /// The originator.
    pub originator: OriginatorName,
    /// The run of the last that has ended.
    pub run: String,
    /// When its slot began.
    pub at: Timestamp,
    /// From its request to its receipt, in milliseconds; absent where it did not arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_ms: Option<i64>,
    /// What it lacked, where it did not arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// How many in a row, up to it, did not arrive, of those that are looked at.
    pub failures: u32,
    /// When the slot of the last that arrived began, of those that are looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_of_each_originator_in_a_slot() {
        let settings = CanarySettings { every_s: 3_600, contact: "ada".to_owned() };
        let at = |text: &str| settings.slot(text.parse().unwrap());
        let (first, second): (OriginatorName, OriginatorName) =
            ("one".parse().unwrap(), "two".parse().unwrap());
        let run = |originator, slot| settings.canary(originator, slot).run();
        assert_eq!(at("2026-01-05T10:59:59Z"), "2026-01-05T10:00:00Z".parse().unwrap());
        let slot = at("2026-01-05T10:00:00Z");
        assert_eq!(run(&first, slot), run(&first, at("2026-01-05T10:30:00Z")));
        assert_ne!(run(&first, slot), run(&second, slot));
        assert_ne!(run(&first, slot), run(&first, at("2026-01-05T11:00:00Z")));
    }

    #[test]
    fn it_is_marked_and_comes_from_its_originator_alone() {
        let originator: OriginatorName = "one".parse().unwrap();
        let slot = Timestamp::UNIX_EPOCH;
        let workflow = Canary { contact: "ada", originator: &originator, slot }.workflow().unwrap();
        let definition = &workflow.definition;
        assert!(definition.template.starts_with("TEST from callout"));
        assert_eq!(definition.only_from, Some(originator));
        assert!(!definition.wants_acknowledgement() && definition.ticket_queues().count() == 0);
    }
}
