//! Dead letters: looked at, replayed, discarded.
//!
//! In: an operator's wish. Out: a message that waits again, an event that is published again, or a letter put away.
//! Never: sends, or replays what is stale. Replaying twice sends once: the epoch, or the run's id, sees to that.

use domain::{
    effect::{Act, Effect},
    event::Event,
    id::RunId,
    limits::{CHANGE_TRIES_MAX, DEAD_LETTERS_MAX},
    outbound::of_dead_letter,
    run::{Replay, Run, StepContext},
    source_quota::Quota,
    timeline::DeadLetter,
    token::Scope,
};
use jiff::Timestamp;
use ports::store::{DeadLetterFilter, readable};
use runtime::RoleError;

use crate::{
    control::Control,
    error::ControlError,
    letter_page::LetterPage,
    principal::Principal,
    request::{DeadLetterChange, LetterCursor},
};

impl Control {
    /// The oldest letters that match and that the principal sees.
    pub(crate) async fn dead_letters(
        &self,
        principal: &Principal,
        mut filter: DeadLetterFilter,
        after: Option<LetterCursor>,
        max: u16,
    ) -> Result<LetterPage, ControlError> {
        let max = max.min(DEAD_LETTERS_MAX);
        if let Some(after) = &after {
            filter.since = filter.since.max(Some(whole_milliseconds(after.at)));
        }
        let find =
            async |most: u16| self.ports.letters.dead_letters(&filter, most).await.map_err(RoleError::from);
        let mut listed = if principal.teams.is_empty() { find(max + 1).await? } else { Vec::new() };
        // Letters of one millisecond are ordered here, and those of other teams left out: the stores do neither.
        if !principal.teams.is_empty() || listed.len() > usize::from(max) {
            listed = find(DEAD_LETTERS_MAX + 1).await?;
        }
        let is_cut = listed.len() > usize::from(DEAD_LETTERS_MAX);
        let (mut letters, mut unreadable) = readable(listed);
        // Whose it is cannot be said.
        unreadable.retain(|_| principal.teams.is_empty());
        letters.retain(|letter| self.sees_letter(principal, letter));
        letters.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        letters.retain(|letter| after.as_ref().is_none_or(|after| LetterCursor::of(letter) > *after));
        let more = is_cut || letters.len() > usize::from(max);
        letters.truncate(max.into());
        letters.iter_mut().for_each(|letter| without_texts(letter, principal));
        Ok(LetterPage { letters, more, unreadable })
    }

    /// A letter as the principal may see it.
    pub(crate) async fn shown_letter(
        &self,
        principal: &Principal,
        id: &str,
    ) -> Result<Option<DeadLetter>, ControlError> {
        let mut letter = self.dead_letter(principal, id).await?;
        letter.iter_mut().for_each(|letter| without_texts(letter, principal));
        Ok(letter)
    }

    pub(crate) async fn dead_letter(
        &self,
        principal: &Principal,
        id: &str,
    ) -> Result<Option<DeadLetter>, ControlError> {
        let letter = self.ports.letters.dead_letter(id).await.map_err(RoleError::from)?;
        Ok(letter.filter(|letter| {
            let sees = self.sees_letter(principal, letter);
            if !sees {
                tracing::warn!(
                    principal = principal.name,
                    letter = id,
                    "a request was refused: the dead letter is another team's"
                );
            }
            sees
        }))
    }

    /// One that belongs to no workflow is its source's team's.
    fn sees_letter(&self, principal: &Principal, letter: &DeadLetter) -> bool {
        self.sees(principal, letter.workflow.as_deref(), letter.source.as_deref())
    }

    pub(crate) async fn discard(
        &self,
        principal: &Principal,
        id: &str,
    ) -> Result<DeadLetterChange, ControlError> {
        let Some(letter) = self.dead_letter(principal, id).await? else { return Ok(DeadLetterChange::Gone) };
        let destination = of_dead_letter(&letter, self.ports.runs.now()).map(|effect| effect.destination);
        let Some(run) = self.run_of(&letter) else { return self.discard_alone(principal, id).await };
        for _ in 0..CHANGE_TRIES_MAX {
            let Some(stored) = self.ports.runs.load(&run).await? else {
                return self.discard_alone(principal, id).await;
            };
            // Read after the run: whoever puts the letter away meanwhile changes the run, so that one line is written.
            if self.dead_letter(principal, id).await?.is_none() {
                return Ok(DeadLetterChange::Gone);
            }
            let discard = |run: &mut Run, ctx: &mut StepContext<'_>| {
                run.discard(&letter, destination.clone(), &principal.name, ctx);
            };
            if self.ports.runs.apply_once(stored, discard).await?.is_some() {
                tracing::info!(letter = id, by = principal.name, "a dead letter was discarded");
                return Ok(DeadLetterChange::Discarded);
            }
        }
        Err(RoleError::Contended(run).into())
    }

    /// One that belongs to no run, or whose run is purged.
    async fn discard_alone(&self, principal: &Principal, id: &str) -> Result<DeadLetterChange, ControlError> {
        let taken = self.ports.letters.remove_dead_letter(id).await.map_err(RoleError::from)?;
        if taken {
            tracing::info!(letter = id, by = principal.name, "a dead letter was discarded");
        }
        Ok(if taken { DeadLetterChange::Discarded } else { DeadLetterChange::Gone })
    }

    /// The run of a letter's message, or of its effect.
    fn run_of(&self, letter: &DeadLetter) -> Option<RunId> {
        let of_effect = || of_dead_letter(letter, self.ports.runs.now())?.event.run;
        letter.message.as_ref().map(|message| message.run.clone()).or_else(of_effect)
    }

    /// The message is put back before the letter is put away: dying in between leaves a letter whose replay finds
    /// nothing to do.
    pub(crate) async fn replay(
        &self,
        principal: &Principal,
        id: &str,
    ) -> Result<DeadLetterChange, ControlError> {
        let Some(letter) = self.dead_letter(principal, id).await? else { return Ok(DeadLetterChange::Gone) };
        self.agent_may_replay(principal, &letter).await?;
        let change = match of_dead_letter(&letter, self.ports.runs.now()) {
            // Added before the letter goes: a process that dies in between leaves the letter, and an effect that is known.
            Some(effect) if self.lacks_tracker(&effect) => {
                let queue = &effect.destination;
                let reason = format!(
                    "no destination of integrations.toml is named {queue} and keeps tickets; add one"
                );
                DeadLetterChange::Stale { reason }
            }
            Some(effect) => {
                self.ports.effects.add_effect(&effect).await.map_err(RoleError::from)?;
                if let Some(run) = effect.run() {
                    let note = |run: &mut Run, ctx: &mut StepContext<'_>| {
                        run.note_effect_replayed(&effect.destination, &principal.name, ctx);
                    };
                    self.ports.runs.apply(run, note).await?;
                }
                tracing::info!(letter = id, by = principal.name, "a dead letter was replayed");
                DeadLetterChange::Replayed
            }
            None if letter.message.is_some() => self.replay_message(&letter, &principal.name).await?,
            None => self.replay_event(&letter).await?,
        };
        if matches!(change, DeadLetterChange::Replayed | DeadLetterChange::Gone) {
            self.ports.letters.remove_dead_letter(id).await.map_err(RoleError::from)?;
        }
        Ok(change)
    }

    /// Nobody would take it: it would wait for ever.
    fn lacks_tracker(&self, effect: &Effect) -> bool {
        effect.act == Act::OpenTicket && self.ports.runs.lacks_tracker(&effect.destination)
    }

    async fn replay_message(&self, letter: &DeadLetter, by: &str) -> Result<DeadLetterChange, ControlError> {
        let epoch = letter.died_at_epoch();
        let (Some(message), Some(epoch)) = (&letter.message, epoch) else {
            return Ok(DeadLetterChange::Gone);
        };
        let applied = self
            .ports
            .runs
            .apply(&message.run, |run, ctx| run.replay(message.number, epoch, by, ctx))
            .await?;
        Ok(match applied.map(|applied| applied.value) {
            Some(Replay::Queued) => DeadLetterChange::Replayed,
            Some(Replay::Stale(reason)) => DeadLetterChange::Stale { reason },
            Some(Replay::NotDead) | None => DeadLetterChange::Gone,
        })
    }

    /// The event is published again. A run that it opened already stays the only one.
    async fn replay_event(&self, letter: &DeadLetter) -> Result<DeadLetterChange, ControlError> {
        let stale = |reason: &str| DeadLetterChange::Stale { reason: reason.to_owned() };
        let Some(text) = &letter.event else { return Ok(stale("the letter holds no event")) };
        let Ok(event) = Event::from_json(text.as_bytes()) else {
            return Ok(stale("it is no CloudEvent; discard it, and have its source send a good one"));
        };
        let workflows = self.ports.runs.workflows();
        if workflows.routes(&event.kind, &event.key.source).is_empty() {
            return Ok(stale(&format!("still {}", workflows.unroutable(&event.key.source))));
        }
        match &letter.origin {
            Some(origin) => self.ports.bus.republish_event(&event, origin).await,
            None if letter.is_of_unknown_publisher() => {
                return Ok(stale(
                    "who published it was not kept; discard it, and have its source send it again",
                ));
            }
            None => self.ports.bus.publish_events(&[event], Quota::Within).await,
        }
        .map_err(RoleError::from)?;
        Ok(DeadLetterChange::Replayed)
    }
}

/// Takes away what only those may see who may see texts: the event as it came, and the headers it came with.
fn without_texts(letter: &mut DeadLetter, principal: &Principal) {
    if !principal.may(Scope::ReadTexts) {
        letter.event = None;
        letter.origin = None;
    }
}

/// A time cut to the milliseconds that every store compares.
fn whole_milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
