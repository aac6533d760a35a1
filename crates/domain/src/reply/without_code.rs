//! A reply without a code. In: its words, and the open codes of its phone. Out: what it means.
//!
//! It means the only run that waits, all of them if it says so, or the one whose subject it names: `ack db-1`. Never:
//! looks for a subject in a sentence; `db-1 is ok` says how db-1 is. Never: means what only its code names.

use super::{
    clause::Clause,
    open_code::OpenCode,
    reading::{Meaning, NOTED_RUNS_MAX, Reading, about, one_of_each_run},
    subject, vocabulary,
};
use crate::id::MessageId;

/// Most words of such a reply, where a phrase counts as one. A sentence needs a code.
const WORDS_MAX: usize = 4;
/// The same for one that means all runs, as in `ok, all of the open runs`.
const ALL_WORDS_MAX: usize = 6;

/// Reads it.
pub(super) fn read(words: &[&str], clauses: &[Clause], open: &[OpenCode]) -> Reading {
    let of_pages: Vec<OpenCode> = open.iter().filter(|open| !open.code_only).cloned().collect();
    let needs_codes = of_pages.is_empty() && !open.is_empty();
    let open = if needs_codes { open } else { &of_pages };
    let says_all = !needs_codes && vocabulary::mean_all(words);
    let longest = if says_all { ALL_WORDS_MAX } else { WORDS_MAX };
    let active = one_of_each_run(open.iter().filter(|open| open.is_active));
    let every = one_of_each_run(open.iter());
    if words.len() <= longest && vocabulary::negates(words) {
        let mut refused = if active.is_empty() { every } else { active };
        refused.truncate(NOTED_RUNS_MAX);
        return Reading { meaning: Meaning::Negated, messages: refused };
    }
    let asks = clauses.iter().any(|clause| clause.is_question)
        || vocabulary::asks_anywhere(words)
        || vocabulary::tells_state(words);
    if let Some(message) = named_by_subject(words, &of_pages).filter(|_| !asks) {
        return Reading { meaning: Meaning::Acknowledge, messages: vec![message] };
    }
    if asks || !vocabulary::take_alone(words, longest, says_all) {
        return about(Meaning::NotUnderstood, &[], open);
    }
    let says_both = words.iter().any(|word| vocabulary::means_both(word));
    let means_several = |runs: usize| says_all && (runs == 2 || (runs > 1 && !says_both));
    let needs_code = |messages: &[MessageId]| {
        let allows = |open: &OpenCode| open.bare_word || says_all;
        !open.iter().any(|open| messages.contains(&open.message) && allows(open))
    };
    match (active.len(), every.len()) {
        (1, _) if needs_code(&active) => Reading { meaning: Meaning::NeedsCode, messages: active },
        (0, 1) if needs_code(&every) => Reading { meaning: Meaning::NeedsCode, messages: every },
        (1, _) => Reading { meaning: Meaning::Acknowledge, messages: active },
        (0, 1) => Reading { meaning: Meaning::Acknowledge, messages: every },
        // Late, and left to the runs: the answer says who acknowledged them.
        (0, runs) if means_several(runs) => Reading { meaning: Meaning::Acknowledge, messages: every },
        (0, _) => Reading { meaning: Meaning::NothingOpen, messages: Vec::new() },
        (runs, _) if means_several(runs) => Reading { meaning: Meaning::Acknowledge, messages: active },
        _ => about(Meaning::Ambiguous, &[], open),
    }
}

/// The message of the run whose whole subject follows an acknowledging word, if there is one such run that waits, or
/// none that waits and one that does not any more.
fn named_by_subject(body: &[&str], open: &[OpenCode]) -> Option<MessageId> {
    let is_named = |open: &&OpenCode| {
        let subject = subject::subject(&open.about);
        let subject: Vec<&str> = subject.iter().map(String::as_str).collect();
        let starts = 1..(body.len() + 1).saturating_sub(subject.len());
        let is_around = |at: usize| {
            let (before, after) = (&body[..at], &body[at + subject.len()..]);
            body[at..].starts_with(&subject)
                && vocabulary::take_alone(before, WORDS_MAX, false)
                && after.iter().all(|word| vocabulary::stands_beside(word))
        };
        !subject.is_empty() && starts.into_iter().any(is_around)
    };
    let of = |is_active: bool| {
        one_of_each_run(open.iter().filter(|open| open.is_active == is_active).filter(is_named))
    };
    match of(true).as_slice() {
        [] => match of(false).as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        [only] => Some(only.clone()),
        _ => None,
    }
}
