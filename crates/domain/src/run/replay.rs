//! A dead message gets another chance, or none. In: an operator's wish. Out: a message that waits again, or why not; a
//! dead letter that is put away.
//!
//! Never: sends anything: the policy, the event's age and the epoch are checked again when it is dispatched.

use jiff::Timestamp;

use super::{Run, RunPhase, StepContext};
use crate::{
    message::MessagePhase,
    timeline::{DeadLetter, TimelineEvent},
};

/// What came of asking for a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// The message waits to be sent.
    Queued,
    /// It was replayed before, or is not dead; nothing changed.
    NotDead,
    /// To send it now would be wrong; nothing changed.
    Stale(String),
}

impl Run {
    /// Puts a message that died at `epoch` back in the queue, once: its epoch rises, so a second replay finds nothing.
    ///
    /// A run whose steps were used up becomes active again, in the message's step, with its deadlines from now.
    pub fn replay(&mut self, number: u16, epoch: u32, by: &str, ctx: &mut StepContext<'_>) -> Replay {
        let Some(message) = self.message(number) else { return Replay::NotDead };
        if message.epoch() != epoch || !matches!(message.phase(), MessagePhase::Dead { .. }) {
            return Replay::NotDead;
        }
        let step = message.step();
        if ctx.now >= self.not_after {
            return Replay::Stale(format!("the event was of use until {}", self.not_after));
        }
        if message.text().is_none() {
            return Replay::Stale(
                "it has no text: none could be composed, or it is not kept any more".to_owned(),
            );
        }
        match self.phase {
            RunPhase::Active if self.is_current(message) => {}
            RunPhase::Active => return Replay::Stale("the run has moved on to another step".to_owned()),
            RunPhase::Exhausted if self.is_resolved() => {
                return Replay::Stale(
                    "the event is over: a resolving event came after the run ended".to_owned(),
                );
            }
            RunPhase::Exhausted => self.reopen(step, message.start(), ctx.now),
            RunPhase::Acknowledged
            | RunPhase::Completed
            | RunPhase::Resolved
            | RunPhase::Suppressed
            | RunPhase::Expired
            | RunPhase::Cancelled => return Replay::Stale(format!("the run is {}", self.phase.as_str())),
        }
        ctx.note(number, TimelineEvent::Replayed { by: by.to_owned() });
        let Some(index) = self.index_of(number) else { return Replay::NotDead };
        self.messages[index].requeue(ctx.now);
        // Nothing can be due before the wake-up that this asks for.
        self.tick(ctx);
        Replay::Queued
    }

    /// Notes that what was to be done at a destination is tried again.
    pub fn note_effect_replayed(&self, destination: &str, by: &str, ctx: &mut StepContext<'_>) {
        let (by, destination) = (by.to_owned(), destination.to_owned());
        ctx.note_run(TimelineEvent::EffectReplayed { by, destination });
    }

    /// Puts a dead letter of the run away, with a line that says who did. `destination`: that of the letter's effect.
    pub fn discard(
        &self,
        letter: &DeadLetter,
        destination: Option<String>,
        by: &str,
        ctx: &mut StepContext<'_>,
    ) {
        let discarded = TimelineEvent::Discarded { by: by.to_owned(), destination };
        match &letter.message {
            Some(message) => ctx.note(message.number, discarded),
            None => ctx.note_run(discarded),
        }
        ctx.effects.discarded.push(letter.id.clone());
    }

    fn reopen(&mut self, step: u8, start: u16, now: Timestamp) {
        self.phase = RunPhase::Active;
        self.closed_at = None;
        self.step = step;
        self.set_start(start);
        self.clock_from = now;
    }
}
