//! What stands under a reply: greetings, the sender's name, and what programs add. In: a text, and its sender's name. Out:
//! the text without it.
//!
//! Never: takes the first line for a signature, nor anything that may be said about a page.

use super::{people::People, vocabulary};
use crate::words;

/// Most words of a name under a text.
const NAME_WORDS_MAX: usize = 3;
/// Most words of a device after `sent from my`.
const DEVICE_WORDS_MAX: usize = 3;
/// Most words of a signature in one line.
const WORDS_MAX: usize = 12;
/// Fewest digits of a phone number.
const NUMBER_DIGITS_MIN: usize = 7;
/// How a program says, in the line of a text, what it was typed on.
const SENT_FROM: &[&str] = &[
    "sent from my",
    "sent via my",
    "gesendet von meinem",
    "von meinem",
    "envoye de mon",
    "envoye depuis mon",
    "enviado desde mi",
];
/// What the notices say that mail programs add, from which on they are no part of a text.
const NOTICES: &[&str] = &[
    "intended recipient",
    "is confidential",
    "are confidential",
    "confidentiality notice",
    "ist vertraulich",
    "richtige adressat",
    "vorgesehene empfanger",
    "est confidentiel",
    "destinataire prevu",
    "es confidencial",
    "destinatario previsto",
];

/// The text without what stands under it, or before it as the number of a part: `1/1 ACK K7X4`.
pub(super) fn without<'a>(body: &'a str, people: &People) -> &'a str {
    let mut body = before_notice(after_part_number(before_name(body))).trim_end();
    loop {
        let (above, last) = body.rsplit_once('\n').unwrap_or(("", body));
        let kept = kept_of_line(last, above.trim().is_empty(), people);
        if kept == last.len() {
            return body;
        }
        body = body[..body.len() - last.len() + kept].trim_end();
    }
}

/// How many bytes of the last line belong to the text.
fn kept_of_line(line: &str, is_first: bool, people: &People) -> usize {
    let is_number = line.chars().filter(char::is_ascii_digit).count() >= NUMBER_DIGITS_MIN
        && line.chars().all(|c| c.is_ascii_digit() || "+-()./ ".contains(c));
    let is_link = line.starts_with("http") && line.contains("://") && !line.trim().contains(' ');
    if !is_first && (is_number || is_link) {
        return 0;
    }
    let signs = |at: &usize| {
        let folded = words::words(&line[*at..]);
        let words: Vec<&str> = folded.iter().map(String::as_str).collect();
        signs(&words, *at == 0, people)
    };
    word_starts(line).into_iter().filter(|at| !is_first || *at > 0).find(signs).unwrap_or(line.len())
}

/// Whether the last words of a line are a signature. Without a greeting, only a line of its own is.
fn signs(words: &[&str], is_line: bool, people: &People) -> bool {
    let device = SENT_FROM.iter().find_map(|phrase| vocabulary::begins(words, phrase));
    if device.is_some_and(|length| (length + 1..=length + DEVICE_WORDS_MAX + 1).contains(&words.len())) {
        return true;
    }
    let greeting = vocabulary::greeting(words);
    let rest = &words[greeting.unwrap_or(0)..];
    let has_whole_name = (1..=rest.len()).rev().find(|length| people.is_own_name(&rest[..*length]));
    let name = has_whole_name.or(people.own_name_in(rest).filter(|_| greeting.is_some()));
    let is_role = |word: &&str| vocabulary::is_role(word);
    let is_rest_signed = rest[name.unwrap_or(0)..].iter().all(is_role);
    match (greeting, name) {
        (Some(_), None) => rest.is_empty(),
        (Some(_), Some(_)) => is_rest_signed,
        (None, Some(_)) => is_line && is_rest_signed,
        (None, None) => false,
    }
}

/// Where the last words of a line begin, with the marks before them.
fn word_starts(line: &str) -> Vec<usize> {
    let begins = |at: &usize| *at == 0 || line[..*at].ends_with(|c: char| c.is_whitespace() || c == ',');
    let mut starts: Vec<usize> =
        line.char_indices().rev().map(|(at, _)| at).filter(begins).take(WORDS_MAX).collect();
    starts.reverse();
    starts
}

fn after_part_number(body: &str) -> &str {
    let trimmed = body.trim_start();
    let (first, rest) = trimmed.split_once(char::is_whitespace).unwrap_or((trimmed, ""));
    let number = first.trim_matches(['(', ')', '[', ']', ':']);
    let is_number = |part: &str| part.len() == 1 && part.chars().all(|c| c.is_ascii_digit());
    match number.split_once('/') {
        Some((at, of)) if is_number(at) && is_number(of) => rest,
        Some(_) | None => body,
    }
}

fn before_notice(body: &str) -> &str {
    let mut end = 0;
    for sentence in body.split_inclusive(['.', '\n']) {
        let folded = words::words(sentence).join(" ");
        if !body[..end].trim().is_empty() && NOTICES.iter().any(|notice| folded.contains(notice)) {
            break;
        }
        end += sentence.len();
    }
    &body[..end]
}

/// A text without the name that a phone puts under it, below an empty line.
fn before_name(body: &str) -> &str {
    let is_name = |text: &str| {
        let words: Vec<&str> = text.split_whitespace().collect();
        let capital =
            |word: &&str| word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphabetic);
        let folded = words::words(text);
        (1..=NAME_WORDS_MAX).contains(&words.len())
            && words.iter().all(capital)
            && !vocabulary::says_something(&folded.iter().map(String::as_str).collect::<Vec<_>>())
    };
    match body.trim_end().rsplit_once("\n\n") {
        Some((text, last)) if is_name(last) => text,
        Some(_) | None => body,
    }
}
