//! What is held about one number, and its erasure. In: a number. Out: everything that names it; or what went, and what
//! stays and why.
//!
//! Never: erases consent, which is the evidence that a number must not be texted, or a run that is under way.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    effect::OutcomeEvent,
    id::RunId,
    limits::{DEAD_LETTERS_MAX, LIST_MAX},
    message::Message,
    phone::E164,
    run::{Erasable, Run},
    time::after_s,
    timeline::DeadLetter,
};
use ports::store::{DeadLetterFilter, RunFilter, Unreadable};
use runtime::RoleError;

use crate::{
    control::Control,
    error::ControlError,
    held_data::{Erasure, HeldData},
    letter_page::LetterPage,
    principal::Principal,
    request::{Answer, LetterCursor},
    run_list::{self, RunConditions},
    view::RunView,
};

impl Control {
    /// Everything that is held about a number.
    pub(crate) async fn held_data(
        &self,
        principal: &Principal,
        number: &E164,
    ) -> Result<Answer, ControlError> {
        let (mut runs, mut fields) = (Vec::new(), BTreeMap::new());
        let (found, mut unreadable) = self.runs_to(number).await?;
        for run in found {
            let timeline = self.ports.list.timeline(run.id()).await.map_err(RoleError::from)?;
            let mut view = RunView::new(&run, &timeline, self.ports.runs.recipient_key());
            view.add_replies(&run, true);
            view.reveal(&run);
            runs.push(view);
            fields.insert(run.id().to_string(), run.data().clone());
        }
        let consent = self.ports.consent.consent_log(number).await.map_err(RoleError::from)?;
        let (dead_letters, others) = self.letters_of(principal, number).await?;
        unreadable.extend(others);
        let held = HeldData { runs, fields, consent, dead_letters, unreadable };
        Ok(Answer::HeldData { held: Box::new(held) })
    }

    /// Erases it. With `also_recent`, an event of an erased run that comes a second time opens a new one.
    pub(crate) async fn erase(
        &self,
        principal: &Principal,
        number: &E164,
        also_recent: bool,
        dry_run: bool,
    ) -> Result<Answer, ControlError> {
        let now = self.ports.clock.now();
        let mut erasure = Erasure::default();
        let (found, unreadable) = self.runs_to(number).await?;
        erasure.unreadable = unreadable;
        let is_going = |run: &&Run| matches!(run.erasable(now, also_recent), Erasable::Ended(_));
        let going: BTreeSet<RunId> = found.iter().filter(is_going).map(|run| run.id().clone()).collect();
        // First: whoever erases again after a crash finds the run, and so this.
        if !dry_run && !going.is_empty() {
            self.forget_outcomes(&going).await?;
        }
        for run in found {
            let id = run.id().to_string();
            let ended_at = match run.erasable(now, also_recent) {
                Erasable::Ended(ended_at) => ended_at,
                Erasable::From(from) => {
                    erasure.too_recent.push((id, from));
                    continue;
                }
                Erasable::Unfinished => {
                    erasure.under_way.push(id);
                    continue;
                }
            };
            // One that was reopened meanwhile has not ended by then.
            let before = after_s(ended_at, 1);
            let gone =
                dry_run || self.ports.retention.purge_run(run.id(), before).await.map_err(RoleError::from)?;
            if gone {
                let is_other = |message: &Message| !is_of_person(message, number);
                erasure.with_others += u64::from(run.messages().iter().any(is_other));
                erasure.runs.push(id);
            } else {
                erasure.under_way.push(id);
            }
        }
        let (letters, others) = self.letters_of(principal, number).await?;
        erasure.unreadable.extend(others);
        for letter in letters {
            // Those of a run go with it, or stay with it.
            if letter.message.is_some() {
                continue;
            }
            if !dry_run {
                self.ports.letters.remove_dead_letter(&letter.id).await.map_err(RoleError::from)?;
            }
            erasure.dead_letters.push(letter.id);
        }
        let consent = self.ports.consent.consent_log(number).await.map_err(RoleError::from)?;
        erasure.consent_kept = consent.len() as u64;
        if !dry_run {
            let (runs, letters) = (erasure.runs.len(), erasure.dead_letters.len());
            tracing::info!(by = principal.name, number = %number.masked(), runs, letters, "what is held about a number was erased");
        }
        Ok(Answer::Erased { erasure: Box::new(erasure) })
    }

    /// Takes what may tell of a person out of what the stream's log has of some runs.
    async fn forget_outcomes(&self, runs: &BTreeSet<RunId>) -> Result<(), ControlError> {
        let mut after = 0;
        loop {
            let page = self.ports.log.logged_outcomes(after, LIST_MAX).await.map_err(RoleError::from)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = *last;
            let is_theirs = |event: &OutcomeEvent| event.run.as_ref().is_some_and(|run| runs.contains(run));
            for (_, event) in page.iter().filter(|(_, event)| is_theirs(event)) {
                self.ports.log.replace_logged(&event.without_person()).await.map_err(RoleError::from)?;
            }
        }
    }

    /// Every run with a message to a person with this number, latest first, and those that cannot be read.
    async fn runs_to(&self, number: &E164) -> Result<(Vec<Run>, Vec<Unreadable>), ControlError> {
        let conditions = RunConditions::default();
        let (mut runs, mut unreadable, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let filter = RunFilter { after: after.take(), ..RunFilter::default() };
            let found = run_list::list(
                &*self.ports.list,
                filter,
                &conditions,
                None,
                |run| run.messages().iter().any(|message| is_of_person(message, number)),
                LIST_MAX,
                run_list::LOOKED_AT_MAX,
            );
            let run_list::Found { runs: page, more, stopped_after, unreadable: others } =
                found.await.map_err(RoleError::from)?;
            unreadable.extend(others);
            after = stopped_after.or_else(|| page.last().filter(|_| more).map(|run| run.id().clone()));
            runs.extend(page);
            if after.is_none() {
                return Ok((runs, unreadable));
            }
        }
    }

    /// Dead letters that name a number, by its digits wherever they stand in them.
    async fn letters_of(
        &self,
        principal: &Principal,
        number: &E164,
    ) -> Result<(Vec<DeadLetter>, Vec<Unreadable>), ControlError> {
        let digits = number.as_str().trim_start_matches('+');
        let names = |letter: &DeadLetter| {
            let texts = [&letter.event, &letter.event_id].into_iter().flatten().chain([&letter.error]);
            texts.into_iter().any(|text| text.contains(digits))
        };
        let (mut found, mut unreadable, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let filter = DeadLetterFilter::default();
            let LetterPage { letters, more, unreadable: others } =
                self.dead_letters(principal, filter, after.take(), DEAD_LETTERS_MAX).await?;
            unreadable.extend(others);
            after = letters.last().filter(|_| more).map(LetterCursor::of);
            found.extend(letters.into_iter().filter(names));
            if after.is_none() {
                return Ok((found, unreadable));
            }
        }
    }
}

/// Whether a text is for a person with this number, be it one that is tried later.
fn is_of_person(message: &Message, number: &E164) -> bool {
    message.recipient().numbers().any(|known| known == number)
}
