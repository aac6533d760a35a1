//! What a text of a recipient does to a run. In: the text's name at the provider, and what it means. Out: the changed
//! run.
//!
//! Never: counts one text twice: webhooks are repeated, and a text that was taken before changes nothing.

use super::{Run, RunPhase, StepContext};
use crate::{
    consent::ConsentChange, id::RunId, message::Message, provider::ProviderMessageId, reply::Meaning,
    timeline::TimelineEvent,
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
        match meaning.reason() {
            None => {
                let recipient = || self.message(number).map(|message| message.recipient().shown_name());
                let by = by.map(str::to_owned).or_else(recipient).unwrap_or_default();
                self.acknowledge(&by, "reply", Some(number), ctx);
            }
            Some(reason) => ctx.note(number, TimelineEvent::ReplyUnclear { reason: reason.to_owned() }),
        }
        if let Some(answer) = answer {
            ctx.note(number, TimelineEvent::ReplyAnswered { run: answer.clone() });
        }
        true
    }

    /// The recipient of the message with this number opted out, or in again, with this text. A run that is over, and a
    /// text that was taken before, get no line. A step that waits for an acknowledgement waits for those alone who did
    /// not opt out.
    pub fn take_consent_change(
        &mut self,
        sid: &ProviderMessageId,
        number: u16,
        change: ConsentChange,
        ctx: &mut StepContext<'_>,
    ) {
        if self.phase == RunPhase::Active && self.is_new_reply(sid) {
            ctx.note(number, TimelineEvent::ConsentChanged { change });
            let phone = self.message(number).map(|message| message.recipient().number.clone());
            let of_phone = |message: &&mut Message| Some(&message.recipient().number) == phone.as_ref();
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
