//! Replies that hand a run on, as `ESC K7X4`. In: a text. Out: the same text as an acknowledgement, to be read as one.
//!
//! Never: decides which run is meant: that is read by the rules of an acknowledgement, the cautious ones without a code
//! included. What both hands on and takes on is neither.

use super::{open_code::OpenCode, vocabulary};
use crate::words;

/// Words that hand a run on, where they begin a text.
const HAND_OVER: &[&str] = &[
    "esc",
    "escalate",
    "handover",
    // German, French, Spanish.
    "eskalieren",
    "eskaliere",
    "weitergeben",
    "escalader",
    "transferer",
    "escalar",
    "derivar",
];
/// The same in two words.
const TWO_WORDS: &[[&str; 2]] = &[["hand", "over"], ["pass", "on"]];
/// What may stand before.
const OPENINGS: &[&str] = &["please", "pls", "sorry", "bitte", "sorry", "svp", "favor"];

/// What a text that begins by handing on says.
pub(super) enum HandOver {
    /// The run that it would acknowledge in these words.
    As(String),
    /// It takes the run on as well.
    Contradicts,
}

/// Reads the beginning of a text; `None` where it does not hand on.
pub(super) fn read(body: &str, open: &[OpenCode]) -> Option<HandOver> {
    let mut tokens = Tokens { rest: body };
    let (mut first, mut word) = tokens.next()?;
    if OPENINGS.contains(&word.as_str()) {
        (first, word) = tokens.next()?;
    }
    let is_code = |text: &str| open.iter().any(|open| text.eq_ignore_ascii_case(open.code.as_str()));
    let attached = || word.strip_prefix("esc").filter(|code| is_code(code));
    let rest = if HAND_OVER.contains(&word.as_str()) {
        tokens.rest.to_owned()
    } else if let Some(code) = attached() {
        format!(" {code}{}", tokens.rest)
    } else {
        let (_, second) = tokens.next()?;
        if !TWO_WORDS.iter().any(|[one, two]| *one == word && *two == second) {
            return None;
        }
        tokens.rest.to_owned()
    };
    // What follows on other lines may be a copy of our own text.
    let said = words::words(rest.lines().next().unwrap_or_default());
    let said: Vec<&str> = said.iter().map(String::as_str).collect();
    if vocabulary::acknowledges(&vocabulary::meant(&said)) {
        return Some(HandOver::Contradicts);
    }
    let before = body.len() - first.len();
    // Written as the keyword, it is read with the keyword's rules.
    Some(HandOver::As(format!("{}ACK{rest}", &body[..before])))
}

/// Whether the first line of a text has a word that hands on; further lines may be a copy of our own text.
pub(super) fn is_said(body: &str) -> bool {
    let words = words::words(body.lines().next().unwrap_or_default());
    words.iter().any(|word| HAND_OVER.contains(&word.as_str()))
}

/// The words of a text one after another, each folded, with the text from where it begins.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<(&'a str, String)> {
        let from = self.rest.find(char::is_alphanumeric)?;
        let text = &self.rest[from..];
        let length = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
        self.rest = &text[length..];
        Some((text, words::fold(&text[..length])))
    }
}
