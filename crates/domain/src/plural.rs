//! Counts in sentences. In: a number and a noun. Out: both, in the right form.
//!
//! Never: a noun whose plural takes more than an s.

use std::fmt::Display;

/// A number with its noun, for example `1 segment` or `2 segments`.
pub fn counted(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    let ending = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_thing_has_no_plural() {
        let counted = [0, 1, 2, 11].map(|count| counted(count, "segment"));
        assert_eq!(counted, ["0 segments", "1 segment", "2 segments", "11 segments"]);
    }
}
