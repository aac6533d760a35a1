//! What words and phrases of a reply say. In: folded words. Out: yes or no to one question each.
//!
//! Never: weighs one answer against another; the reader of the reply does.

mod after_ack;
mod harmless;
mod machines;
mod phrases;
mod progress;
mod signatures;
mod stretched;
mod times;
mod unsettled;
mod words;

use std::collections::BTreeSet;

use super::people::People;
use after_ack::{ARRIVAL, KEYWORDS, MINUTES, NO_REFUSALS, NUMBER_WORDS, OPENINGS, REMARKS, THINGS};
use harmless::{COURTESY, HARMLESS, NEUTRAL, NO_NEED, ONESELF};
use machines::{AUTOMATIC, FORWARD_MARKS, MACHINE_TAILS, MAYBE_AUTOMATIC, QUOTE_HEADERS};
use phrases::{AFFIRM_PHRASES, DENIALS, NOT_WORK, WORK};
use progress::{ENDINGS, LEADING, NO_WORK, TAKING};
use signatures::{GREETINGS, ROLES};
use times::{DELAYS, DOUBTS};
use unsettled::{EXCUSES, INVERSIONS, OTHERS, STATES};
use words::{AFFIRM, AFFIRM_ALONE, ALL, ASK, BESIDE, BESIDE_ALL, BOTH, DECLINE, NEGATE};

/// How `acknowledge` begins, however its end is spelled.
const ACKNOWLEDGES: [&str; 2] = ["acknow", "aknow"];
/// Most unknown words after `ACK K7X4`. Two may be a sentence.
const UNKNOWN_WORDS_MAX: usize = 1;
/// Fewest letters of one: `bring` and `going` do no work.
const UNKNOWN_LETTERS_MIN: usize = 6;
/// Most minutes until somebody is there, as in `eta 10`. More of them are a delay.
const ARRIVAL_MINUTES_MAX: u32 = 15;

/// Which words of a reply, beside those of the vocabulary, change nothing.
pub(super) struct Trust<'a> {
    /// The words of the page, which say what somebody works on.
    pub(super) topic: &'a BTreeSet<String>,
    /// The names that may be among them. The sender's own may stand anywhere.
    pub(super) people: &'a People,
    /// Whether they follow `ACK K7X4`.
    pub(super) follows_ack: bool,
}

/// Whether a word takes something on, beside a code.
pub(super) fn affirms(word: &str) -> bool {
    AFFIRM.contains(&word) || ACKNOWLEDGES.iter().any(|start| word.starts_with(start))
}

/// Whether a word takes something on by itself.
pub(super) fn affirms_alone(word: &str) -> bool {
    AFFIRM_ALONE.contains(&word)
}

/// Whether a word means something in a reply without a code.
pub(super) fn is_word_of_replies(word: &str) -> bool {
    says_something(&[word]) || stands_beside(word) || means_all(word)
}

/// The word that says something and is stretched here, as `nooo` stretches `no`.
pub(super) fn unstretched(word: &str) -> Option<&'static str> {
    stretched::unstretched(word)
}

/// How many words of a greeting that ends a text the words begin with, as in `best regards`.
pub(super) fn greeting(words: &[&str]) -> Option<usize> {
    longest(words, GREETINGS)
}

/// Whether a word may follow a name in a signature.
pub(super) fn is_role(word: &str) -> bool {
    ROLES.contains(&word)
}

/// Whether a word may stand beside in a reply without a code.
pub(super) fn stands_beside(word: &str) -> bool {
    BESIDE.contains(&word)
}

/// Whether a word means every open run.
pub(super) fn means_all(word: &str) -> bool {
    ALL.contains(&word)
}

/// Whether these words mean every open run. Those of a phrase do not, as in `alles klar`.
pub(super) fn mean_all(words: &[&str]) -> bool {
    without(words, AFFIRM_PHRASES).into_iter().any(means_all)
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
    without(&without(words, HARMLESS), DOUBTS).iter().any(|word| NEGATE.contains(word))
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

/// Whether a question begins here, or another person is meant. `ok` may stand before: `ok is K7X4 on`.
pub(super) fn asks(words: &[&str]) -> bool {
    let words = without(words, HARMLESS);
    let opening = words.iter().take_while(|word| affirms_alone(word) || COURTESY.contains(word)).count();
    let rest = &words[opening..];
    rest.first().is_some_and(|word| ASK.contains(word)) && longest(rest, AFFIRM_PHRASES).is_none()
}

/// Whether the order of the words asks, wherever they stand: `am I`, `is it`.
pub(super) fn asks_anywhere(words: &[&str]) -> bool {
    holds(words, INVERSIONS)
}

/// The words without harmless phrases.
pub(super) fn meant<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let meant = without(words, HARMLESS);
    // Who writes `take K7X4` takes it; who writes `please take K7X4` asks.
    if meant == ["take"] { vec!["taking"] } else { meant }
}

/// Where the words begin to say what is not needed. Whoever says so of themselves refuses.
pub(super) fn no_need_at(words: &[&str]) -> Option<usize> {
    let begins_here = |at: &usize| longest(&words[*at..], NO_NEED).is_some();
    (0..words.len()).find(begins_here).filter(|at| !words[*at..].iter().any(|word| ONESELF.contains(word)))
}

/// Whether these words take something on, or say that they do.
pub(super) fn acknowledges(words: &[&str]) -> bool {
    words.iter().any(|word| affirms(word)) || holds(words, AFFIRM_PHRASES) || holds(words, WORK)
}

/// Whether these words hold a phrase that takes something on, as `on it`.
pub(super) fn says_who(words: &[&str]) -> bool {
    holds(words, AFFIRM_PHRASES)
}

/// Whether each of these words takes something on, or changes nothing of it.
pub(super) fn are_known(words: &[&str], trust: &Trust<'_>) -> bool {
    let (mut at, mut is_work, mut unknown) = (0, false, 0);
    while let Some(word) = words.get(at) {
        let rest = &words[at..];
        // What follows may say when, or who else.
        if is_work && (NOT_WORK.contains(word) || ASK.contains(word)) {
            return false;
        }
        if let Some(length) = longest(rest, WORK) {
            is_work = true;
            at += length;
            continue;
        }
        let phrase = longest(rest, HARMLESS).max(longest(rest, AFFIRM_PHRASES));
        let remark = trust.follows_ack.then(|| remark(rest)).flatten();
        let is_thing = || trust.topic.contains(*word) || THINGS.contains(word);
        at += match phrase.max(remark) {
            Some(length) => length,
            None if affirms(word) || NEUTRAL.contains(word) || trust.people.is_own(word) => 1,
            None if (is_work || trust.follows_ack) && is_thing() => 1,
            None => {
                unknown += 1;
                let may_stand = trust.follows_ack && !is_work && unknown <= UNKNOWN_WORDS_MAX;
                if !may_stand || !is_work_in_progress(words, at, trust.people) {
                    return false;
                }
                1
            }
        };
    }
    true
}

/// How many words of a remark or of a short time of arrival, such as `eta 5` or `5 min`, the words begin with.
fn remark(words: &[&str]) -> Option<usize> {
    let is_minutes = |word: &&str| {
        NUMBER_WORDS.contains(word) || word.parse().is_ok_and(|minutes: u32| minutes <= ARRIVAL_MINUTES_MAX)
    };
    let prefix = longest(words, ARRIVAL).unwrap_or(0);
    let unit = usize::from(words.get(prefix + 1).is_some_and(|word| MINUTES.contains(word)));
    // `10min` is one word, and a number that ends the text has its unit left out.
    let ends = || words.len() == 1 && !NUMBER_WORDS.contains(&words[0]);
    let joined = words.get(prefix).and_then(|word| {
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = &word[..word.len() - unit.len()];
        MINUTES.contains(&unit).then_some(number)
    });
    let is_joined = joined.as_ref().is_some_and(is_minutes);
    let is_arrival = words.get(prefix).is_some_and(is_minutes) && (prefix + unit > 0 || ends());
    longest(words, REMARKS).max(is_joined.then_some(prefix + 1)).max(is_arrival.then_some(prefix + 1 + unit))
}

/// Whether an unknown word can only say what somebody does to the thing: `draining`, `drenando`. Any other may be a time, a
/// person, a doubt or a second thought.
fn is_work_in_progress(words: &[&str], at: usize, people: &People) -> bool {
    let word = words[at];
    let before = at.checked_sub(1).map(|before| words[before]);
    let after = &words[at + 1..];
    let takes = |next: &&str| TAKING.contains(next) || affirms(next);
    word.len() >= UNKNOWN_LETTERS_MIN
        && word.chars().all(|c| c.is_ascii_alphabetic())
        && ENDINGS.iter().any(|ending| word.ends_with(ending))
        && !NO_WORK.contains(&word)
        && !people.may_be_other(word)
        && before.is_none_or(|before| !LEADING.contains(&before) && !before.contains(char::is_numeric))
        && !after.first().is_some_and(takes)
        && longest(after, AFFIRM_PHRASES).or(longest(after, WORK)).is_none()
}

/// Whether these words say nothing at all, so that they may stand beside a bare code.
pub(super) fn are_courtesy(words: &[&str]) -> bool {
    without(words, HARMLESS).iter().all(|word| COURTESY.contains(word))
}

/// The words without what is denied and refuses nothing, as in `not asleep`.
pub(super) fn without_no_refusals<'a>(words: &[&'a str]) -> Vec<&'a str> {
    without(words, NO_REFUSALS)
}

/// Whether these words end with the keyword and begin with nothing but an opening.
pub(super) fn begin_with_keyword(words: &[&str]) -> bool {
    words.split_last().is_some_and(|(keyword, before)| KEYWORDS.contains(keyword) && are_openings(before))
}

/// Whether these words may stand before the keyword.
pub(super) fn are_openings(words: &[&str]) -> bool {
    without(&without(words, NO_REFUSALS), HARMLESS).iter().all(|word| OPENINGS.contains(word))
}

/// Whether somebody does not know.
pub(super) fn doubts(words: &[&str]) -> bool {
    holds(words, DOUBTS)
}

/// Whether somebody says how it is, not who takes it on.
pub(super) fn tells_state(words: &[&str]) -> bool {
    holds(words, STATES)
}

/// The words without those by which a program passes a text on.
pub(super) fn without_forward_marks<'a>(words: &[&'a str]) -> Vec<&'a str> {
    without(words, FORWARD_MARKS)
}

/// Whether these words take something on without a code: nothing else stands among them, and each phrase counts as one of
/// at most so many. `all` may stand there where every open run is meant.
pub(super) fn take_alone(words: &[&str], length_max: usize, says_all: bool) -> bool {
    let (mut at, mut length, mut affirms) = (0, 0, false);
    while let Some(word) = words.get(at) {
        let phrase = longest(&words[at..], AFFIRM_PHRASES);
        let is_all = says_all && (means_all(word) || stands_beside_all(word));
        if phrase.is_none() && !affirms_alone(word) && !stands_beside(word) && !is_all {
            return false;
        }
        affirms |= phrase.is_some() || affirms_alone(word);
        at += phrase.unwrap_or(1);
        length += 1;
    }
    affirms && length <= length_max
}

/// Whether somebody says why they do not do it.
pub(super) fn excuses(words: &[&str]) -> bool {
    // `Ill` is folded from `I'll` as well, which no clause ends with.
    holds(words, EXCUSES) || words.last() == Some(&"ill")
}

/// Whether somebody puts it off.
pub(super) fn postpones(words: &[&str]) -> bool {
    holds(words, DELAYS)
}

/// Whether these words begin with a phrase that puts it off, such as `mas tarde`.
pub(super) fn begin_with_delay(words: &[&str]) -> bool {
    longest(words, DELAYS).is_some()
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

/// Whether they go on as a machine does.
pub(super) fn ends_as_machine(words: &[&str]) -> bool {
    holds(words, MACHINE_TAILS)
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
pub(super) fn begins(words: &[&str], phrase: &str) -> Option<usize> {
    let mut length = 0;
    for part in phrase.split(' ') {
        if words.get(length) != Some(&part) {
            return None;
        }
        length += 1;
    }
    Some(length)
}
