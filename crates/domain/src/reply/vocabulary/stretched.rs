//! Words that are stretched, as `nooo`. In: a folded word. Out: the word that it stretches.
//!
//! Never: changes a word that is known as it stands.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use super::{
    after_ack::{ARRIVAL, KEYWORDS, MINUTES, NO_REFUSALS, NUMBER_WORDS, OPENINGS, REMARKS, THINGS},
    harmless::{COURTESY, HARMLESS, NEUTRAL, NO_NEED, ONESELF},
    machines::{AUTOMATIC, FORWARD_MARKS, MACHINE_TAILS, MAYBE_AUTOMATIC},
    phrases::{AFFIRM_PHRASES, DENIALS, NOT_WORK, WORK},
    progress::{ENDINGS, LEADING, NO_WORK, TAKING},
    signatures::{GREETINGS, ROLES},
    times::{DELAYS, DOUBTS},
    unsettled::{EXCUSES, INVERSIONS, OTHERS, STATES},
    words::{AFFIRM, AFFIRM_ALONE, ALL, ASK, BESIDE, BESIDE_ALL, BOTH, DECLINE, NEGATE},
};

/// Every list of words or phrases that are compared.
const TABLES: &[&[&str]] = &[
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
    MACHINE_TAILS,
    FORWARD_MARKS,
    BOTH,
    THINGS,
    REMARKS,
    ARRIVAL,
    MINUTES,
    NUMBER_WORDS,
    LEADING,
    TAKING,
    NO_REFUSALS,
    KEYWORDS,
    OPENINGS,
    INVERSIONS,
    STATES,
    DOUBTS,
    AFFIRM_PHRASES,
    DELAYS,
    EXCUSES,
    OTHERS,
    NEUTRAL,
    NO_NEED,
    COURTESY,
    WORK,
    NOT_WORK,
    ENDINGS,
    NO_WORK,
    GREETINGS,
    ROLES,
    ONESELF,
];

/// The word that says something and is written with some of its letters more often, as `nooo` writes `no`.
pub(super) fn unstretched(word: &str) -> Option<&'static str> {
    static KNOWN: LazyLock<BTreeSet<&'static str>> =
        LazyLock::new(|| TABLES.iter().copied().flatten().flat_map(|phrase| phrase.split(' ')).collect());
    static SAYING: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
        let lists = [AFFIRM, NEGATE, DECLINE, DELAYS, EXCUSES];
        let words = lists.into_iter().flatten().filter(|word| word.is_ascii() && !word.contains(' '));
        words.map(|word| (folded_runs(word), *word)).collect()
    });
    let folded = folded_runs(word);
    let is_stretched = folded.len() < word.len() && !KNOWN.contains(word);
    is_stretched.then(|| SAYING.get(&folded).copied()).flatten()
}

/// A word with each run of a letter folded to one.
fn folded_runs(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    letters.dedup_by(|one, other| one == other && one.is_alphabetic());
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_is_written_as_it_is_compared() {
        for phrase in TABLES.iter().copied().flatten() {
            assert_eq!(crate::words::words(phrase).join(" "), *phrase);
        }
    }
}
