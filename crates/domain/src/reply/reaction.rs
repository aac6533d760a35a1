//! Reactions that a phone sends as a text, such as `Liked “Disk full. Reply ACK K7X4”`. In: a text. Out: whether it is
//! one.
//!
//! Never: takes a code that somebody put in quotes, as in `ok "ack K7X4"`, for a reaction.

use super::vocabulary;
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
        let begins_plainly = words::words(quoted).first().is_some_and(|word| vocabulary::affirms_alone(word));
        words_before <= WORDS_BEFORE_MAX
            && !(words_before == 0 && begins_plainly)
            && quoted.split_whitespace().count() >= QUOTED_WORDS_MIN
    })
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
        ] {
            assert!(!is_reaction(body), "{body}");
        }
    }
}
