//! The text that asks for an approval, for those whose reply decides. In: an approval, and the contacts. Out: an event that
//! opens a run in a built-in workflow; and what a reply to it says.
//!
//! Never: takes an acknowledgement for a yes that came by another way than a reply with the text's own code.

use serde_json::{Map, json};

use crate::{
    approval::{AgentAct, Approval, CODE_SHOWN},
    event::{Event, EventKey},
    id::RunId,
    notice::{APPROVAL, SOURCE},
    phone::identifier_without_numbers,
    timeline::{Entry, HANDED_OVER_BY, TimelineEvent},
    workflow::{Category, Lane, OnDoubt, Stage, Step, Target, Workflow, WorkflowDefinition, WorkflowError},
};

/// How an acknowledgement, and a decision, by a text says that it came so.
pub const REPLY: &str = "reply";
/// Characters of a run's id by which people tell it from others.
const RUN_CHARS: usize = 5;
/// Longest name of what an agent asks for, in characters: the texts that would be sent are the longer part.
const ACT_CHARS_MAX: usize = 60;

/// Asks the approvers of an approval.
#[derive(Debug, Clone, Copy)]
pub struct ApprovalAsked<'a> {
    /// What is asked for.
    pub approval: &'a Approval,
    /// The contacts whose reply decides.
    pub approvers: &'a [String],
}

impl ApprovalAsked<'_> {
    /// The workflow that the text goes through.
    ///
    /// # Errors
    /// When it cannot be compiled, which a test rules out.
    pub fn workflow(&self) -> Result<Workflow, Vec<WorkflowError>> {
        let template = "Agent {{ agent }} asks to {{ act }}: \"{{ text }}\". Reply ACK {{ ack }} to allow it, ESC {{ ack }} to refuse.";
        let within_s = self.approval.expires_at.duration_since(self.approval.asked_at).as_secs();
        let within_s = u32::try_from(within_s).unwrap_or(u32::MAX).max(1);
        let step = Step {
            notify: self.approvers.iter().cloned().map(Target::Contact).collect(),
            ack_within_s: Some(within_s),
            ..Step::default()
        };
        let text = json!({"type": "string"});
        let schema = json!({"type": "object", "properties": {"agent": text, "act": text, "text": text}});
        let mut definition = WorkflowDefinition::new(APPROVAL, APPROVAL, template, schema, vec![step]);
        definition.lane = Lane::Critical;
        definition.category = Category::Operational;
        definition.stage = Stage::Live;
        definition.on_doubt = OnDoubt::Resend;
        definition.not_after_s = within_s;
        definition.max_segments = 3;
        Workflow::compile(definition)
    }

    /// The event that opens its run. One that is asked for anew after it expired has another.
    pub fn event(&self) -> Event {
        let approval = self.approval;
        let first =
            approval.previews.iter().flat_map(|preview| &preview.texts).find_map(|text| text.text.clone());
        Event {
            key: EventKey { source: SOURCE.to_owned(), id: event_id(approval) },
            kind: APPROVAL.to_owned(),
            subject: Some(format!("approval {}", approval.id)),
            time: None,
            data: Map::from_iter([
                ("agent".to_owned(), approval.by.clone().into()),
                ("act".to_owned(), act(approval).into()),
                ("text".to_owned(), first.map(|text| without_code(&text)).unwrap_or_default().into()),
            ]),
            traceparent: None,
        }
    }

    /// Its run.
    pub fn run(&self) -> RunId {
        let event = self.event();
        RunId::derive(SOURCE, &event.key.id, APPROVAL, event.subject.as_deref())
    }
}

/// A text without the sentence that asks for a reply: the approver's own code is another.
fn without_code(text: &str) -> String {
    let said = text.split_inclusive(". ").filter(|sentence| !sentence.contains(CODE_SHOWN));
    let said: String = said.collect();
    // A text of one sentence is shown whole; nobody can reply what stands there in place of the code.
    let said = if said.trim().is_empty() { text } else { &said };
    said.trim_end_matches([' ', '.']).to_owned()
}

fn event_id(approval: &Approval) -> String {
    format!("approval/{}/{}", approval.id, approval.asked_at.as_microsecond())
}

/// What is asked for, in a few words.
fn act(approval: &Approval) -> String {
    let of = approval.workflows.join(", ");
    let said = match &approval.act {
        AgentAct::Raise { event } => {
            let about = event.subject.as_deref().map(identifier_without_numbers).unwrap_or_default();
            format!("page through {of} about {about}")
        }
        AgentAct::Escalate { run, .. } => {
            let run: String = run.as_str().chars().take(RUN_CHARS).collect();
            format!("page the next step of {run} ({of})")
        }
    };
    said.trim_end_matches(" about ").chars().take(ACT_CHARS_MAX).collect()
}

/// What the replies to the text say: whether it may be done, and who says so.
pub fn decision(timeline: &[Entry]) -> Option<(bool, &str)> {
    timeline.iter().find_map(|entry| {
        if let TimelineEvent::Acknowledged { by, via } = &entry.what
            && via == REPLY
        {
            return Some((true, by.as_str()));
        }
        // It has one step, so that whoever hands it on ends it.
        let TimelineEvent::Closed { reason, .. } = &entry.what else { return None };
        Some((false, reason.strip_prefix(HANDED_OVER_BY)?))
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        approval::{ApprovalPreview, ApprovalRequest, ApprovalText},
        run_phase::RunPhase,
    };

    fn approval() -> Approval {
        let event = Event {
            key: EventKey { source: "/callout/tokens/helper".to_owned(), id: "e-1".to_owned() },
            kind: "finding.created".to_owned(),
            subject: Some("db-7".to_owned()),
            time: None,
            data: Map::new(),
            traceparent: None,
        };
        let run = RunId::derive("a", "b", "finding", None);
        let texts = vec![ApprovalText {
            target: "contact:ada".to_owned(),
            to: "+1…01".to_owned(),
            text: Some("Disk of db-7 is full. Reply ACK (code)".to_owned()),
            segments: 1,
        }];
        let request = ApprovalRequest {
            by: "helper".to_owned(),
            token: "t".to_owned(),
            act: AgentAct::Raise { event: Box::new(event) },
            workflows: vec!["finding".to_owned()],
            policy: "p".to_owned(),
            previews: vec![ApprovalPreview { workflow: "finding".to_owned(), run, step: 1, texts }],
            expires_s: 1_800,
        };
        Approval::ask(request, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn it_says_who_asks_for_what_and_texts_the_approvers_alone() {
        let approval = approval();
        let approvers = ["ada".to_owned()];
        let asked = ApprovalAsked { approval: &approval, approvers: &approvers };
        let workflow = asked.workflow().unwrap();
        let targets: Vec<_> = workflow.definition.steps.iter().flat_map(|step| &step.notify).collect();
        assert_eq!(targets, [&Target::Contact("ada".to_owned())]);
        assert_eq!(workflow.definition.ticket_queues().count(), 0);
        let event = asked.event();
        assert_eq!(event.data["act"], "page through finding about db-7");
        assert_eq!(event.data["text"], "Disk of db-7 is full");
        assert_eq!(asked.run(), asked.run());
    }

    #[test]
    fn a_reply_decides_and_nothing_else_does() {
        let entry = |what| Entry { at: Timestamp::UNIX_EPOCH, what, message: None };
        let acknowledged =
            |via: &str| entry(TimelineEvent::Acknowledged { by: "Ada".to_owned(), via: via.to_owned() });
        let closed = |reason: &str| {
            entry(TimelineEvent::Closed { phase: RunPhase::Expired, reason: reason.to_owned() })
        };
        let said = |entry| decision(&[entry]).map(|(approved, by)| (approved, by.to_owned()));
        assert_eq!(said(acknowledged("reply")), Some((true, "Ada".to_owned())));
        assert_eq!(said(acknowledged("api")), None);
        assert_eq!(said(acknowledged("link")), None);
        assert_eq!(said(closed("handed over by Ada")), Some((false, "Ada".to_owned())));
        assert_eq!(said(closed("not acknowledged in time")), None);
        assert_eq!(said(closed("escalated by operator")), None);
    }
}
