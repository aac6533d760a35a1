//! What a reply means. In: a text, and the open codes of the phone that sent it. Out: the runs that it acknowledges, or
//! why it acknowledges none.
//!
//! Never: looks at a phone's codes for another phone; the caller reads those of the sender alone. Where a text could be
//! read in two ways, the one that goes on paging is taken: a page that was answered costs less than one that was not.

mod abouts;
mod all_of;
mod answer;
mod clause;
mod hand_over;
mod open_code;
mod people;
mod quote;
mod reaction;
mod reading;
mod saying;
mod signature;
mod signs;
mod subject;
mod vocabulary;
mod without_code;

use std::collections::BTreeSet;

use crate::{ack_code::AckCode, id::MessageId, words};
pub use answer::{Candidate, KnownCode, Taken, answer, candidates, is_answered, time_zone};
use clause::Clause;
use hand_over::HandOver;
pub use open_code::OpenCode;
pub use people::People;
pub use reading::{Meaning, Reading};
use reading::{about, one_of_each_run};
use saying::{Named, Saying, Topic};

/// Reads a reply. `open` holds the codes of the phone that sent it, in the order of expiry, the latest first; should two
/// texts share a code, the later is meant. `people` are those whom it may name.
pub fn read(body: &str, open: &[OpenCode], people: &People) -> Reading {
    let body = &*all_of::without_all(body, open);
    match hand_over::read(body, open) {
        None => without_refused_approvals(read_acknowledgement(body, open, people), body, open),
        Some(HandOver::Contradicts) => about(Meaning::NotUnderstood, &[], open),
        Some(HandOver::As(body)) => {
            let reading = read_acknowledgement(&body, open, people);
            if reading.meaning == Meaning::Acknowledge {
                Reading { meaning: Meaning::HandOver, ..reading }
            } else {
                reading
            }
        }
    }
}

/// Who allows and refuses in one text has not allowed. A page that somebody takes and hands on stays theirs; an agent that was
/// let go on could not be called back.
fn without_refused_approvals(mut reading: Reading, body: &str, open: &[OpenCode]) -> Reading {
    if reading.meaning != Meaning::Acknowledge || !hand_over::is_said(body) {
        return reading;
    }
    let is_approval =
        |message: &MessageId| open.iter().any(|open| open.code_only && open.message == *message);
    reading.messages.retain(|message| !is_approval(message));
    if reading.messages.is_empty() { about(Meaning::NotUnderstood, &[], open) } else { reading }
}

fn read_acknowledgement(body: &str, open: &[OpenCode], people: &People) -> Reading {
    let reader = Reader { body, open, people: people.with_names_in(body) };
    if reaction::is_reaction(body) {
        return about(Meaning::Quoted, &reader.quoted(), open);
    }
    let (clauses, has_copy) = quote::take_out(&clause::clauses(signature::without(body, people)), open);
    let clauses = subject::take_out(&clauses, open);
    let has_quote = has_copy || clause::has_quote_marks(body);
    let words: Vec<&str> = clauses.iter().flat_map(|clause| clause.words()).collect();
    let named = reader.named(&clauses);
    if is_automatic(&words, &clauses, &named) {
        return about(Meaning::Automatic, &named, open);
    }
    if !named.is_empty() {
        return reader.decide(&named);
    }
    if words.iter().any(|word| clause::any_code(word).is_some()) {
        return about(Meaning::UnknownCode, &[], open);
    }
    if has_quote {
        reader.beside_quote(clauses.clone(), &words)
    } else {
        without_code::read(&words, &clauses, open)
    }
}

struct Reader<'a> {
    body: &'a str,
    open: &'a [OpenCode],
    people: People,
}

impl Reader<'_> {
    /// The open codes that are named in these clauses, and what is said about each.
    fn named(&self, clauses: &[Clause]) -> Vec<(usize, Saying)> {
        let codes: Vec<AckCode> = self.open.iter().map(|open| open.code).collect();
        let reply: Vec<Named<'_>> =
            clauses.iter().map(|clause| Named { clause, codes: clause.codes(&codes) }).collect();
        let says = |at, code: &clause::Found| {
            let OpenCode { page, about, .. } = &self.open[code.code];
            let words =
                [page.as_ref().map_or("", |text| &text.0), about.as_str()].into_iter().flat_map(words::words);
            let topic = Topic { words: words.collect(), has_page: page.is_some() };
            saying::says(&reply, at, code, &topic, &self.people)
        };
        let mut named = Vec::new();
        for (at, here) in reply.iter().enumerate() {
            named.extend(here.codes.iter().map(|code| (code.code, says(at, code))));
        }
        named
    }

    /// The open codes that stand anywhere in the text, its quotes included.
    fn quoted(&self) -> Vec<(usize, Saying)> {
        self.named(&clause::clauses_with_quotes(self.body))
    }

    /// What is meant by what is said about the codes that are named.
    fn decide(&self, named: &[(usize, Saying)]) -> Reading {
        let says =
            |wanted: Saying| named.iter().filter(move |(_, saying)| *saying == wanted).map(|(at, _)| *at);
        let refused: BTreeSet<usize> = says(Saying::Refuses).collect();
        let meant: Vec<usize> = says(Saying::Affirms).filter(|at| !refused.contains(at)).collect();
        if !meant.is_empty() {
            let messages = one_of_each_run(meant.into_iter().map(|at| &self.open[at]));
            return Reading { meaning: Meaning::Acknowledge, messages };
        }
        let meaning = if !refused.is_empty() {
            Meaning::Negated
        } else if says(Saying::Quotes).next().is_some() {
            Meaning::Quoted
        } else {
            Meaning::NotUnderstood
        };
        about(meaning, named, self.open)
    }

    /// What is said beside a copy of a text. Who quotes one page names it, and must say that they take it.
    fn beside_quote(&self, mut clauses: Vec<Clause>, words: &[&str]) -> Reading {
        let quoted = self.quoted();
        let said = vocabulary::without_forward_marks(words);
        if said.is_empty() {
            return about(Meaning::Quoted, &quoted, self.open);
        }
        let all = clause::clauses_with_quotes(self.body);
        match quote::pages(&all, self.open).as_slice() {
            [page] if vocabulary::acknowledges(&said) || vocabulary::negates(&said) => {
                clauses.push(Clause::of_code(self.open[*page].code));
                self.decide(&self.named(&clauses))
            }
            _ => about(Meaning::NotUnderstood, &quoted, self.open),
        }
    }
}

/// A person who names a code is a person, unless a machine's own words stand there. One who begins with a plain
/// acknowledgement may go on as a machine would.
fn is_automatic(words: &[&str], clauses: &[Clause], named: &[(usize, Saying)]) -> bool {
    let begins_plainly =
        clauses.iter().find(|clause| clause.words().next().is_some()).is_some_and(Clause::begins_plainly);
    let is_likely = vocabulary::may_be_automatic(words)
        && !begins_plainly
        && (named.is_empty() || vocabulary::ends_as_machine(words));
    vocabulary::is_automatic(words) || is_likely
}

#[cfg(test)]
mod tests;
