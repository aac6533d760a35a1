//! Runs as people and scripts read them.
//!
//! In: runs and timelines as stored. Out: the same with masked numbers and sentences for what happened.
//! Never: shows a whole number, or the text of a message unless that was asked for.

use domain::{
    agent::{ReplyClass, TakenReply},
    directory::TakenOver,
    effect::Ticket,
    message::Message,
    phone::without_numbers,
    recipient_hash::RecipientKey,
    run::{Run, RunPhase},
    timeline::{Entry, TimelineEvent, sentence},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// Where it stands.
    #[schema(value_type = String, example = "active")]
    pub phase: RunPhase,
    /// The workflow's name.
    pub workflow: String,
    /// The event's source.
    pub source: String,
    /// The event's id within its source.
    pub event_id: String,
    /// What the event is about.
    pub subject: Option<String>,
    /// The step under way, from 1.
    pub step: u8,
    /// The round of the steps, from 1; 0 where an older process said nothing of it.
    #[serde(default)]
    pub round: u16,
    /// When the next step begins, where none is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_step_at: Option<Timestamp>,
    /// When the step under way ends by its deadline, unless somebody acknowledges; absent where an older process said nothing
    /// of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub step_ends_at: Option<Timestamp>,
    /// Until when an agent holds the step under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub held_by_agent_until: Option<Timestamp>,
    /// When its acknowledgement expires, so that it pages again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ack_expires_at: Option<Timestamp>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub closed_at: Option<Timestamp>,
    /// The queue in which a ticket is wanted and not opened.
    pub ticket: Option<String>,
    /// The tickets that were opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub tickets: Vec<Ticket>,
    /// Its messages.
    pub messages: Vec<MessageView>,
    /// The first texts of recipients; empty in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<ReplyView>,
    /// What happened, in order; empty in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<TimelineLine>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// Its id.
    pub id: String,
    /// The step it belongs to, from 1.
    pub step: u8,
    /// Which start of a step it belongs to, from 1; 0 where an older process said nothing of it.
    #[serde(default)]
    pub start: u16,
    /// The number of the message that it follows, as that one was not delivered to another number of its recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<u16>,
    /// Whether its recipient has acknowledged while its step waits for others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acknowledged: bool,
    /// How its recipient was chosen.
    pub target: String,
    /// The recipient's name, where the number is a contact's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The override by which the recipient was on call, where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub taken_over: Option<TakenOver>,
    /// The recipient's number, masked.
    pub to: String,
    /// The keyed hash of the recipient's number, where the installation has a key for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_hash: Option<String>,
    /// Where it stands.
    pub status: String,
    /// The rule that forbade it, or why it died.
    pub reason: Option<String>,
    /// The provider's error code.
    pub error_code: Option<u32>,
    /// The provider's name for it.
    pub sid: Option<String>,
    /// Requests made for it.
    pub attempts: u16,
    /// SMS parts of its text.
    pub segments: u8,
    /// Its text, where that was asked for and it is composed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The message whose digest told the recipient of it, so that it has no text of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_by: Option<String>,
    /// The messages of other runs that its text, a digest, tells of as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tells_of: Vec<String>,
    /// Whether it waits for a digest of its group.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_for_digest: bool,
    /// Whether something is still to be done or expected.
    #[serde(default)]
    pub unfinished: bool,
    /// When it is due next without an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
}

/// A text of a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplyView {
    /// When it was taken.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The number of the message that it is about.
    pub message: u16,
    /// What it was: `ack_code_valid`, `stop`, `help` or `other`.
    #[schema(value_type = String)]
    pub class: ReplyClass,
    /// How many characters it had.
    pub length: u32,
    /// What somebody outside wrote, cleaned and cut; where its workflow keeps it, for who may read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untrusted_text: Option<String>,
}

/// One line of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineLine {
    /// The time of the line.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The number of the message it concerns.
    pub message: Option<u16>,
    /// A sentence.
    pub text: String,
    /// The same for machines.
    #[schema(value_type = Object)]
    pub what: TimelineEvent,
}

impl RunView {
    /// A run without its timeline.
    pub(crate) fn in_list(run: &Run, key: Option<&RecipientKey>) -> Self {
        Self::new(run, &[], key)
    }

    /// Adds the texts of the messages.
    pub(crate) fn reveal(&mut self, run: &Run) {
        for (view, message) in self.messages.iter_mut().zip(run.messages()) {
            view.text = message.shown_text();
        }
    }

    /// Adds what recipients wrote: what it was and how long; with the words where they may be shown.
    pub(crate) fn add_replies(&mut self, run: &Run, with_texts: bool) {
        let view = |reply: &TakenReply| ReplyView {
            at: reply.at,
            message: reply.message,
            class: reply.class,
            length: reply.chars,
            untrusted_text: reply.text.as_deref().filter(|_| with_texts).map(without_numbers),
        };
        self.replies = run.replies().iter().map(view).collect();
    }

    /// A run with its timeline; with a key, recipients by their hashes beside the masked numbers.
    pub fn new(run: &Run, timeline: &[Entry], key: Option<&RecipientKey>) -> Self {
        Self {
            id: run.id().to_string(),
            phase: run.phase(),
            workflow: run.workflow().to_owned(),
            source: run.event().source.clone(),
            event_id: run.event().id.clone(),
            subject: run.subject().map(str::to_owned),
            step: run.step() + 1,
            round: u16::from(run.round()) + 1,
            next_step_at: run.next().map(|next| next.at),
            step_ends_at: None,
            held_by_agent_until: run.held_by_agent().filter(|_| run.phase() == RunPhase::Active),
            ack_expires_at: run.ack_hold().map(|hold| hold.until),
            opened_at: run.opened_at(),
            closed_at: run.closed_at(),
            ticket: run.ticket().filter(|queue| run.ticket_at(queue).is_none()).map(str::to_owned),
            tickets: run.tickets().to_vec(),
            messages: run.messages().iter().map(|message| MessageView::new(run, message, key)).collect(),
            replies: Vec::new(),
            timeline: timeline.iter().map(|entry| TimelineLine::new(run, entry)).collect(),
        }
    }
}

impl MessageView {
    /// What a digest has to do with it, in words.
    pub fn in_digest(&self) -> Option<String> {
        let told_by = self.told_by.as_ref().map(|by| format!("told by {by}"));
        let held = self.held_for_digest.then(|| "held for a digest".to_owned());
        let more = self.tells_of.len();
        told_by.or(held).or_else(|| (more > 0).then(|| format!("tells of {more} more")))
    }

    pub(crate) fn new(run: &Run, message: &Message, key: Option<&RecipientKey>) -> Self {
        use domain::message::MessagePhase;
        #[expect(clippy::wildcard_enum_match_arm, reason = "the other phases have neither reason nor code")]
        let (reason, error_code) = match message.phase() {
            MessagePhase::Suppressed { rule } => (Some(rule.id().to_owned()), None),
            MessagePhase::Dead { reason, code } => (Some(reason.clone()), *code),
            MessagePhase::Submitted { code, .. } | MessagePhase::Told { code, .. } => (None, *code),
            _ => (None, None),
        };
        Self {
            id: run.message_id(message.number()).to_string(),
            step: message.step() + 1,
            start: message.start() + 1,
            follows: message.follows(),
            acknowledged: message.is_acknowledged(),
            target: message.recipient().target.clone(),
            name: message.recipient().name.clone(),
            taken_over: message.recipient().taken_over.clone(),
            to: message.recipient().number.masked(),
            to_hash: key.map(|key| key.hash(&message.recipient().number).to_string()),
            status: message.phase().name().to_owned(),
            reason,
            error_code,
            sid: message.sid().map(ToString::to_string),
            attempts: message.attempt(),
            segments: message.segments(),
            text: None,
            told_by: message.told_by().map(ToString::to_string),
            tells_of: message
                .digest()
                .map(|digest| digest.members.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            held_for_digest: message.is_held(),
            unfinished: message.is_unfinished(),
            next_at: message.next_due(),
        }
    }
}

impl TimelineLine {
    fn new(run: &Run, entry: &Entry) -> Self {
        let whom = entry.message.and_then(|number| run.message(number)).map(|message| {
            let name = &message.recipient().name;
            if name.is_empty() { message.recipient().number.masked() } else { name.clone() }
        });
        let text = sentence(&entry.what, whom.as_deref().unwrap_or("the recipient"));
        Self { at: entry.at, message: entry.message, text, what: entry.what.clone() }
    }
}
