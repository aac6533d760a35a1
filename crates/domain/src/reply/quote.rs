//! Copies of our own texts in replies. In: the clauses of a reply, and the texts it may copy. Out: what is left.
//!
//! Never: takes out the words around the code alone: `Reply ACK K7X4` is what people type.

use super::{
    clause::{self, Clause},
    open_code::OpenCode,
    vocabulary,
};
use crate::words;

/// Words of a text, apart from those that ask for the code, by which a copy of a part of it is known.
const COPIED_WORDS: usize = 3;
/// Most words before the code that ask for it, as in `Please reply ACK K7X4`.
const WORDS_BEFORE_CODE: usize = 3;

/// The clauses without what copies one of the texts, and whether anything was taken out.
pub(super) fn take_out(clauses: &[Clause], open: &[OpenCode]) -> (Vec<Clause>, bool) {
    let (mut left, mut has_quote) = (clauses.to_vec(), false);
    for open in open {
        let code = open.code.as_str().to_ascii_lowercase();
        let texts = open.page.iter().chain(&open.answers);
        for page in texts.filter_map(|text| Page::of(&text.0, &code)) {
            // A text may be pasted more than once.
            while let Some(copied) = copy_of(&page, &left, &code) {
                left = without(&left, &(copied.from..copied.from + copied.length));
                has_quote = true;
            }
        }
    }
    (left, has_quote)
}

/// The codes whose pages are copied anywhere in a text, its quotes included.
pub(super) fn pages(clauses: &[Clause], open: &[OpenCode]) -> Vec<usize> {
    let is_copied = |open: &OpenCode| {
        let code = open.code.as_str().to_ascii_lowercase();
        let page = open.page.as_ref().and_then(|text| Page::of(&text.0, &code));
        page.is_some_and(|page| copy_of(&page, clauses, &code).is_some())
    };
    (0..open.len()).filter(|at| is_copied(&open[*at])).collect()
}

/// A copy of a text among the words that are left, if they hold its code.
fn copy_of(page: &Page, left: &[Clause], code: &str) -> Option<Copied> {
    let words: Vec<&str> = left.iter().flat_map(Clause::words).collect();
    let copied = words.contains(&code).then(|| longest_copy(&words, &page.words))?;
    (copied.length > 0 && page.is_quoted_by(&copied)).then_some(copied)
}

/// A text of ours.
struct Page {
    words: Vec<String>,
    /// How many of them stand before those that ask for the code. Whatever follows the code asks for it as well.
    said: usize,
}

impl Page {
    fn of(text: &str, code: &str) -> Option<Self> {
        let folded = clause::folded(text);
        let words = clause::words_of(&folded);
        let code_at = words.iter().rposition(|word| word == code)?;
        let sentence = folded[..folded.rfind(code)?].rfind(['.', ':', '!', '?', '\n']).unwrap_or(0);
        let said = words::split(&folded[..sentence]).count().max(code_at.saturating_sub(WORDS_BEFORE_CODE));
        Some(Self { words, said })
    }

    fn is_quoted_by(&self, copied: &Copied) -> bool {
        let is_whole =
            copied.length == self.words.len() && self.words.first().is_some_and(|word| !asks_for_code(word));
        let said = copied.page_from.min(self.said)..(copied.page_from + copied.length).min(self.said);
        is_whole || (self.said > 0 && said.len() >= COPIED_WORDS.min(self.said))
    }
}

fn asks_for_code(word: &str) -> bool {
    vocabulary::affirms(word) || vocabulary::stands_beside(word)
}

struct Copied {
    from: usize,
    page_from: usize,
    length: usize,
}

/// The longest run of words that both have.
fn longest_copy(words: &[&str], page: &[String]) -> Copied {
    let mut best = Copied { from: 0, page_from: 0, length: 0 };
    // How many words up to this one, and that of the page, are the same.
    let mut above = vec![0; page.len() + 1];
    for (at, word) in words.iter().enumerate() {
        let mut row = vec![0; page.len() + 1];
        for (page_at, page_word) in page.iter().enumerate() {
            if word == page_word {
                let length = above[page_at] + 1;
                row[page_at + 1] = length;
                if length > best.length {
                    best = Copied { from: at + 1 - length, page_from: page_at + 1 - length, length };
                }
            }
        }
        above = row;
    }
    best
}

/// The clauses without the words in this range, counted over all of them.
pub(super) fn without(clauses: &[Clause], taken: &std::ops::Range<usize>) -> Vec<Clause> {
    let mut first = 0;
    let mut left = Vec::new();
    for clause in clauses {
        let start = first;
        first += clause.words().count();
        let clause = clause.without(|at| taken.contains(&(start + at)));
        if clause.words().next().is_some() {
            left.push(clause);
        }
    }
    left
}
