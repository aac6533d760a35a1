//! A reply as clauses. In: a text. Out: its clauses, and the codes in them.
//!
//! Never: decides what a clause says; `saying` does.

use super::{signs, vocabulary};
use crate::{ack_code::AckCode, words};

/// Letters and digits of a code.
const CODE_LENGTH: usize = 4;
/// Words that begin another clause without a comma.
const TURNS: &[&str] = &[
    "but",
    "except",
    "however",
    "though",
    "although",
    "unless",
    "aber",
    "ausser",
    "jedoch",
    "allerdings",
    "mais",
    "sauf",
    "cependant",
    "toutefois",
    "pero",
    "excepto",
    "salvo",
    "sino",
    "sondern",
    "mas",
    "maar",
];

/// A part of a text between two stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clause {
    words: Vec<String>,
    /// The line that it stands in, from 0.
    pub(super) line: usize,
    /// The sentence that it is a part of, from 0.
    pub(super) sentence: usize,
    /// Whether it ends with a question mark, or breaks off after a word like `but`.
    pub(super) is_question: bool,
    /// Whether a word like `but` stands before it.
    pub(super) is_turn: bool,
}

/// A code in a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// Its index among the open codes.
    pub(super) code: usize,
    /// The first of its words.
    pub(super) from: usize,
    /// How many words it takes.
    pub(super) length: usize,
    /// What is written to it without a space.
    pub(super) attached: Attached,
}

/// What is written to a code without a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attached {
    Nothing,
    Affirming,
    Refusing,
}

/// The clauses of a reply without its signature, without its quotes and what a phone puts under it.
pub(super) fn clauses(body: &str) -> Vec<Clause> {
    let folded = folded(body);
    split(words::before_signature(&folded), false)
}

/// A text with words for its signs, folded.
pub(super) fn folded(body: &str) -> String {
    words::fold(&signs::with_words(body))
}

/// All of it.
pub(super) fn clauses_with_quotes(body: &str) -> Vec<Clause> {
    split(&folded(body), true)
}

/// Whether a text marks a part of itself as quoted.
pub(super) fn has_quote_marks(body: &str) -> bool {
    words::fold(body).lines().any(|line| is_quoted(line) || vocabulary::introduces_quote(line))
}

/// Any code, of a text of ours or not, with or without a word written to it.
pub(super) fn any_code(word: &str) -> Option<AckCode> {
    let plain = plain_letters(word);
    let bare =
        ["acknowledge", "acked", "ack", "okay", "ok"].iter().find_map(|start| plain.strip_prefix(start));
    plain.parse().ok().or_else(|| bare?.parse().ok())
}

impl Clause {
    /// One that says no more than a code, below all others.
    pub(super) fn of_code(code: AckCode) -> Self {
        let words = vec![code.as_str().to_ascii_lowercase()];
        Self { words, line: usize::MAX, sentence: usize::MAX, is_question: false, is_turn: false }
    }

    /// The same that refuses a code, and says no more.
    pub(super) fn refusing(&self, code: AckCode) -> Self {
        Self { words: vec!["not".to_owned(), code.as_str().to_ascii_lowercase()], ..*self }
    }

    /// Its words, folded.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// The clause without some of its words.
    pub(super) fn without(&self, is_taken_out: impl Fn(usize) -> bool) -> Self {
        let kept = self.words.iter().enumerate().filter(|(at, _)| !is_taken_out(*at));
        Self { words: kept.map(|(_, word)| word.clone()).collect(), ..*self }
    }

    /// The open codes in it: words of their own, written in parts (`K7 X4`), or written to another word (`ACKK7X4`).
    pub(super) fn codes(&self, open: &[AckCode]) -> Vec<Found> {
        let (mut found, mut at) = (Vec::new(), 0);
        while at < self.words.len() {
            match self.code_at(at, open) {
                Some(code) => {
                    at += code.length;
                    found.push(code);
                }
                None => at += 1,
            }
        }
        found
    }

    fn code_at(&self, from: usize, open: &[AckCode]) -> Option<Found> {
        let index = |text: &str| open.iter().position(|code| text.eq_ignore_ascii_case(code.as_str()));
        let mut joined = String::new();
        for (length, word) in (1..).zip(&self.words[from..]) {
            joined.push_str(&plain_letters(word));
            if joined.len() > CODE_LENGTH {
                break;
            }
            if let Some(code) = index(&joined) {
                return Some(Found { code, from, length, attached: Attached::Nothing });
            }
        }
        let word = plain_letters(&self.words[from]);
        open.iter().enumerate().find_map(|(code, shown)| {
            let (before, after) = word.split_once(shown.as_str().to_ascii_lowercase().as_str())?;
            let attached = attached(before, after)?;
            Some(Found { code, from, length: 1, attached })
        })
    }

    /// Whether it begins with `ack`, or with a code.
    pub(super) fn begins_plainly(&self) -> bool {
        self.words().next().is_some_and(|word| vocabulary::affirms_alone(word) || any_code(word).is_some())
    }
}

/// What the letters before and after a code say, if they are words that may stand there.
fn attached(before: &str, after: &str) -> Option<Attached> {
    let fits = |word: &str| word.is_empty() || vocabulary::affirms(word) || vocabulary::stands_beside(word);
    if vocabulary::is_negation(before) || vocabulary::is_negation(after) {
        return Some(Attached::Refusing);
    }
    (fits(before) && fits(after)).then_some(Attached::Affirming)
}

fn split(folded: &str, with_quotes: bool) -> Vec<Clause> {
    let (mut clauses, mut sentence) = (Vec::new(), 0);
    for (line, text) in folded.lines().enumerate() {
        if !with_quotes && vocabulary::introduces_quote(text) {
            break;
        }
        if with_quotes || !is_quoted(text) {
            split_line(text, line, &mut sentence, &mut clauses);
        }
    }
    // A question mark that stands by itself asks about what is said before it, and `but` takes a part of it back.
    let last = clauses.iter().rev().find(|clause| clause.is_turn || !clause.words.is_empty());
    let breaks_off = last.is_some_and(|last| last.words.is_empty());
    let asks = breaks_off || clauses.iter().any(|clause| clause.words.is_empty() && clause.is_question);
    clauses.retain(|clause| !clause.words.is_empty());
    if let Some(last) = clauses.last_mut() {
        last.is_question |= asks;
    }
    clauses
}

/// The interrobang, marks that are doubled in one sign, the Arabic and the inverted mark, and the emoji.
const OTHER_QUESTION_MARKS: [char; 8] =
    ['\u{203d}', '\u{2049}', '\u{2048}', '\u{2047}', '\u{61f}', '\u{bf}', '\u{2753}', '\u{2754}'];

fn split_line(text: &str, line: usize, sentence: &mut usize, clauses: &mut Vec<Clause>) {
    let text = [" - ", " \u{2013} ", " \u{2014} "]
        .iter()
        .fold(text.to_owned(), |text, dash| text.replace(dash, " ; "));
    // Marks that stand together end one clause, whichever comes first: `!?` asks as `?!` does.
    let asks = text.contains(OTHER_QUESTION_MARKS) || text.contains("!?") || text.contains("! ?");
    for part in text.split_inclusive(['.', ',', ';', '!', '?', '\u{3002}', '\u{3001}']) {
        let is_question = asks || part.ends_with('?');
        let in_sentence = *sentence;
        *sentence += usize::from(!part.ends_with([',', '\u{3001}']));
        let empty = |is_turn| Clause { words: Vec::new(), line, sentence: in_sentence, is_question, is_turn };
        let mut clause = empty(false);
        let words = words_of(part);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let is_paired = is_paired(&words);
        for (at, word) in words.iter().enumerate() {
            if TURNS.contains(word) && !vocabulary::begin_with_delay(&words[at..]) {
                clauses.push(std::mem::replace(&mut clause, empty(true)));
                continue;
            }
            // `ack K7X4 not 44MC`: the refusal is about what follows it. `K7X4 no 44MC yes`: each code has its answer.
            let begins_another = if is_paired { at % 2 == 0 } else { refuses_a_code(&words[at..]) };
            if begins_another && !clause.words.is_empty() {
                clauses.push(std::mem::replace(&mut clause, empty(false)));
            }
            clause.words.push((*word).to_owned());
        }
        clauses.push(clause);
    }
}

/// The words of a folded text. A word that is stretched is the word that it stretches: `nooo`.
pub(super) fn words_of(folded: &str) -> Vec<String> {
    let plain = |word| if any_code(word).is_some() { None } else { vocabulary::unstretched(word) };
    words::split(folded).map(|word| plain(word).unwrap_or(word).to_owned()).collect()
}

/// Whether words are codes and answers in turn, both of them more than once.
fn is_paired(words: &[&str]) -> bool {
    let is_answer = |word: &str| vocabulary::affirms_alone(word) || vocabulary::is_negation(word);
    let is_pair = |pair: &[&str]| match pair {
        [one, two] => {
            (any_code(one).is_some() && is_answer(two)) || (is_answer(one) && any_code(two).is_some())
        }
        _ => false,
    };
    words.len() > 2 && words.chunks(2).all(is_pair)
}

/// Whether words begin with a refusal of a code, as in `not K7X4` and `don't ack K7X4`.
fn refuses_a_code(words: &[&str]) -> bool {
    let is_code = |word: &&str| any_code(word).is_some();
    match words {
        [refusal, after @ ..] if vocabulary::is_negation(refusal) => match after {
            [code, ..] if is_code(code) => true,
            [keyword, code, ..] => vocabulary::affirms_alone(keyword) && is_code(code),
            _ => false,
        },
        _ => false,
    }
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// A folded word with the Latin letters that its Cyrillic and Greek ones look like in capitals.
fn plain_letters(word: &str) -> String {
    if word.is_ascii() {
        return word.to_owned();
    }
    let look_alike = |c| match c {
        'а' | 'α' => 'a',
        'с' => 'c',
        'н' | 'η' => 'h',
        'к' | 'κ' => 'k',
        'м' | 'μ' => 'm',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'т' | 'τ' => 't',
        'х' | 'χ' | '×' => 'x',
        'ν' => 'n',
        c => c.to_digit(10).and_then(|digit| char::from_digit(digit, 10)).unwrap_or(c),
    };
    word.chars().map(look_alike).collect()
}
