//! What a text of a recipient does to a run. In: the text's name at the provider, and what it means. Out: the changed
//! run.
//!
//! Never: counts one text twice: webhooks are repeated, and a text that was taken before changes nothing.

use super::{Run, StepContext};
use crate::{id::RunId, provider::ProviderMessageId, reply::Meaning, timeline::TimelineEvent};

/// Most texts of recipients that a run remembers. A repetition comes within seconds, before that many others.
const TAKEN_REPLIES_MAX: usize = 16;

impl Run {
    /// Takes a text about the message with this number; `answer` is the run of the answer to it, if there is one.
    /// Returns whether the text was new.
    pub fn take_reply(
        &mut self,
        sid: &ProviderMessageId,
        number: u16,
        meaning: Meaning,
        answer: Option<&RunId>,
        ctx: &mut StepContext<'_>,
    ) -> bool {
        if self.taken_replies.contains(sid) {
            return false;
        }
        if self.taken_replies.len() >= TAKEN_REPLIES_MAX {
            self.taken_replies.remove(0);
        }
        self.taken_replies.push(sid.clone());
        match meaning.reason() {
            None => {
                let by =
                    self.message(number).map(|message| message.recipient().shown_name()).unwrap_or_default();
                self.acknowledge(&by, "reply", Some(number), ctx);
            }
            Some(reason) => ctx.note(number, TimelineEvent::ReplyUnclear { reason: reason.to_owned() }),
        }
        if let Some(answer) = answer {
            ctx.note(number, TimelineEvent::ReplyAnswered { run: answer.clone() });
        }
        true
    }
}
