//! The GSM 7-bit alphabet. In: a character or a text. Out: what it costs, or the same text spelt with that alphabet.
//!
//! Never: touches accented letters or emoji. They carry meaning, so they stay and the text is counted as UCS-2.

use std::{collections::BTreeMap, sync::LazyLock};

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// What a character costs in GSM-7, in septets: 1 from the basic table, 2 from the extension table.
///
/// `None` means that it is in neither, and that one such character turns the whole text into UCS-2.
/// Source: 3GPP TS 23.038, sections 6.2.1 and 6.2.1.1.
pub fn septets(c: char) -> Option<u8> {
    match c {
        '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' | '\u{c}' => Some(2),
        '`' | '\u{7f}' => None,
        ' '..='~' | '\n' | '\r' => Some(1),
        '£' | '¥' | 'è' | 'é' | 'ù' | 'ì' | 'ò' | 'Ç' | 'Ø' | 'ø' | 'Å' | 'å' | 'Æ' | 'æ' | 'ß' | 'É' => {
            Some(1)
        }
        'Δ' | 'Φ' | 'Γ' | 'Λ' | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' => Some(1),
        '¤' | '¡' | '¿' | '§' | 'Ä' | 'Ö' | 'Ñ' | 'Ü' | 'ä' | 'ö' | 'ñ' | 'ü' | 'à' => Some(1),
        _ => None,
    }
}

/// Spells a text with GSM-7 characters where a look-alike exists, so that it does not double in price.
///
/// The map is the one that Twilio's smart encoding uses, so that the text we count is the text that is billed.
/// Three of its quirks are decided here:
/// - Every wide or odd space is one space and a tab is one space; the calculator doubles them, or writes seven.
/// - `‹` becomes `>` and `›` becomes `<`, reversed as in the source, since smart encoding would do the same.
/// - Accented letters and emoji stay.
///
/// Control characters go, except the newline.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    // A letter and its accent, as file systems write them, are one letter of the alphabet.
    let nfc = ComposingNormalizerBorrowed::new_nfc();
    let stays =
        |c: &char| *c == '\n' || FOLDS.get(c).map_or(!c.is_control(), |look_alike| !look_alike.is_empty());
    for c in nfc.normalize_iter(text.chars().filter(stays)) {
        match c {
            '\n' => folded.push(c),
            '`' => folded.push('\''),
            ' '..='~' => folded.push(c),
            _ => match FOLDS.get(&c) {
                Some(look_alike) => folded.push_str(look_alike),
                None => folded.push(styled_letter(c).unwrap_or(c)),
            },
        }
    }
    nfc.normalize(&folded).into_owned()
}

/// Whether [`fold`] would return the text as it is, decided without allocating. May be false for such a text.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'\n' | b' '..=b'~') && b != b'`')
}

/// The plain letter that a mathematical, circled or letter-like one is: phones make links of them too.
fn styled_letter(c: char) -> Option<char> {
    if !matches!(c, '\u{2100}'..='\u{214f}' | '\u{2160}'..='\u{217f}' | '\u{24b6}'..='\u{24e9}' | '\u{1d400}'..='\u{1d7ff}')
    {
        return None;
    }
    let mut plain = DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(std::iter::once(c));
    plain.next().filter(|letter| letter.is_ascii_alphanumeric() && plain.next().is_none())
}

static FOLDS: LazyLock<BTreeMap<char, &'static str>> = LazyLock::new(|| {
    let rows = LOOK_ALIKES.iter().flat_map(|(to, from)| from.chars().map(move |c| (c, *to)));
    let digits = ('\u{ff10}'..='\u{ff19}').zip((0..10).map(|at| &FULL_WIDTH[at..=at]));
    let letters = ('\u{ff21}'..='\u{ff3a}').zip((10..36).map(|at| &FULL_WIDTH[at..=at]));
    let small = ('\u{ff41}'..='\u{ff5a}').zip((36..62).map(|at| &FULL_WIDTH[at..=at]));
    rows.chain(digits).chain(letters).chain(small).collect()
});

/// What the full-width digits, capitals and small letters mean, in their order.
const FULL_WIDTH: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Look-alikes by what replaces them. Source: the map of TwilioDevEd/message-segment-calculator; the non-breaking hyphen,
/// the figure dash, the minus sign, arrows, signs of comparison and ligatures are ours, since dashboards and PDF files
/// write them, and so is the one-dot leader, of which phones make links.
const LOOK_ALIKES: &[(&str, &str)] = &[
    (
        "\"",
        "\u{ab}\u{bb}\u{201c}\u{201d}\u{2ba}\u{2ee}\u{201f}\u{201e}\u{275d}\u{275e}\u{301d}\u{301e}\u{ff02}",
    ),
    (
        "'",
        "\u{2018}\u{2019}\u{2bb}\u{2c8}\u{2bc}\u{2bd}\u{2b9}\u{201b}\u{ff07}\u{b4}\u{2ca}\u{60}\u{2cb}\u{275b}\u{275c}\u{313}\u{314}\u{fe10}\u{fe11}",
    ),
    ("/", "\u{f7}\u{29f8}\u{337}\u{338}\u{2044}\u{2215}\u{ff0f}"),
    ("\\", "\u{29f9}\u{29f5}\u{20e5}\u{fe68}\u{ff3c}"),
    (
        "-",
        "\u{23bc}\u{23bd}\u{2015}\u{fe63}\u{ff0d}\u{2010}\u{2043}\u{2014}\u{2013}\u{2022}\u{2011}\u{2012}\u{2212}",
    ),
    ("_", "\u{332}\u{ff3f}\u{2017}"),
    ("|", "\u{20d2}\u{20d3}\u{2223}\u{ff5c}\u{23b8}\u{23b9}\u{23d0}\u{239c}\u{239f}"),
    ("@", "\u{fe6b}\u{ff20}"),
    ("$", "\u{fe69}\u{ff04}"),
    ("!", "\u{1c3}\u{fe15}\u{fe57}\u{ff01}"),
    ("!!", "\u{203c}"),
    ("#", "\u{fe5f}\u{ff03}"),
    ("%", "\u{fe6a}\u{ff05}"),
    ("&", "\u{fe60}\u{ff06}"),
    (",", "\u{201a}\u{326}\u{fe50}\u{fe51}\u{ff0c}\u{ff64}\u{3001}"),
    (".", "\u{2024}\u{3002}\u{fe52}\u{ff0e}\u{ff61}"),
    ("...", "\u{2026}"),
    ("(", "\u{2768}\u{276a}\u{fe59}\u{ff08}\u{27ee}\u{2985}"),
    (")", "\u{2769}\u{276b}\u{fe5a}\u{ff09}\u{27ef}\u{2986}"),
    (
        "*",
        "\u{204e}\u{2217}\u{229b}\u{2722}\u{2723}\u{2724}\u{2725}\u{2731}\u{2732}\u{2733}\u{273a}\u{273b}\u{273c}\u{273d}\u{2743}\u{2749}\u{274a}\u{274b}\u{29c6}\u{fe61}\u{ff0a}",
    ),
    ("+", "\u{2d6}\u{fe62}\u{ff0b}"),
    (":", "\u{2d0}\u{2f8}\u{2982}\u{a789}\u{fe13}\u{ff1a}"),
    (";", "\u{204f}\u{fe14}\u{fe54}\u{ff1b}"),
    ("<", "\u{fe64}\u{ff1c}\u{203a}"),
    (">", "\u{fe65}\u{ff1e}\u{2039}"),
    ("=", "\u{347}\u{a78a}\u{fe66}\u{ff1d}"),
    ("?", "\u{fe16}\u{fe56}\u{ff1f}"),
    ("^", "\u{2c6}\u{302}\u{ff3e}\u{1dcd}"),
    ("~", "\u{2dc}\u{2f7}\u{303}\u{330}\u{334}\u{223c}\u{ff5e}"),
    ("{", "\u{2774}\u{fe5b}\u{ff5b}"),
    ("}", "\u{2775}\u{fe5c}\u{ff5d}"),
    ("[", "\u{ff3b}"),
    ("]", "\u{ff3d}"),
    ("u", "\u{b5}"),
    ("x", "\u{d7}"),
    ("<-", "\u{2190}"),
    ("->", "\u{2192}"),
    ("!=", "\u{2260}"),
    ("<=", "\u{2264}"),
    (">=", "\u{2265}"),
    ("No", "\u{2116}"),
    ("oe", "\u{153}"),
    ("OE", "\u{152}"),
    ("ff", "\u{fb00}"),
    ("fi", "\u{fb01}"),
    ("fl", "\u{fb02}"),
    ("ffi", "\u{fb03}"),
    ("ffl", "\u{fb04}"),
    ("st", "\u{fb05}\u{fb06}"),
    ("1/4", "\u{bc}"),
    ("1/2", "\u{bd}"),
    ("3/4", "\u{be}"),
    // Small capitals.
    ("A", "\u{1d00}"),
    ("B", "\u{299}"),
    ("C", "\u{1d04}"),
    ("D", "\u{1d05}"),
    ("E", "\u{1d07}"),
    ("F", "\u{a730}"),
    ("G", "\u{262}"),
    ("H", "\u{29c}"),
    ("I", "\u{26a}"),
    ("J", "\u{1d0a}"),
    ("K", "\u{1d0b}"),
    ("L", "\u{29f}"),
    ("M", "\u{1d0d}"),
    ("N", "\u{274}"),
    ("O", "\u{1d0f}"),
    ("P", "\u{1d18}"),
    ("R", "\u{280}"),
    ("S", "\u{a731}"),
    ("T", "\u{1d1b}"),
    ("U", "\u{1d1c}"),
    ("V", "\u{1d20}"),
    ("W", "\u{1d21}"),
    ("Y", "\u{28f}"),
    ("Z", "\u{1d22}"),
    (
        " ",
        "\u{2028}\u{2029}\u{2001}\u{a0}\u{2000}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{202f}\u{205f}\u{3000}\u{8d}\u{9f}\u{80}\u{90}\u{9b}\t",
    ),
    ("", "\u{0}\u{3}\u{4}\u{10}\u{11}\u{12}\u{13}\u{14}\u{17}\u{19}\u{200b}\u{2060}\u{feff}"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The basic table of 3GPP TS 23.038, row by row, without the escape.
    const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
        ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const EXTENSION: &str = "\u{c}^{}\\[~]|€";

    #[test]
    fn a_septet_count_is_one_two_or_none_as_the_tables_say() {
        assert_eq!(BASIC.chars().count(), 127);
        for c in (0..=0x1_ffff).filter_map(char::from_u32) {
            let expected = match c {
                _ if EXTENSION.contains(c) => Some(2),
                _ if BASIC.contains(c) => Some(1),
                _ => None,
            };
            assert_eq!(septets(c), expected, "{c:?}");
        }
    }

    #[test]
    fn look_alikes_fold_and_meaning_stays() {
        assert_eq!(fold("It’s “down” – now…"), "It's \"down\" - now...");
        assert_eq!(fold("１２:ＡＺ ½ ‼ `x`"), "12:AZ 1/2 !! 'x'");
        assert_eq!(fold("a\u{a0}b\u{3000}c\td"), "a b c d");
        assert_eq!(fold("one\r\ntwo\u{7}\u{1b}\u{200b}"), "one\ntwo");
        assert_eq!(fold("á ç ê 😜"), "á ç ê 😜");
        assert_eq!(fold("cafe\u{301} Mu\u{308}nchen: eﬃcient ﬁle ﬂag"), "café München: efficient file flag");
        assert_eq!(
            fold("5 µs × 3 → 15 µs ≥ 10, № 4, cœur, ⅽom"),
            "5 us x 3 -> 15 us >= 10, No 4, coeur, com"
        );
        assert_eq!(fold("‹x›"), ">x<");
    }

    #[test]
    fn what_is_plain_stays_as_it_is() {
        assert!(is_plain("one\ntwo ~") && fold("one\ntwo ~") == "one\ntwo ~");
        for folded in ["`", "a\tb", "’", "\u{7}"] {
            assert!(!is_plain(folded) && fold(folded) != folded, "{folded:?}");
        }
    }

    #[test]
    fn every_replacement_is_in_the_alphabet() {
        assert_eq!(FOLDS.len(), 317, "317 code points, none listed twice");
        for (from, to) in FOLDS.iter() {
            assert!(to.chars().all(|c| septets(c).is_some()), "{from:?}");
            assert_eq!(septets(*from), None, "{from:?} needs no replacement");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(&fold(&once), &once);
            prop_assert!(!once.chars().any(|c| c.is_control() && c != '\n'));
            prop_assert!(!is_plain(&text) || once == text);
        }
    }
}
