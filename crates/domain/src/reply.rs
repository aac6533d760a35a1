//! What a reply means. In: a text, and the open codes of the phone that sent it. Out: the runs that it acknowledges, or
//! why it acknowledges none.
//!
//! Never: looks at a phone's codes for another phone; the caller reads those of the sender alone. Where a text could be
//! read in two ways, the one that goes on paging is taken: a page that was answered costs less than one that was not.

mod answer;
mod clause;
mod open_code;
mod quote;
mod reaction;
mod saying;
mod vocabulary;

use std::collections::BTreeSet;

use crate::{
    ack_code::AckCode,
    id::{MessageId, RunId},
};
pub use answer::{Candidate, KnownCode, answer, candidates, is_answered, time_zone};
use clause::Clause;
pub use open_code::OpenCode;
use saying::{Named, Saying};

/// Most runs that a text which acknowledges nothing leaves a line in.
const NOTED_RUNS_MAX: usize = 10;
/// Most words of a reply without a code. A sentence needs one.
const WORDS_MAX: usize = 4;
/// The same for one that means all runs, as in `ok, all of the open runs`.
const ALL_WORDS_MAX: usize = 6;

/// What a reply means, and which messages it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What it means.
    pub meaning: Meaning,
    /// The messages that it acknowledges, or in whose timelines it leaves a line; one of each run.
    pub messages: Vec<MessageId>,
}

/// What a reply can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// Somebody takes it on.
    Acknowledge,
    /// Somebody takes one of several runs on, without saying which.
    Ambiguous,
    /// Somebody takes the only open run on without its code, and its workflow asks for the code.
    NeedsCode,
    /// Somebody takes something on, and nothing is open.
    NothingOpen,
    /// It holds a code, of no run that was sent to this phone.
    UnknownCode,
    /// Somebody says that they do not take it on.
    Negated,
    /// The code stands in a copy of our own text, and nothing is said about it.
    Quoted,
    /// A machine answered for a person.
    Automatic,
    /// Anything else.
    NotUnderstood,
}

impl Meaning {
    /// Why such a reply acknowledges nothing; `None` for one that does.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Acknowledge => None,
            Self::Ambiguous => Some("without a code it could mean several runs"),
            Self::NeedsCode => Some("it names no code, and its workflow asks for one"),
            Self::NothingOpen => Some("no run waits for this phone"),
            Self::UnknownCode => Some("its code is of no text to this phone"),
            Self::Negated => Some("it says no"),
            Self::Quoted => Some("it only quotes the text"),
            Self::Automatic => Some("it is an automatic answer"),
            Self::NotUnderstood => Some("it was not understood"),
        }
    }
}

/// Reads a reply. `open` holds the codes of the phone that sent it, in the order of expiry, the latest first; should two
/// texts share a code, the later is meant.
pub fn read(body: &str, open: &[OpenCode]) -> Reading {
    if reaction::is_reaction(body) {
        return about(Meaning::Quoted, &quoted(body, open), open);
    }
    let (clauses, has_copy) = quote::take_out(&clause::clauses(body), open);
    let has_quote = has_copy || clause::has_quote_marks(body);
    let words: Vec<&str> = clauses.iter().flat_map(|clause| clause.words()).collect();
    let named = named(&clauses, open);
    if is_automatic(&words, &clauses, &named) {
        return about(Meaning::Automatic, &named, open);
    }
    let denied = vocabulary::denies(&words);
    let says = |wanted: Saying| named.iter().filter(move |(_, saying)| *saying == wanted).map(|(at, _)| *at);
    let refused: BTreeSet<usize> = says(Saying::Refuses).collect();
    let meant: Vec<usize> = says(Saying::Affirms).filter(|at| !denied && !refused.contains(at)).collect();
    if !meant.is_empty() {
        let messages = one_of_each_run(meant.into_iter().map(|at| &open[at]));
        return Reading { meaning: Meaning::Acknowledge, messages };
    }
    if !named.is_empty() {
        let meaning = if denied || !refused.is_empty() {
            Meaning::Negated
        } else if says(Saying::Quotes).next().is_some() {
            Meaning::Quoted
        } else {
            Meaning::NotUnderstood
        };
        return about(meaning, &named, open);
    }
    if has_quote {
        return about(Meaning::Quoted, &quoted(body, open), open);
    }
    if words.iter().any(|word| clause::any_code(word).is_some()) {
        return about(Meaning::UnknownCode, &[], open);
    }
    without_code(&words, &clauses, open)
}

/// The open codes that are named outside quotes, and what is said about each.
fn named(clauses: &[Clause], open: &[OpenCode]) -> Vec<(usize, Saying)> {
    let codes: Vec<AckCode> = open.iter().map(|open| open.code).collect();
    let reply: Vec<Named<'_>> =
        clauses.iter().map(|clause| Named { clause, codes: clause.codes(&codes) }).collect();
    let mut named = Vec::new();
    for (at, here) in reply.iter().enumerate() {
        let says = |code| saying::says(&reply, at, code, open[code.code].page.is_some());
        named.extend(here.codes.iter().map(|code| (code.code, says(code))));
    }
    named
}

/// The open codes that stand anywhere in a text, its quotes included.
fn quoted(body: &str, open: &[OpenCode]) -> Vec<(usize, Saying)> {
    named(&clause::clauses_with_quotes(body), open)
}

/// A person who begins with a plain acknowledgement may go on as a machine would.
fn is_automatic(words: &[&str], clauses: &[Clause], named: &[(usize, Saying)]) -> bool {
    let begins_plainly = !named.is_empty()
        && clauses.iter().find(|clause| clause.words().next().is_some()).is_some_and(Clause::begins_plainly);
    vocabulary::is_automatic(words) || (!begins_plainly && vocabulary::may_be_automatic(words))
}

/// A text without a code means the only run that waits, or all of them if it says so.
fn without_code(words: &[&str], clauses: &[Clause], open: &[OpenCode]) -> Reading {
    let says_all = words.iter().any(|word| vocabulary::means_all(word));
    let longest = if says_all { ALL_WORDS_MAX } else { WORDS_MAX };
    if words.len() <= longest && vocabulary::negates(words) {
        return about(Meaning::Negated, &[], open);
    }
    let is_known = |word: &&str| {
        vocabulary::affirms_alone(word)
            || vocabulary::stands_beside(word)
            || (says_all && (vocabulary::means_all(word) || vocabulary::stands_beside_all(word)))
    };
    let affirms = words.iter().any(|word| vocabulary::affirms_alone(word))
        || words.windows(2).any(|pair| matches!(pair, ["on" | "got", "it"]));
    let is_question = clauses.iter().any(|clause| clause.is_question);
    if !affirms || is_question || words.len() > longest || !words.iter().all(is_known) {
        return about(Meaning::NotUnderstood, &[], open);
    }
    let active = one_of_each_run(open.iter().filter(|open| open.is_active));
    let every = one_of_each_run(open.iter());
    let says_both = words.iter().any(|word| vocabulary::means_both(word));
    let needs_code = |messages: &[MessageId]| {
        let allows = |open: &OpenCode| open.bare_word || says_all;
        !open.iter().any(|open| messages.contains(&open.message) && allows(open))
    };
    match (active.len(), every.len()) {
        (1, _) if needs_code(&active) => Reading { meaning: Meaning::NeedsCode, messages: active },
        (0, 1) if needs_code(&every) => Reading { meaning: Meaning::NeedsCode, messages: every },
        (1, _) => Reading { meaning: Meaning::Acknowledge, messages: active },
        (0, 1) => Reading { meaning: Meaning::Acknowledge, messages: every },
        (0, _) => Reading { meaning: Meaning::NothingOpen, messages: Vec::new() },
        (several, _) if says_all && (several == 2 || !says_both) => {
            Reading { meaning: Meaning::Acknowledge, messages: active }
        }
        _ => about(Meaning::Ambiguous, &[], open),
    }
}

/// A reply that acknowledges nothing is about the codes it names, else about every run that waits.
fn about(meaning: Meaning, named: &[(usize, Saying)], open: &[OpenCode]) -> Reading {
    let mut messages = if named.is_empty() {
        one_of_each_run(open.iter().filter(|open| open.is_active))
    } else {
        one_of_each_run(named.iter().map(|(at, _)| &open[*at]))
    };
    messages.truncate(NOTED_RUNS_MAX);
    Reading { meaning, messages }
}

fn one_of_each_run<'a>(open: impl Iterator<Item = &'a OpenCode>) -> Vec<MessageId> {
    let mut seen: BTreeSet<&RunId> = BTreeSet::new();
    open.filter(|open| seen.insert(&open.message.run)).map(|open| open.message.clone()).collect()
}

#[cfg(test)]
mod tests;
