//! What a reply says about a code that stands in it. In: its clauses, with the open codes in each. Out: whether it takes
//! the code's run on.
//!
//! A code alone takes its run on, and so does a code with a word that acknowledges, if every other word of the reply is
//! known to change nothing. One unknown word is enough to leave it open: it may be a delay, an excuse, or somebody's
//! name. Never: knows what the codes are about.

use super::{
    clause::{Attached, Clause, Found},
    vocabulary,
};

/// Words before `reply` from which on it is taken for a part of our own text.
const WORDS_BEFORE_REPLY: usize = 3;

/// What a clause says about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saying {
    Affirms,
    Refuses,
    /// It is a part of our own text.
    Quotes,
    /// It asks, or leaves open who takes it on, or when.
    Nothing,
}

/// A clause with its open codes.
pub(super) struct Named<'a> {
    pub(super) clause: &'a Clause,
    pub(super) codes: Vec<Found>,
}

/// What the clause with this index says about one of its codes. `has_page` tells that the text that carried the code is
/// known, so that copies of it are gone.
pub(super) fn says(reply: &[Named<'_>], at: usize, code: &Found, has_page: bool) -> Saying {
    let here = &reply[at];
    let words = here.said();
    let others = || reply.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other);
    let without_code = || others().filter(|other| other.codes.is_empty());
    let acknowledges = vocabulary::acknowledges(&words);

    let is_refused = here.codes.iter().any(|code| code.attached == Attached::Refusing)
        || vocabulary::negates(&words)
        || without_code().any(|other| vocabulary::negates(&other.said()))
        || (!acknowledges && refuses_a_bare_code(reply, here));
    if is_refused {
        return Saying::Refuses;
    }
    let before: usize =
        if has_page { 0 } else { reply[..at].iter().map(|other| other.clause.words().count()).sum() };
    let reply_at = here.clause.words().take(code.from).position(|word| word == "reply");
    if !has_page && reply_at.is_some_and(|reply_at| before + reply_at >= WORDS_BEFORE_REPLY) {
        return Saying::Quotes;
    }
    let said: Vec<_> = without_code().map(Named::said).chain([words.clone()]).collect();
    let is_open = reply.iter().any(|other| other.clause.is_question && other.is_in_sentence_of(here))
        || vocabulary::asks(&here.clause.words().collect::<Vec<_>>())
        || said.iter().any(|words| {
            !vocabulary::are_known(words)
                || vocabulary::excuses(words)
                || vocabulary::leaves_to_others(words)
                || vocabulary::postpones(words)
        });
    let is_taken_with_others = || {
        let mut beside = others().filter(|other| !other.codes.is_empty() && other.is_in_sentence_of(here));
        vocabulary::are_courtesy(&words) && beside.all(|other| vocabulary::are_known(&other.said()))
    };
    let takes = acknowledges
        || without_code().any(|other| vocabulary::acknowledges(&other.said()))
        || is_taken_with_others();
    if takes && !is_open { Saying::Affirms } else { Saying::Nothing }
}

/// Whether a refusal in its line, or `but` before it, is about a code that nothing acknowledges.
fn refuses_a_bare_code(reply: &[Named<'_>], here: &Named<'_>) -> bool {
    let line: Vec<&str> = reply
        .iter()
        .filter(|other| other.clause.line == here.clause.line)
        .flat_map(|other| other.clause.words())
        .collect();
    here.clause.is_turn || vocabulary::negates(&line) || vocabulary::declines(&line)
}

impl Named<'_> {
    /// Its words without the codes and without harmless phrases. What is written to a code stays: `ackK7X4`.
    fn said(&self) -> Vec<&str> {
        let words: Vec<&str> = self.clause.words().collect();
        let mut said = Vec::with_capacity(words.len());
        for (at, word) in words.iter().enumerate() {
            match self.codes.iter().find(|code| (code.from..code.from + code.length).contains(&at)) {
                None => said.push(*word),
                Some(code) if code.attached == Attached::Affirming => said.push("ack"),
                Some(_) => {}
            }
        }
        vocabulary::meant(&said)
    }

    fn is_in_sentence_of(&self, other: &Self) -> bool {
        self.clause.sentence == other.clause.sentence
    }
}
