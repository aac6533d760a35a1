//! Reactions that a phone sends as a text, such as `Liked “Disk full. Reply ACK K7X4”`. In: a text. Out: whether it is
//! one.
//!
//! Never: takes a code that somebody put in quotes, as in `ok "ack K7X4"`, for a reaction.

use super::{clause, vocabulary};
use crate::words;

/// Most words before what is quoted, as in `Removed a like from`.
const WORDS_BEFORE_MAX: usize = 4;
/// Fewest words of what is quoted: `ack K7X4` is what people type.
const QUOTED_WORDS_MIN: usize = 3;
/// What opens and closes a quote in the languages that phones speak.
const QUOTES: [(char, char); 5] = [('“', '”'), ('"', '"'), ('«', '»'), ('„', '“'), ('‘', '’')];

/// Whether a text is nothing but a few words, if any, and, up to its end, a quote.
pub(super) fn is_reaction(body: &str) -> bool {
    let body = body.trim().trim_end_matches(['.', '\u{200b}', '\u{200a}']);
    QUOTES.iter().any(|(opens, closes)| {
        let Some(inside) = body.strip_suffix(*closes) else { return false };
        let Some((before, quoted)) = inside.split_once(*opens) else { return false };
        let words_before = before.split_whitespace().count();
        let affirms = |word: &String| vocabulary::affirms_alone(word);
        let begins_plainly = words::words(quoted).first().is_some_and(affirms);
        words_before <= WORDS_BEFORE_MAX
            && !(words_before == 0 && begins_plainly)
            && !is_answer(&words::words(before))
            && quoted.split_whitespace().count() >= QUOTED_WORDS_MIN
    })
}

/// Whether somebody answers what they quote: `ACK K7X4 "..."`, `ok "..."`, `why "..."`.
fn is_answer(before: &[String]) -> bool {
    let names_code = before.iter().any(|word| clause::any_code(word).is_some());
    let is_known = |word: &String| vocabulary::says_something(&[word]);
    let answers = |word: &String| {
        vocabulary::affirms_alone(word) || vocabulary::is_negation(word) || vocabulary::asks(&[word])
    };
    names_code || (before.iter().all(is_known) && before.iter().any(answers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b2_a_reaction_is_known_whatever_it_quotes() {
        for body in [
            "Liked “T: . Reply ACK K7X4”",
            "Disliked “Not understood. Reply ACK K7X4 to take qa.”",
            "👍 to “Reply ACK K7X4 ”",
            "Reacted 👍 to \"Reply ACK K7X4\"",
            "Removed a like from “Disk full. Reply ACK K7X4”.",
            "“Reply ACK K7X4”",
            "\"Reply ACK K7X4\"",
            "A aimé « Disque plein. ACK K7X4 »",
        ] {
            assert!(is_reaction(body), "{body}");
        }
        for body in [
            "\"ACK K7X4\"",
            "“ACK K7X4 thanks”",
            "ok \"ack K7X4\"",
            "ACK K7X4",
            "ack K7X4 \"disk is full\" on it",
            "ACK K7X4 \"Disk full. Reply ACK K7X4\"",
            "ok “Disk full. Reply ACK K7X4”",
            "not me “Disk full. Reply ACK K7X4”",
            "why “Disk full. Reply ACK K7X4”",
        ] {
            assert!(!is_reaction(body), "{body}");
        }
    }
}
