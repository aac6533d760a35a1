//! What several runs are about, in an answer. In: subjects. Out: as many as an answer has room for.
//!
//! Never: half a subject without a mark, or one that is left out and not counted.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;

/// Longest subject that is named whole beside others, in characters.
const SUBJECT_CHARS_MAX: usize = 30;
/// Room for all of them together, in characters: an answer of two segments has more words than these.
const ALL_CHARS_MAX: usize = 180;

/// A subject that leaves room for others.
pub(super) fn short(about: &str) -> Cow<'_, str> {
    if about.chars().count() <= SUBJECT_CHARS_MAX {
        return Cow::Borrowed(about);
    }
    let (mut kept, mut chars) = (String::new(), 0);
    for cluster in about.graphemes(true) {
        chars += cluster.chars().count();
        if chars > SUBJECT_CHARS_MAX - 3 {
            break;
        }
        kept.push_str(cluster);
    }
    Cow::Owned(format!("{}...", kept.trim_end()))
}

/// All of them; of many the first, and how many more there are. One alone is as long as its text lets it be.
pub(super) fn named<'a>(abouts: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = abouts.len();
    let (mut text, mut chars) = (String::new(), 0);
    for (number, about) in abouts.enumerate() {
        let about = if count == 1 { Cow::Borrowed(about) } else { short(about) };
        chars += about.chars().count() + 2;
        if number > 0 && chars > ALL_CHARS_MAX {
            return format!("{text}, +{}", count - number);
        }
        if number > 0 {
            text.push_str(", ");
        }
        text.push_str(&about);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_long_subjects_leave_room_for_the_words_around_them() {
        let long: Vec<String> =
            (1..=20).map(|n| format!("db-{n} {}", "is not reachable ".repeat(9))).collect();
        let text = named(long.iter().map(String::as_str));
        assert!(text.starts_with("db-1 is not reachable is no..., db-2 is "), "{text}");
        assert!(text.ends_with("..., +15") && text.chars().count() <= ALL_CHARS_MAX + 5, "{text}");
        assert_eq!(named(["db-1", "db-2"].into_iter()), "db-1, db-2");
        assert_eq!(named([long[0].as_str()].into_iter()), long[0]);
        assert_eq!(named([].into_iter()), "");
    }
}
