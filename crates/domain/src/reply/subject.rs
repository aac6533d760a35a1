//! Subjects beside the codes of their runs, as our own answers write them: `K7X4 db-1`. In: the clauses of a reply, and the
//! open codes. Out: the clauses without them.
//!
//! Never: takes out a subject that stands beside another run's code, or that is itself a word of replies.

use super::{
    clause::{Clause, Found},
    open_code::OpenCode,
    quote, vocabulary,
};
use crate::{ack_code::AckCode, words};

/// The clauses without the subjects that stand directly beside their codes, and with the code for a subject that is refused
/// in a clause of its own: `ack K7X4, not api`.
pub(super) fn take_out(clauses: &[Clause], open: &[OpenCode]) -> Vec<Clause> {
    let codes: Vec<AckCode> = open.iter().map(|open| open.code).collect();
    let subjects: Vec<Vec<String>> = open.iter().map(|open| subject(&open.about)).collect();
    let mut left: Vec<Clause> = clauses.iter().map(|clause| with_refused(clause, open, &subjects)).collect();
    let mut at = 0;
    while let Some(clause) = left.get(at) {
        let first: usize = left[..at].iter().map(|clause| clause.words().count()).sum();
        let all: Vec<&str> = left.iter().flat_map(Clause::words).collect();
        let beside = |found: &Found| {
            let subject = &subjects[found.code];
            let is_here = |from: usize| {
                !subject.is_empty()
                    && all.get(from..from + subject.len()).is_some_and(|words| words == subject)
            };
            let (from, to) = (first + found.from, first + found.from + found.length);
            [Some(to), from.checked_sub(subject.len())].into_iter().flatten().find(|from| is_here(*from))
        };
        let found = clause.codes(&codes);
        match found.iter().find_map(|found| beside(found).map(|from| from..from + subjects[found.code].len()))
        {
            Some(range) => left = quote::without(&left, &range),
            None => at += 1,
        }
    }
    left
}

/// The words of a subject, none where all of them are words of replies, such as `all`.
pub(super) fn subject(about: &str) -> Vec<String> {
    let words = words::words(about);
    if words.iter().all(|word| vocabulary::is_word_of_replies(word)) { Vec::new() } else { words }
}

/// A clause that is `not` and the subject of one run, with the code of that run.
fn with_refused(clause: &Clause, open: &[OpenCode], subjects: &[Vec<String>]) -> Clause {
    let words: Vec<&str> = clause.words().collect();
    let Some((refusal, rest)) = words.split_first() else { return clause.clone() };
    let mut named = (0..open.len()).filter(|at| !subjects[*at].is_empty() && subjects[*at] == rest);
    match (named.next(), named.next()) {
        (Some(only), None) if vocabulary::is_negation(refusal) => clause.refusing(open[only].code),
        _ => clause.clone(),
    }
}
