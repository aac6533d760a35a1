//! What a text of a recipient does to a run. In: the text's name at the provider, and what it means. Out: the changed
//! run.
//!
//! Never: counts one text twice: webhooks are repeated, and a text that was taken before changes nothing.

use super::{Run, RunPhase, StepContext};
use crate::{
    consent::ConsentChange, id::RunId, message::Message, phone::E164, provider::ProviderMessageId,
    reply::Meaning, timeline::TimelineEvent,
};

/// Most texts of recipients that a run remembers. A repetition comes within seconds, before that many others.
const TAKEN_REPLIES_MAX: usize = 16;

impl Run {
    /// Takes a text about the message with this number. `by` is the name of the contact who sent it, where the phone is
    /// a contact's; `answer` is the run of the answer to it, if there is one. Returns whether the text was new.
    pub fn take_reply(
        &mut self,
        sid: &ProviderMessageId,
        number: u16,
        meaning: Meaning,
        by: Option<&str>,
        answer: Option<&RunId>,
        ctx: &mut StepContext<'_>,
    ) -> bool {
        if !self.is_new_reply(sid) {
            return false;
        }
        let recipient = || self.message(number).map(|message| message.recipient().shown_name());
        let by = by.map(str::to_owned).or_else(recipient).unwrap_or_default();
        let reason = match meaning.reason() {
            None if meaning == Meaning::HandOver => {
                self.note_digest_reply(number, &by, "reply", true, ctx);
                (!self.hand_over(&by, number, ctx)).then_some("the run has moved on, or is over")
            }
            None => {
                self.acknowledge(&by, "reply", Some(number), ctx);
                None
            }
            reason => reason,
        };
        if let Some(reason) = reason {
            ctx.note(number, TimelineEvent::ReplyUnclear { reason: reason.to_owned() });
        }
        if let Some(answer) = answer {
            ctx.note(number, TimelineEvent::ReplyAnswered { run: answer.clone() });
        }
        true
    }

    /// The owner of a phone that was texted, or may be next, for the message with this number opted out, or in again, with
    /// this text. A run that is over, and a
    /// text that was taken before, get no line. A step that waits for an acknowledgement waits for those alone who did
    /// not opt out.
    pub fn take_consent_change(
        &mut self,
        sid: &ProviderMessageId,
        phone: &E164,
        number: u16,
        change: ConsentChange,
        ctx: &mut StepContext<'_>,
    ) {
        if self.phase == RunPhase::Active && self.is_new_reply(sid) {
            ctx.note(number, TimelineEvent::ConsentChanged { change });
            let of_phone = |message: &&mut Message| message.recipient().number == *phone;
            self.messages.iter_mut().filter(of_phone).for_each(|message| message.take_consent_change(change));
        }
    }

    /// Whether a text was not taken before. From then on it is.
    fn is_new_reply(&mut self, sid: &ProviderMessageId) -> bool {
        if self.taken_replies.contains(sid) {
            return false;
        }
        if self.taken_replies.len() >= TAKEN_REPLIES_MAX {
            self.taken_replies.remove(0);
        }
        self.taken_replies.push(sid.clone());
        true
    }
}
