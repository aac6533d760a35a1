//! The fields under which the provider's names stand in their buckets. In: a name. Out: its field.
//!
//! Never: one field for two names.

use domain::provider::ProviderMessageId;

/// Length of a packed name.
const PACKED_BYTES: usize = 17;

/// A provider's name in its bucket: packed where that leads back to it, else the text. A text as long as a packed name
/// begins with a zero byte, so that it is none.
pub(crate) fn field_of(sid: &ProviderMessageId) -> Vec<u8> {
    let text = sid.as_str().as_bytes();
    match packed(text) {
        Some(field) => field.to_vec(),
        None if text.len() == PACKED_BYTES => [b"\0", text].concat(),
        None => text.to_vec(),
    }
}

/// A letter, an `M` and 32 hex digits in lower case, as the letter and 16 bytes: half the memory of the text.
fn packed(text: &[u8]) -> Option<[u8; PACKED_BYTES]> {
    let [first, b'M', hex @ ..] = text else { return None };
    let mut field = [*first; PACKED_BYTES];
    if hex.len() != 2 * (PACKED_BYTES - 1) {
        return None;
    }
    for (byte, digits) in field[1..].iter_mut().zip(hex.chunks_exact(2)) {
        *byte = digit(digits[0])? << 4 | digit(digits[1])?;
    }
    Some(field)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str) -> Vec<u8> {
        field_of(&text.parse().unwrap())
    }

    #[test]
    fn the_field_of_a_name_is_what_earlier_versions_stored() {
        let hex = "0123456789abcdef".repeat(2);
        let bytes = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        assert_eq!(field(&format!("SM{hex}")), [&b"S"[..], &bytes, &bytes].concat());
        assert_eq!(field(&format!("MM{hex}")), [&b"M"[..], &bytes, &bytes].concat());
        let upper = format!("SM{}", hex.to_uppercase());
        assert_eq!(field(&upper), upper.as_bytes());
    }

    #[test]
    fn two_names_never_share_a_field() {
        let hex = "61".repeat(16);
        let names = [
            format!("SM{hex}"),
            format!("MM{hex}"),
            format!("SA{hex}"),
            format!("SM{}", "+1".repeat(16)),
            format!("S{}", "a".repeat(16)),
            format!("SM{}", &hex[..31]),
            "S".to_owned(),
            "7".to_owned(),
        ];
        let fields: std::collections::BTreeSet<_> = names.iter().map(|name| field(name)).collect();
        assert_eq!(fields.len(), names.len());
    }
}
