//! Signs that people send for words. In: a text. Out: the same with words for them.
//!
//! Never: takes a sign that it does not know for nothing: it becomes an unknown word, since it may be a shrug.

/// Written signs, and what they say. What is struck out, or marked as unequal, is not so.
const WRITTEN: &[(&str, &str)] = &[
    ("!=", " not "),
    ("~~", " not "),
    (":(", " face "),
    (" :/", " face "),
    (" :-/", " face "),
    (" :|", " face "),
    (":-(", " face "),
    (":'(", " face "),
    (":’(", " face "),
];

/// A text with words for its signs.
pub(super) fn with_words(body: &str) -> String {
    let body = WRITTEN.iter().fold(body.to_owned(), |text, (sign, word)| text.replace(sign, word));
    let mut text = String::with_capacity(body.len());
    let mut is_start = true;
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        let begins_word = std::mem::replace(&mut is_start, c.is_whitespace());
        match c {
            '👎' | '❌' | '🚫' | '⛔' | '🙅' | '✖' => text.push_str(" no "),
            // As programmers deny: `!ack`.
            '!' if begins_word && chars.peek().is_some_and(|next| next.is_alphanumeric()) => {
                text.push_str(" not ");
            }
            // Not equal, and letters that are struck out.
            '≠' | '\u{335}'..='\u{338}' => text.push_str(" not "),
            '👍' | '👌' | '✅' | '✔' | '☑' | '🆗' | '🫡' => text.push_str(" ok "),
            '🤷' => text.push_str(" shrug "),
            '😴' | '💤' | '🛌' => text.push_str(" asleep "),
            '🚗' | '🚙' | '🚘' | '🏎' | '🏃' => text.push_str(" driving "),
            // They say how somebody feels, not what they do.
            '😭' | '😢' | '😩' | '😫' | '😱' | '😤' | '🥲' | '🙄' | '😂' | '🤣' | '😬' | '🤦' | '😡'
            | '🥱' => {
                text.push_str(" face ");
            }
            // They go with any words.
            '🙏'
            | '🙂'
            | '😊'
            | '😀'
            | '😅'
            | '👀'
            | '💪'
            | '🚀'
            | '🔧'
            | '❤'
            | '♂'
            | '♀'
            | '\u{1f3fb}'..='\u{1f3ff}' => text.push(' '),
            '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}' => text.push_str(" sign "),
            _ => text.push(c),
        }
    }
    text
}
