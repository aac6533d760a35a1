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
/// Most words of a signature, marks that stand alone among them.
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
    while let Some((above, _)) = body.rsplit_once('\n').filter(|(_, last)| is_number_or_link(last.trim())) {
        body = above.trim_end();
    }
    let signs = |at: &usize| {
        let (above, below) = body.split_at(*at);
        let below = words::words(below);
        let is_line = above.trim_end_matches(' ').ends_with('\n');
        *at > 0 && signs(&below.iter().map(String::as_str).collect::<Vec<_>>(), is_line, people)
    };
    let end = word_starts(body).into_iter().find(signs);
    &body[..end.unwrap_or(body.len())]
}

fn is_number_or_link(line: &str) -> bool {
    let digits = line.chars().filter(char::is_ascii_digit).count();
    let is_of_number = |c: char| c.is_ascii_digit() || "+-()./ ".contains(c);
    let is_link = line.starts_with("http") && line.contains("://") && !line.contains(' ');
    is_link || (digits >= NUMBER_DIGITS_MIN && line.chars().all(is_of_number))
}

/// Whether the last words of a text are a signature. Without a greeting, only one that begins a line is.
fn signs(words: &[&str], is_line: bool, people: &People) -> bool {
    let device =
        SENT_FROM.iter().find_map(|phrase| vocabulary::begins(words, phrase)).map(|length| &words[length..]);
    if let Some(device) = device {
        return (1..=DEVICE_WORDS_MAX).contains(&device.len()) && !vocabulary::says_something(device);
    }
    let greeting = vocabulary::greeting(words);
    let below = &words[greeting.unwrap_or(0)..];
    let whole_name = (1..=below.len()).find(|length| people.is_own_name(&below[..*length]));
    let first_name = || people.first_name_in(below).filter(|_| greeting.is_some());
    let ends_with_role = |name: usize| {
        (greeting.is_some() || is_line) && below[name..].iter().all(|word| vocabulary::is_role(word))
    };
    match whole_name.or_else(first_name) {
        Some(name) => ends_with_role(name),
        None => greeting.is_some() && below.is_empty(),
    }
}

/// Where the last words of a text begin, with the marks before them.
fn word_starts(body: &str) -> Vec<usize> {
    let begins = |at: &usize| body[..*at].ends_with(|c: char| c.is_whitespace() || c == ',');
    let mut starts: Vec<usize> =
        body.char_indices().rev().map(|(at, _)| at).filter(begins).take(WORDS_MAX).collect();
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
