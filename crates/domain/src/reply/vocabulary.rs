//! What words and phrases of a reply say. In: folded words. Out: yes or no to one question each.
//!
//! Never: weighs one answer against another; the reader of the reply does.

mod harmless;
mod phrases;
mod words;

use harmless::{HARMLESS, NEUTRAL, NO_NEED};
use phrases::{AFFIRM_PHRASES, AUTOMATIC, DELAYS, DENIALS, EXCUSES, MAYBE_AUTOMATIC, OTHERS, QUOTE_HEADERS};
use words::{AFFIRM, AFFIRM_ALONE, ALL, ASK, BESIDE, BESIDE_ALL, DECLINE, NEGATE};

/// Whether a word takes something on, beside a code.
pub(super) fn affirms(word: &str) -> bool {
    AFFIRM.contains(&word)
}

/// Whether a word takes something on by itself.
pub(super) fn affirms_alone(word: &str) -> bool {
    AFFIRM_ALONE.contains(&word)
}

/// Whether a word may stand beside in a reply without a code.
pub(super) fn stands_beside(word: &str) -> bool {
    BESIDE.contains(&word)
}

/// Whether a word means every open run.
pub(super) fn means_all(word: &str) -> bool {
    ALL.contains(&word)
}

/// Whether a word may stand beside one that means every open run.
pub(super) fn stands_beside_all(word: &str) -> bool {
    BESIDE_ALL.contains(&word)
}

/// Whether these words refuse.
pub(super) fn negates(words: &[&str]) -> bool {
    without(words, HARMLESS).iter().any(|word| NEGATE.contains(word))
}

/// Whether one word refuses.
pub(super) fn is_negation(word: &str) -> bool {
    NEGATE.contains(&word)
}

/// Whether these words ask for something else.
pub(super) fn declines(words: &[&str]) -> bool {
    words.iter().any(|word| DECLINE.contains(word))
}

/// Whether these words refuse whatever else is said.
pub(super) fn denies(words: &[&str]) -> bool {
    holds(&without(words, HARMLESS), DENIALS)
}

/// Whether a question begins here, or another person is meant.
pub(super) fn asks(words: &[&str]) -> bool {
    without(words, HARMLESS).first().is_some_and(|word| ASK.contains(word))
}

/// The words without harmless phrases, and without what is said to be not needed.
pub(super) fn meant<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let end =
        (0..words.len()).find(|at| NO_NEED.iter().any(|phrase| begins(&words[*at..], phrase).is_some()));
    without(&words[..end.unwrap_or(words.len())], HARMLESS)
}

/// Where the first word or phrase stands that takes something on.
pub(super) fn verb_at(words: &[&str]) -> Option<usize> {
    let is_phrase = |at: usize| AFFIRM_PHRASES.iter().any(|phrase| begins(&words[at..], phrase).is_some());
    (0..words.len()).find(|at| affirms(words[*at]) || is_phrase(*at))
}

/// Whether these words say nothing about who takes it on.
pub(super) fn are_harmless(words: &[&str]) -> bool {
    without(words, HARMLESS).iter().all(|word| NEUTRAL.contains(word))
}

/// Whether somebody says why they do not do it.
pub(super) fn excuses(words: &[&str]) -> bool {
    holds(words, EXCUSES)
}

/// Whether somebody puts it off.
pub(super) fn postpones(words: &[&str]) -> bool {
    holds(words, DELAYS)
}

/// Whether it is left to somebody else.
pub(super) fn leaves_to_others(words: &[&str]) -> bool {
    holds(words, OTHERS)
}

/// Whether a machine says so.
pub(super) fn is_automatic(words: &[&str]) -> bool {
    holds(words, AUTOMATIC)
}

/// Whether a machine may say so.
pub(super) fn may_be_automatic(words: &[&str]) -> bool {
    holds(words, MAYBE_AUTOMATIC)
}

/// Whether a folded line introduces a quoted text.
pub(super) fn introduces_quote(line: &str) -> bool {
    let line = line.trim();
    line.contains("original message") || QUOTE_HEADERS.iter().any(|end| line.ends_with(end))
}

fn holds(words: &[&str], phrases: &[&str]) -> bool {
    (0..words.len()).any(|at| phrases.iter().any(|phrase| begins(&words[at..], phrase).is_some()))
}

fn without<'a>(words: &[&'a str], phrases: &[&str]) -> Vec<&'a str> {
    let (mut rest, mut at) = (Vec::with_capacity(words.len()), 0);
    while at < words.len() {
        match phrases.iter().filter_map(|phrase| begins(&words[at..], phrase)).max() {
            Some(length) => at += length,
            None => {
                rest.push(words[at]);
                at += 1;
            }
        }
    }
    rest
}

/// How many words the phrase has, if the words begin with it.
fn begins(words: &[&str], phrase: &str) -> Option<usize> {
    let mut length = 0;
    for part in phrase.split(' ') {
        if words.get(length) != Some(&part) {
            return None;
        }
        length += 1;
    }
    Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_is_written_as_it_is_compared() {
        let tables = [
            AFFIRM,
            AFFIRM_ALONE,
            BESIDE,
            ALL,
            BESIDE_ALL,
            NEGATE,
            DECLINE,
            DENIALS,
            HARMLESS,
            ASK,
            AUTOMATIC,
            MAYBE_AUTOMATIC,
            AFFIRM_PHRASES,
            DELAYS,
            EXCUSES,
            OTHERS,
            NEUTRAL,
            NO_NEED,
        ];
        for phrase in tables.into_iter().flatten() {
            assert_eq!(crate::words::words(phrase).join(" "), *phrase);
        }
    }
}
