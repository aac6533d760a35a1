//! What a reply says about a code that stands in it. In: its clauses, with the open codes in each. Out: whether it takes
//! the code's run on.
//!
//! A code alone takes its run on, and so does a code with a word that acknowledges, if every other word of the reply is
//! known to change nothing. One unknown word is enough to leave it open: it may be a delay, an excuse, or somebody's
//! name. What somebody works on, as in `looking at db-1`, must be a word of the page.
//!
//! A text that begins with `ACK K7X4` has said what its sender does, so that remarks, words of the page and one unknown word
//! of work in progress (`draining`) may follow. Any other unknown word leaves it open: it may say when, who else, on what
//! condition, or that it is taken back. A doubt or a question leaves it open wherever it stands.
//!
//! Never: knows what the codes are about.

use std::collections::BTreeSet;

use super::{
    clause::{Attached, Clause, Found},
    people::People,
    vocabulary::{self, Trust},
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

/// What is known of the text that carried a code.
pub(super) struct Topic {
    /// Its words, and those of its run's subject.
    pub(super) words: BTreeSet<String>,
    /// Whether the text itself is known, so that copies of it are gone from the reply.
    pub(super) has_page: bool,
}

/// What the clause with this index says about one of its codes.
pub(super) fn says(reply: &[Named<'_>], at: usize, code: &Found, topic: &Topic, people: &People) -> Saying {
    let here = &reply[at];
    let begins_with_keyword = here.begins_with_ack(code);
    let begins_with_ack = begins_with_keyword && reply[..at].iter().all(Named::opens);
    let said = |named: &Named<'_>| -> Vec<String> {
        let words = named.said();
        let words = if begins_with_ack { vocabulary::without_no_refusals(&words) } else { words };
        words.into_iter().map(str::to_owned).collect()
    };
    let others = || reply.iter().enumerate().filter(|(other, _)| *other != at);
    let without_code: Vec<(usize, &Named<'_>)> =
        others().filter(|(_, other)| other.codes.is_empty()).collect();
    let words = said(here);
    let acknowledges = vocabulary::acknowledges(&slices(&words));

    let refuses =
        |named: &Named<'_>| vocabulary::negates(&slices(&said(named))) || vocabulary::denies(&named.words());
    let is_refused = here.codes.iter().any(|code| code.attached == Attached::Refusing)
        || refuses(here)
        || without_code.iter().any(|(_, other)| refuses(other))
        || (!acknowledges && !here.is_chosen_instead(&reply[..at]) && refuses_a_bare_code(reply, here));
    let is_certain = !begins_with_keyword
        || refuses(here)
        || without_code.iter().any(|(other, named)| *other > at && refuses(named));
    if is_refused {
        return if is_certain { Saying::Refuses } else { Saying::Nothing };
    }
    let before: usize =
        if topic.has_page { 0 } else { reply[..at].iter().map(|other| other.clause.words().count()).sum() };
    let reply_at = here.clause.words().take(code.from).position(|word| word == "reply");
    if !topic.has_page && reply_at.is_some_and(|reply_at| before + reply_at >= WORDS_BEFORE_REPLY) {
        return Saying::Quotes;
    }
    // `all good, on it K7X4` says both how it is and who takes it on.
    let takes_beside = |index: usize| {
        reply.iter().enumerate().any(|(other, named)| other != index && vocabulary::says_who(&named.words()))
    };
    let is_open = |(index, named): (usize, &Named<'_>)| {
        // An opening, such as `Sorry.`, was looked at above.
        if begins_with_ack && index < at {
            return false;
        }
        // After `but` nothing is taken on trust.
        let follows_ack = begins_with_ack && !named.clause.is_turn;
        let trust = Trust { topic: &topic.words, people, follows_ack };
        let words = said(named);
        let words = slices(&words);
        !vocabulary::are_known(&words, &trust)
            || vocabulary::excuses(&words)
            || vocabulary::leaves_to_others(&words)
            || vocabulary::postpones(&words)
            || vocabulary::doubts(&words)
            || (!follows_ack && vocabulary::tells_state(&words) && !takes_beside(index))
    };
    let is_open =
        reply.iter().any(|named| named.clause.is_question || vocabulary::asks_anywhere(&named.words()))
            || vocabulary::asks(&here.words())
            || is_open((at, here))
            || without_code.iter().any(|other| is_open(*other));
    let is_taken_with_others = || {
        let mut beside = others()
            .map(|(_, other)| other)
            .filter(|other| !other.codes.is_empty() && other.is_in_sentence_of(here));
        let trust = Trust { topic: &topic.words, people, follows_ack: false };
        vocabulary::are_courtesy(&slices(&words))
            && (here.is_chosen_instead(&reply[..at])
                || beside.all(|other| vocabulary::are_known(&other.said(), &trust)))
    };
    let takes = acknowledges
        || without_code.iter().any(|(_, other)| vocabulary::acknowledges(&slices(&said(other))))
        || is_taken_with_others();
    if takes && !is_open { Saying::Affirms } else { Saying::Nothing }
}

fn slices(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
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
    /// All its words.
    fn words(&self) -> Vec<&str> {
        self.clause.words().collect()
    }

    /// Its words without the codes and without harmless phrases. What is written to a code stays: `ackK7X4`.
    fn said(&self) -> Vec<&str> {
        let words = self.words();
        let mut said = Vec::with_capacity(words.len());
        for (at, word) in words.iter().enumerate() {
            match self.code_at(at) {
                None => said.push(*word),
                Some(code) if code.attached == Attached::Affirming => said.push("ack"),
                Some(_) => {}
            }
        }
        // `no need to ack K7X4` refuses, `ack K7X4, no need to call` does not.
        let need = vocabulary::no_need_at(&words).filter(|at| self.codes.iter().all(|code| code.from < *at));
        let needless = need.map_or(0, |at| words.len() - at);
        vocabulary::meant(&said[..said.len() - needless])
    }

    fn code_at(&self, at: usize) -> Option<&Found> {
        self.codes.iter().find(|code| (code.from..code.from + code.length).contains(&at))
    }

    /// Whether it begins with the keyword and this code, as `ACK K7X4`, `ok ack K7X4` or `ack 44MC K7X4`.
    fn begins_with_ack(&self, code: &Found) -> bool {
        let words = self.words();
        let before: Vec<&str> =
            (0..code.from).filter(|at| self.code_at(*at).is_none()).map(|at| words[at]).collect();
        let is_joined = || words[code.from].starts_with("ack") && code.attached == Attached::Affirming;
        vocabulary::begin_with_keyword(&before) || (vocabulary::are_openings(&before) && is_joined())
    }

    /// Whether it may stand before the keyword.
    fn opens(&self) -> bool {
        self.codes.is_empty() && vocabulary::are_openings(&self.words())
    }

    /// Whether it is taken in the place of a code before it, as in `not K7X4 but 44MC`.
    fn is_chosen_instead(&self, before: &[Self]) -> bool {
        self.clause.is_turn
            && before.last().is_some_and(|last| !last.codes.is_empty() && vocabulary::negates(&last.said()))
    }

    fn is_in_sentence_of(&self, other: &Self) -> bool {
        self.clause.sentence == other.clause.sentence
    }
}
