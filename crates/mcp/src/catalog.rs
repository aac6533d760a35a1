//! Which tools there are. In: a principal. Out: those that it may call, described so that an agent finds them.
//!
//! Never: a tool whose name or schema holds a place for a number or a text.

use std::sync::Arc;

use control::Principal;
use domain::token::Scope;
use rmcp::{
    handler::server::tool::schema_for_type,
    model::{JsonObject, Tool, ToolAnnotations},
};

use crate::{
    approvals::ApprovalRow,
    events::{Raised, TypeRow},
    input,
    letters::{LetterRow, Replayed},
    output::Page,
    portable::portable,
    runs::{Escalated, Noted, RunRow, Timeline},
};

/// A tool by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ApprovalGet,
    EventTypes,
    RunsList,
    RunTimeline,
    EventRaise,
    RunAck,
    RunEscalate,
    DeadLettersList,
    DeadLetterReplay,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::ApprovalGet,
        Self::DeadLetterReplay,
        Self::DeadLettersList,
        Self::EventRaise,
        Self::EventTypes,
        Self::RunAck,
        Self::RunEscalate,
        Self::RunTimeline,
        Self::RunsList,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ApprovalGet => "approval_get",
            Self::EventTypes => "event_types",
            Self::RunsList => "runs_list",
            Self::RunTimeline => "run_timeline",
            Self::EventRaise => "event_raise",
            Self::RunAck => "run_ack",
            Self::RunEscalate => "run_escalate",
            Self::DeadLettersList => "dead_letters_list",
            Self::DeadLetterReplay => "dead_letter_replay",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether a principal may call it at all.
    pub(crate) fn is_for(self, who: &Principal) -> bool {
        match self {
            Self::EventTypes | Self::EventRaise => !who.raises.is_empty(),
            Self::RunsList | Self::RunTimeline | Self::DeadLettersList | Self::ApprovalGet => {
                who.may(Scope::Read)
            }
            Self::RunAck => who.may(Scope::Read) && who.may(Scope::Observe),
            Self::RunEscalate => who.may(Scope::Read) && who.may(Scope::Escalate),
            Self::DeadLetterReplay => who.may(Scope::Replay),
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::ApprovalGet => {
                "Show where an approval stands that you asked for: whether a person agreed to page or escalate by SMS text \
                 message, and what came of it."
            }
            Self::EventTypes => {
                "List the event types that this token may raise to page or notify people by SMS text message: their \
                 fields, whom each step texts, deadlines, and whether you may raise them on your own."
            }
            Self::RunsList => {
                "List runs, latest first: each is one event and its SMS text messages, with its state, step and delivery \
                 status. Find pages that are unanswered, undelivered or escalated."
            }
            Self::RunTimeline => {
                "Show one run: SMS delivery status of each text message, who was paged by which rule, escalations, \
                 acknowledgement, what happens next, and its version."
            }
            Self::EventRaise => {
                "Raise an event, so that callout pages or notifies people by SMS text message as its workflow says. \
                 Give structured fields only: no phone number, no text. dry_run first shows the text and its length."
            }
            Self::RunAck => {
                "Note that you have seen a page and what you make of it. It does not acknowledge it and does not stop \
                 the escalation: only a person does. Some workflows let a note hold the next step for a while, once."
            }
            Self::RunEscalate => {
                "Have a run that nobody answered page the next person on call now, before its deadline. The last step \
                 takes a person's decision: the answer is then pending_approval."
            }
            Self::DeadLettersList => {
                "List dead letters: SMS text messages, events and tickets that callout gave up, with their cause."
            }
            Self::DeadLetterReplay => {
                "Send again one dead letter of a text message that the provider never took. What may have been sent is \
                 refused."
            }
        }
    }

    /// Whether it only reads, may do harm, does the same when called twice, and reaches the world outside.
    fn annotations(self) -> ToolAnnotations {
        let (reads, harms, repeats, outside) = match self {
            Self::EventTypes
            | Self::RunsList
            | Self::RunTimeline
            | Self::DeadLettersList
            | Self::ApprovalGet => (true, false, true, false),
            Self::EventRaise => (false, false, true, true),
            Self::RunAck => (false, false, true, false),
            Self::RunEscalate | Self::DeadLetterReplay => (false, true, true, true),
        };
        ToolAnnotations::new().read_only(reads).destructive(harms).idempotent(repeats).open_world(outside)
    }

    fn schemas(self) -> (Arc<JsonObject>, Arc<JsonObject>) {
        match self {
            Self::ApprovalGet => (schema_for_type::<input::ApprovalGet>(), schema_for_type::<ApprovalRow>()),
            Self::EventTypes => (schema_for_type::<input::EventTypes>(), schema_for_type::<Page<TypeRow>>()),
            Self::RunsList => (schema_for_type::<input::RunsList>(), schema_for_type::<Page<RunRow>>()),
            Self::RunTimeline => (schema_for_type::<input::RunTimeline>(), schema_for_type::<Timeline>()),
            Self::EventRaise => (schema_for_type::<input::EventRaise>(), schema_for_type::<Raised>()),
            Self::RunAck => (schema_for_type::<input::RunAck>(), schema_for_type::<Noted>()),
            Self::RunEscalate => (schema_for_type::<input::RunEscalate>(), schema_for_type::<Escalated>()),
            Self::DeadLettersList => {
                (schema_for_type::<input::DeadLettersList>(), schema_for_type::<Page<LetterRow>>())
            }
            Self::DeadLetterReplay => {
                (schema_for_type::<input::DeadLetterReplay>(), schema_for_type::<Replayed>())
            }
        }
    }

    pub(crate) fn tool(self) -> Tool {
        let (input, output) = self.schemas();
        Tool::new(self.name(), self.description(), portable(&input))
            .with_raw_output_schema(portable(&output))
            .with_annotations(self.annotations())
    }
}
