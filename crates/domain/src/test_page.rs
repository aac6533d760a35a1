//! A page to try the whole way with: policy, limits, provider, receipt, reply. In: a contact. Out: an event that opens a run in
//! a built-in workflow, with a text that says that it is a test.
//!
//! Never: opens a ticket, escalates, or texts anybody else.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    event::{Event, EventKey},
    id::{RunId, short},
    limits::TEST_PAGES_HOURLY_MAX,
    notice::{SOURCE, TEST_PAGE},
    run::Run,
    workflow::{Category, Lane, OnDoubt, Stage, Step, Target, Workflow, WorkflowDefinition, WorkflowError},
};

/// What a reply or a list says that it is about.
const SUBJECT: &str = "test page";
/// The field that says whether a reply is asked for.
const WANTS_REPLY: &str = "wants_reply";

/// What is to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestPage<'a> {
    /// The contact's name in the configuration.
    pub contact: &'a str,
    /// Whether the contact is asked to reply.
    pub wants_reply: bool,
    /// How long the text, and the reply where one is wanted, may take, in seconds.
    pub within_s: u32,
}

impl TestPage<'_> {
    /// The workflow that it goes through.
    ///
    /// # Errors
    /// When it cannot be compiled, which a test rules out.
    pub fn workflow(&self) -> Result<Workflow, Vec<WorkflowError>> {
        let template = if self.wants_reply {
            "TEST from callout for {{ recipient }}: no incident. Reply ACK {{ ack }}"
        } else {
            "TEST from callout for {{ recipient }}: no incident, no reply needed"
        };
        let step = Step {
            notify: vec![Target::Contact(self.contact.to_owned())],
            deliver_within_s: Some(self.within_s),
            ack_within_s: self.wants_reply.then_some(self.within_s),
            ..Step::default()
        };
        let schema = json!({ "type": "object", "properties": { "contact": { "type": "string" } } });
        let mut definition = WorkflowDefinition::new(TEST_PAGE, TEST_PAGE, template, schema, vec![step]);
        definition.lane = Lane::Critical;
        definition.category = Category::Operational;
        definition.stage = Stage::Live;
        definition.on_doubt = OnDoubt::Resend;
        definition.not_after_s = self.within_s;
        definition.recipient_hourly_max = Some(TEST_PAGES_HOURLY_MAX);
        Workflow::compile(definition)
    }

    /// The event that opens its run, and the run. With a `name` there is one of that name, whenever it is asked for.
    pub fn event(&self, by: &str, name: Option<&str>, now: Timestamp) -> (Event, RunId) {
        let apart = name.map_or_else(
            || short(&[self.contact, by, &now.to_string()]),
            |name| {
                let (reply, within) = (self.wants_reply.to_string(), self.within_s.to_string());
                short(&["named", self.contact, by, name, &reply, &within])
            },
        );
        let id = format!("test-page/{apart}");
        let event = Event {
            key: EventKey { source: SOURCE.to_owned(), id },
            kind: TEST_PAGE.to_owned(),
            subject: Some(SUBJECT.to_owned()),
            time: None,
            data: Map::from_iter([
                ("contact".to_owned(), self.contact.into()),
                (WANTS_REPLY.to_owned(), self.wants_reply.into()),
            ]),
            traceparent: None,
        };
        let run = RunId::derive(SOURCE, &event.key.id, TEST_PAGE, event.subject.as_deref());
        (event, run)
    }
}

/// Whether a test page asks for a reply; `None` of any other run.
pub fn wants_reply(run: &Run) -> Option<bool> {
    // Those of earlier versions do not say, nor do those whose fields were removed; most did.
    let says = || run.data().get(WANTS_REPLY).and_then(Value::as_bool);
    (run.workflow() == TEST_PAGE).then(|| says().unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_marked_names_nobody_else_and_opens_no_ticket() {
        for wants_reply in [true, false] {
            let workflow = TestPage { contact: "ada", wants_reply, within_s: 300 }.workflow().unwrap();
            let definition = &workflow.definition;
            assert!(definition.template.starts_with("TEST from callout"));
            assert_eq!(definition.wants_acknowledgement(), wants_reply);
            assert_eq!(definition.ticket_queues().count(), 0);
            let targets: Vec<_> = definition.steps.iter().flat_map(|step| &step.notify).collect();
            assert_eq!(targets, [&Target::Contact("ada".to_owned())]);
        }
    }

    #[test]
    fn two_at_different_times_are_two() {
        let page = TestPage { contact: "ada", wants_reply: true, within_s: 300 };
        let run = |name, second| page.event("eve", name, Timestamp::from_second(second).unwrap()).1;
        assert_eq!(run(None, 1), run(None, 1));
        assert_ne!(run(None, 1), run(None, 2));
        assert_eq!(run(Some("k1"), 1), run(Some("k1"), 2), "of one name there is one");
        assert_ne!(run(Some("k1"), 1), run(Some("k2"), 1));
    }
}
