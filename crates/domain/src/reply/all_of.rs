//! `ALL 44MC`, as a digest asks for it. In: a reply, and the open codes. Out: the reply as if it named the code alone, which
//! stands for all that the digest tells of.
//!
//! Never: takes `all` before a code whose text did not ask for it.

use std::borrow::Cow;

use super::OpenCode;
use crate::ack_code::AckCode;

/// The reply without the word `ALL` before the code of a digest. Where nothing stands before it, it is an acknowledgement.
pub(super) fn without_all<'a>(body: &'a str, open: &[OpenCode]) -> Cow<'a, str> {
    let asks_for_it = |code: AckCode| {
        let asked = format!("ALL {code}");
        let is_asked = |open: &OpenCode| open.page.as_ref().is_some_and(|page| page.0.contains(&asked));
        open.iter().any(|open| open.code == code && is_asked(open))
    };
    for (at, _) in body.char_indices() {
        let Some(word) = body.get(at..at + 3).filter(|word| word.eq_ignore_ascii_case("all")) else {
            continue;
        };
        let (before, rest) = (&body[..at], &body[at + word.len()..]);
        let next = rest.trim_start();
        let is_word = !before.ends_with(char::is_alphanumeric) && next.len() < rest.len();
        let code = next.split(|c: char| !c.is_alphanumeric()).next().and_then(|word| word.parse().ok());
        // A copy of the text stays one.
        let words: Vec<&str> = before.split_whitespace().collect();
        let is_copy = words.len() > 1 && words.last().is_some_and(|word| word.eq_ignore_ascii_case("reply"));
        if is_word && !is_copy && code.is_some_and(asks_for_it) {
            let keyword = if before.chars().any(char::is_alphanumeric) { "" } else { "ACK " };
            return Cow::Owned(format!("{before}{keyword}{next}"));
        }
    }
    Cow::Borrowed(body)
}
