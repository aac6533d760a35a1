//! Texts of strangers on a terminal. In: a text from an event, a reply or an error. Out: the same, harmless.
//!
//! Never: lets a text move the cursor, change colours or the title, or turn its own direction round.

/// The text with control and bidirectional characters written as escapes, as JSON writes them, so that a document
/// stays one. Line breaks and tabs stay.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let is_control = c.is_control() && !matches!(c, '\n' | '\t');
        if is_control || is_bidirectional(c) {
            shown.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The explicit formatting characters of the Unicode Bidirectional Algorithm (UAX 9, section 2).
fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e5_a_terminal_is_told_nothing_by_a_text() {
        assert_eq!(printable("\x1b]0;x\x07 ok"), "\\u001b]0;x\\u0007 ok");
        assert_eq!(printable("a\u{202e}b\u{9b}c\rd"), "a\\u202eb\\u009bc\\u000dd");
        let document = serde_json::to_string("a\u{202e}b\u{9b}c").unwrap();
        assert_eq!(serde_json::from_str::<String>(&printable(&document)).unwrap(), "a\u{202e}b\u{9b}c");
        assert_eq!(printable("två\tlinjer\n🙂"), "två\tlinjer\n🙂");
    }
}
