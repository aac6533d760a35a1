//! Bytes of a calendar as text. In: bytes, of which some calendars fold lines in the middle of a character (RFC 5545, 3.1,
//! counts in bytes). Out: text with the fold behind the character.
//!
//! Never: refuses bytes: what is no character becomes U+FFFD, which who reads the text names.

/// The text of these bytes.
pub(crate) fn utf8(bytes: Vec<u8>) -> String {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return text,
        Err(error) => error.into_bytes(),
    };
    let (mut whole, mut rest) = (Vec::with_capacity(bytes.len()), bytes.as_slice());
    while let Some((first, after)) = rest.split_first() {
        let missing = split_character(rest);
        match missing {
            Some(Split { begun, fold, ended }) => {
                let (begun, others) = rest.split_at(begun);
                let (fold, others) = others.split_at(fold);
                let (ended, others) = others.split_at(ended);
                whole.extend([begun, ended, fold].concat());
                rest = others;
            }
            None => {
                whole.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&whole).into_owned()
}

/// Lengths of the parts of a character that a fold divides.
struct Split {
    begun: usize,
    fold: usize,
    ended: usize,
}

fn split_character(bytes: &[u8]) -> Option<Split> {
    let length = match bytes.first()? {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let continued = |bytes: &[u8]| bytes.iter().take_while(|byte| matches!(byte, 0x80..=0xBF)).count();
    let begun = 1 + continued(bytes.get(1..)?).min(length - 1);
    let after = bytes.get(begun..)?;
    let folds: [&[u8]; 6] = [b"\r\n ", b"\r\n\t", b"\n ", b"\n\t", b"\r ", b"\r\t"];
    let fold = folds.into_iter().find(|fold| after.starts_with(fold))?.len();
    let ended = length - begun;
    (ended > 0 && continued(after.get(fold..)?) >= ended).then_some(Split { begun, fold, ended })
}

#[cfg(test)]
mod tests {
    use super::utf8;

    #[test]
    fn a_character_that_a_fold_divides_is_whole_again() {
        for (bytes, text) in [
            (b"J\xC3\xB6rg".as_slice(), "J\u{f6}rg"),
            (b"J\xC3\r\n \xB6rg\r\n", "J\u{f6}\r\n rg\r\n"),
            (b"\xE2\x82\n\t\xAC", "\u{20ac}\n\t"),
            (b"\xE2\n \x82\xAC", "\u{20ac}\n "),
            (b"J\xF6rg", "J\u{fffd}rg"),
            (b"\xC3\r\n x", "\u{fffd}\r\n x"),
            (b"\xC3", "\u{fffd}"),
        ] {
            assert_eq!(utf8(bytes.to_vec()), text, "{bytes:?}");
        }
    }
}
