//! What words and phrases of a reply say. In: folded words. Out: yes or no to one question each.
//!
//! Never: weighs one answer against another; the reader of the reply does.

mod harmless;
mod phrases;
mod words;

use harmless::{COURTESY, HARMLESS, NEUTRAL, NO_NEED};
use phrases::{
    AFFIRM_PHRASES, AUTOMATIC, DELAYS, DENIALS, EXCUSES, MAYBE_AUTOMATIC, NOT_WORK, OTHERS, QUOTE_HEADERS,
    WORK,
};
use words::{AFFIRM, AFFIRM_ALONE, ALL, ASK, BESIDE, BESIDE_ALL, BOTH, DECLINE, NEGATE};

/// Most unknown words of what somebody works on, as in `looking at db-1`.
const WORK_NAME_WORDS_MAX: usize = 3;

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

/// Whether a word means two runs.
pub(super) fn means_both(word: &str) -> bool {
    BOTH.contains(&word)
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

/// Whether these words take something on, or say that they do.
pub(super) fn acknowledges(words: &[&str]) -> bool {
    words.iter().any(|word| affirms(word)) || holds(words, AFFIRM_PHRASES) || holds(words, WORK)
}

/// Whether each of these words takes something on, or is known to change nothing of it. What somebody works on may have
/// any name of a few words.
pub(super) fn are_known(words: &[&str]) -> bool {
    let mut at = 0;
    while at < words.len() {
        let rest = &words[at..];
        if let Some(length) = longest(rest, WORK).filter(|length| is_name_of_work(&rest[*length..])) {
            return at + length <= words.len();
        }
        match longest(rest, HARMLESS).max(longest(rest, AFFIRM_PHRASES)) {
            Some(length) => at += length,
            None if affirms(words[at]) || NEUTRAL.contains(&words[at]) => at += 1,
            None => return false,
        }
    }
    true
}

/// Whether these words say nothing at all, so that they may stand beside a bare code.
pub(super) fn are_courtesy(words: &[&str]) -> bool {
    without(words, HARMLESS).iter().all(|word| COURTESY.contains(word))
}

fn is_name_of_work(words: &[&str]) -> bool {
    let is_plain = |word: &&str| !NOT_WORK.contains(word) && !ASK.contains(word);
    let unknown = words.iter().filter(|word| !NEUTRAL.contains(word) && !affirms(word)).count();
    unknown <= WORK_NAME_WORDS_MAX && words.iter().all(is_plain) && !postpones(words)
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

/// Whether one of these words means something to us.
pub(super) fn says_something(words: &[&str]) -> bool {
    acknowledges(words)
        || negates(words)
        || declines(words)
        || excuses(words)
        || postpones(words)
        || leaves_to_others(words)
        || words.iter().any(|word| ASK.contains(word) || NEUTRAL.contains(word))
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
        match longest(&words[at..], phrases) {
            Some(length) => at += length,
            None => {
                rest.push(words[at]);
                at += 1;
            }
        }
    }
    rest
}

/// How many words the longest of these phrases has with which the words begin.
fn longest(words: &[&str], phrases: &[&str]) -> Option<usize> {
    phrases.iter().filter_map(|phrase| begins(words, phrase)).max()
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
            COURTESY,
            WORK,
            NOT_WORK,
        ];
        for phrase in tables.into_iter().flatten() {
            assert_eq!(crate::words::words(phrase).join(" "), *phrase);
        }
    }
}
