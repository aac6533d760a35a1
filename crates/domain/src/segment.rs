//! How many SMS parts a text takes. In: the whole text. Out: its encoding, its length in units and its parts.
//!
//! Never: changes the text, or refuses one; a text past [`BODY_CHARS_MAX`] is the caller's error.

use unicode_segmentation::UnicodeSegmentation;

use crate::gsm7;

/// Most characters the provider takes in one message (its error 21617 beyond that).
pub const BODY_CHARS_MAX: usize = 1_600;
/// What fits into one SMS part when one character is outside GSM-7, in 16-bit units.
pub const UCS2_SINGLE_UNITS: usize = 70;

/// Units of a part that travels alone: 1120 bits.
const SINGLE: Capacity = Capacity { septets: 160, code_units: 70 };
/// Units of each of several parts: the concatenation header takes six octets.
const JOINED: Capacity = Capacity { septets: 153, code_units: 67 };

struct Capacity {
    septets: u32,
    code_units: u32,
}

/// How the text is written on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Seven bits a character, two septets for those of the extension table.
    Gsm7,
    /// Sixteen bits a code unit: one character outside GSM-7 is enough.
    Ucs2,
}

/// What a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Segments {
    /// The encoding of the whole text.
    pub encoding: Encoding,
    /// Septets or 16-bit code units, without the padding at the end of a part. Saturates.
    pub units: u32,
    /// Parts, at least 1. Saturates at 255, far past what [`BODY_CHARS_MAX`] allows.
    pub count: u8,
}

/// Counts as the provider's own calculator does: greedily, since what must stay whole moves to the next part.
///
/// An empty text counts as one part of no units, as a message that carries a picture alone does;
/// without a picture the provider refuses it (error 21602).
pub fn count(text: &str) -> Segments {
    let mut units = 0u32;
    for c in text.chars() {
        let Some(septets) = gsm7::septets(c) else { return count_ucs2(text) };
        units = units.saturating_add(u32::from(septets));
    }
    let sizes = || text.chars().map(|c| u32::from(gsm7::septets(c).unwrap_or(1)));
    let count = if units <= SINGLE.septets { 1 } else { parts(sizes(), JOINED.septets) };
    Segments { encoding: Encoding::Gsm7, units, count }
}

fn count_ucs2(text: &str) -> Segments {
    let units = saturate(text.encode_utf16().count());
    let count = if units <= SINGLE.code_units { 1 } else { parts(wholes(text), JOINED.code_units) };
    Segments { encoding: Encoding::Ucs2, units, count }
}

/// Sizes of what is not split: grapheme clusters, except `\r\n`, and except one that no part can hold.
fn wholes(text: &str) -> impl Iterator<Item = u32> {
    text.graphemes(true).flat_map(|cluster| {
        let size = saturate(cluster.encode_utf16().count());
        let split = cluster == "\r\n" || size > JOINED.code_units;
        let chars = cluster.chars().filter(move |_| split).map(|c| c.len_utf16() as u32);
        (!split).then_some(size).into_iter().chain(chars)
    })
}

/// Fills parts one after the other. No size may be above the capacity.
fn parts(sizes: impl Iterator<Item = u32>, capacity: u32) -> u8 {
    let (mut parts, mut filled) = (1u8, 0u32);
    for size in sizes {
        if filled + size > capacity {
            parts = parts.saturating_add(1);
            filled = 0;
        }
        filled += size;
    }
    parts
}

fn saturate(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, encoding: Encoding, units: u32, count: u8) {
        assert_eq!(super::count(text), Segments { encoding, units, count }, "{text}");
    }

    fn digits(length: usize) -> String {
        "0123456789".chars().cycle().take(length).collect()
    }

    #[test]
    fn gsm7_texts_count_as_the_official_calculator_counts_them() {
        check(&digits(160), Encoding::Gsm7, 160, 1); // 1
        check(&digits(161), Encoding::Gsm7, 161, 2); // 2
        check(&digits(307), Encoding::Gsm7, 307, 3); // 3
        for extended in ['|', '^', '€', '{', '}', '[', ']', '~', '\\'] {
            check(&format!("{extended}{}", digits(158)), Encoding::Gsm7, 160, 1); // 4
            check(&format!("{extended}{}", digits(159)), Encoding::Gsm7, 161, 2); // 5
        }
        check("[ALERT] Pump 3 temp 98 > 90. Reply ACK", Encoding::Gsm7, 40, 1); // 12
        check("It's down", Encoding::Gsm7, 9, 1); // 13
        check(&format!("{}€{}", "a".repeat(152), "b".repeat(10)), Encoding::Gsm7, 164, 2); // 14
        for (length, parts) in [(306, 2), (459, 3), (460, 4)] {
            check(&"a".repeat(length), Encoding::Gsm7, length as u32, parts); // 16
        }
    }

    #[test]
    fn ucs2_texts_count_as_the_official_calculator_counts_them() {
        for (length, parts) in [(68, 1), (69, 2), (133, 3)] {
            check(&format!("😜{}", digits(length)), Encoding::Ucs2, length as u32 + 2, parts); // 6, 7, 8
        }
        check(&format!("🇮🇹{}", digits(66)), Encoding::Ucs2, 70, 1); // 9
        check(&format!("🇮🇹{}", digits(67)), Encoding::Ucs2, 71, 2); // 9
        for accented in ["Á", "Ú", "ú", "ç", "í", "Í", "ó", "Ó"] {
            check(&accented.repeat(70), Encoding::Ucs2, 70, 1); // 10
            check(&accented.repeat(71), Encoding::Ucs2, 71, 2); // 10
        }
        check(&format!("😀{}", "]".repeat(68)), Encoding::Ucs2, 70, 1); // 11
        check(&format!("😀{}", "]".repeat(69)), Encoding::Ucs2, 71, 2); // 11
        check("It’s down", Encoding::Ucs2, 9, 1); // 13
        check(&format!("ç{}😜{}", "x".repeat(65), "y".repeat(10)), Encoding::Ucs2, 78, 2); // 15
    }

    #[test]
    fn what_must_stay_whole_pushes_the_rest_along() {
        // Divided evenly, 134 units are two parts; the emoji leaves one unit of padding in the first.
        check(&format!("ç{}😜{}", "x".repeat(65), "y".repeat(66)), Encoding::Ucs2, 134, 3);
        check(&format!("{}€{}", "a".repeat(152), "b".repeat(152)), Encoding::Gsm7, 306, 3);
        check(&format!("{}🇮🇹{}", "ç".repeat(65), "y".repeat(65)), Encoding::Ucs2, 134, 3);
        check("\r\n", Encoding::Gsm7, 2, 1);
        check(&format!("ç{}\r\n{}", "x".repeat(65), "y".repeat(66)), Encoding::Ucs2, 134, 2);
    }

    #[test]
    fn an_empty_text_is_one_part_and_a_vast_one_saturates() {
        check("", Encoding::Gsm7, 0, 1);
        check(&"a".repeat(100_000), Encoding::Gsm7, 100_000, 255);
        // One cluster that no part could hold.
        check(&format!("e{}", "\u{301}".repeat(100)), Encoding::Ucs2, 101, 2);
        // The longest that one can hold is whole, and one that is longer is not.
        let accented = |accents| format!("e{}", "\u{301}".repeat(accents));
        check(&format!("abcd{}{}", accented(66), digits(63)), Encoding::Ucs2, 134, 3);
        check(&format!("abc{}{}", accented(67), digits(63)), Encoding::Ucs2, 134, 2);
    }

    proptest! {
        #[test]
        fn a_count_is_never_below_division_nor_far_above(text in "\\PC{0,400}") {
            let found = count(&text);
            let (alone, joined) = match found.encoding {
                Encoding::Gsm7 => (SINGLE.septets, JOINED.septets),
                Encoding::Ucs2 => (SINGLE.code_units, JOINED.code_units),
            };
            prop_assert_eq!(found.count == 1, found.units <= alone);
            if found.units > alone {
                prop_assert!(u32::from(found.count) >= found.units.div_ceil(joined));
            }
        }
    }
}
