//! Signs that people send for words. In: a text. Out: the same with words for them.
//!
//! Never: takes a sign that it does not know for nothing: it becomes an unknown word, since it may be a shrug.

/// What stands around letters that are struck out where a phone cannot strike them.
const STRIKES: &[char] = &['~', '-', '\u{2010}', '\u{2011}', '\u{2013}', '\u{2014}'];

/// Written signs, and what they say. What is marked as unequal is not so.
const WRITTEN: &[(&str, &str)] = &[
    ("!=", " not "),
    (":(", " face "),
    (" :/", " shrug "),
    (" :-/", " shrug "),
    (" :|", " shrug "),
    (":-(", " face "),
    (":'(", " face "),
    (":’(", " face "),
];

/// A text with words for its signs.
pub(super) fn with_words(body: &str) -> String {
    let struck = if has_struck(body) { " struck " } else { "" };
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
            '❓' | '❔' => text.push_str(" ? "),
            '🤷' | '🤔' | '🤨' | '😕' | '🫤' => text.push_str(" shrug "),
            '😴' | '💤' | '🛌' => text.push_str(" asleep "),
            '⏳' | '⌛' | '⏰' | '⏱' | '⏲' | '🕐'..='🕧' | '🔜' => text.push_str(" later "),
            '✋' | '🤚' | '🛑' | '⏸' | '⏯' => text.push_str(" wait "),
            '🆘' => text.push_str(" help "),
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
            | '🛠'
            | '⚙'
            | '🔍'
            | '🔎'
            | '💻'
            | '🖥'
            | '⌨'
            | '📟'
            | '🚨'
            | '🔥'
            | '☕'
            | '🙌'
            | '👋'
            | '🤝'
            | '💯'
            | '😎'
            | '😉'
            | '😃'
            | '😄'
            | '😁'
            | '❤'
            | '♂'
            | '♀'
            | '\u{1f3fb}'..='\u{1f3ff}' => text.push(' '),
            '\u{2300}'..='\u{23ff}'
            | '\u{2600}'..='\u{27bf}'
            | '\u{1f191}'..='\u{1f19a}'
            | '\u{1f300}'..='\u{1faff}' => text.push_str(" sign "),
            _ => text.push(c),
        }
    }
    text + struck
}

/// Whether a part of a text stands between marks that strike it out: `~ACK K7X4~`, `--ok--`.
fn has_struck(body: &str) -> bool {
    let is_outside = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let is_inside = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
    let marked = |mark: char| {
        let (mut before, mut is_begun, mut is_mark) = (None, false, false);
        for c in body.chars().map(Some).chain([None]) {
            if c == Some(mark) {
                is_mark = true;
                continue;
            }
            if std::mem::take(&mut is_mark) {
                if is_begun && is_inside(before) && is_outside(c) {
                    return true;
                }
                is_begun |= is_outside(before) && is_inside(c);
            }
            before = c;
        }
        false
    };
    body.contains("~~") || STRIKES.iter().any(|mark| marked(*mark))
}
