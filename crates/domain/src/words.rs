//! What a phone sends, made comparable. In: a text as it was typed. Out: lower-case words without accents.
//!
//! Never: drops a letter or a digit; width, case, accents and what cannot be seen are all that is lost.

use icu_normalizer::DecomposingNormalizerBorrowed;

/// Most characters of a text that are looked at. A text of ten segments has 1,530.
const CHARACTERS_MAX: usize = 4_000;
/// How a line begins that a phone or a mail program puts under a text, folded.
const SIGNATURES: &[&str] = &[
    "--",
    "__",
    "sent from ",
    "sent via ",
    "sent with ",
    "get outlook for ",
    "von meinem ",
    "gesendet von ",
    "gesendet mit ",
    "envoye de ",
    "envoye depuis ",
    "enviado desde ",
    "enviado do ",
    "enviado de ",
    "inviato da ",
    "verzonden vanaf ",
    "verstuurd vanaf ",
    "skickat fran ",
    "sendt fra ",
];

/// A text in lower case, with plain letters for full-width, mathematical and accented ones, and without invisible
/// characters or apostrophes, so that `don’t` is one word.
pub fn fold(text: &str) -> String {
    let text: String = text.chars().take(CHARACTERS_MAX).collect();
    let plain = DecomposingNormalizerBorrowed::new_nfkd().normalize(&text);
    plain
        .chars()
        .filter(|c| !is_dropped(*c))
        .flat_map(char::to_lowercase)
        .filter(|c| !is_dropped(*c))
        .collect()
}

/// The words of a text, folded: whatever stands between two characters that are neither letter nor digit.
pub fn words(text: &str) -> Vec<String> {
    split(&fold(text)).map(str::to_owned).collect()
}

/// The words of a text that is folded already.
pub(crate) fn split(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// Whether a text has a mark of questions; folding makes `?` of the full-width one and of two marks in one sign.
pub fn asks(text: &str) -> bool {
    text.contains([
        '?', '\u{ff1f}', '\u{203d}', '\u{2047}', '\u{2048}', '\u{2049}', '\u{61f}', '\u{bf}', '\u{2753}',
        '\u{2754}',
    ])
}

/// A folded text without what a phone puts under it. A first line is never a signature.
pub fn before_signature(folded: &str) -> &str {
    let mut end = 0;
    for line in folded.split_inclusive('\n') {
        let is_signature = SIGNATURES.iter().any(|start| line.trim_start().starts_with(start));
        if is_signature && !folded[..end].trim().is_empty() {
            break;
        }
        end += line.len();
    }
    &folded[..end]
}

/// Combining marks, apostrophes, and what has no width of its own.
fn is_dropped(c: char) -> bool {
    matches!(c,
        '\'' | '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' | '`' | '\u{b4}'
        | '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20f0}'
        | '\u{ad}' | '\u{61c}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_case_accents_and_the_invisible_make_no_difference() {
        for (text, expected) in [
            ("ＳＴＯＰ", "stop"),
            ("S\u{200b}TO\u{ad}P\u{feff}", "stop"),
            ("Arrêt!", "arret"),
            ("(don’t) Don't", "dont dont"),
            ("𝐀𝐂𝐊 1️⃣", "ack 1"),
            ("STOP🙏", "stop"),
            ("İ", "i"),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn a_signature_ends_a_text_unless_it_is_the_text() {
        assert_eq!(before_signature("ok\n\nsent from my phone\nno"), "ok\n\n");
        assert_eq!(before_signature("ok\n-- \nada"), "ok\n");
        assert_eq!(before_signature("sent from home"), "sent from home");
    }
}
