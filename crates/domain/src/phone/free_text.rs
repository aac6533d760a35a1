//! Numbers within texts of somebody else. In: a text. Out: the same with everything masked that may be a phone number.
//!
//! Never: takes a date, a time or an IP address for one.

use super::{DIGITS_MAX, MASKED_DIGITS_MIN};

/// Fewest digits of a number with its country's code, or with the zero of a national one: shorter ones are of places
/// with a few thousand phones (ITU-T Operational Bulletin 1196).
const WHOLE_DIGITS_MIN: usize = 10;

/// What is somebody else's: prose, or a name that a machine gave.
#[derive(Clone, Copy)]
enum Kind {
    Prose,
    Identifier,
}

/// A text of somebody else, such as a reason, with everything masked that may be a phone number: digits in one piece, or
/// in groups as people write them.
pub fn without_numbers(text: &str) -> String {
    masked(text, Kind::Prose)
}

/// The id, the source or the subject of an event with every phone number in it masked. Digits in one piece stay where they
/// can be none: they are too few for one with its country's code, or are a date or a Unix time. Else two ids that differ
/// in their digits would look the same.
pub fn identifier_without_numbers(text: &str) -> String {
    masked(text, Kind::Identifier)
}

fn masked(text: &str, kind: Kind) -> String {
    let plain: String = text.chars().map(plain).collect();
    let masked = masked_plain(&plain, kind);
    // Where nothing was masked, the text stays as it was written.
    if masked == plain { text.to_owned() } else { masked }
}

/// Digits of other scripts as ASCII ones, and the dashes that word processors put as hyphens (Unicode, blocks of the
/// scripts and General Punctuation).
fn plain(c: char) -> char {
    let zero = match c {
        '\u{660}'..='\u{669}' => 0x660,
        '\u{6f0}'..='\u{6f9}' => 0x6f0,
        '\u{966}'..='\u{96f}' => 0x966,
        '\u{ff10}'..='\u{ff19}' => 0xff10,
        '\u{2010}'..='\u{2015}' => return '-',
        _ => return c,
    };
    char::from_digit(u32::from(c) - zero, 10).unwrap_or(c)
}

fn masked_plain(text: &str, kind: Kind) -> String {
    let mut masked = String::with_capacity(text.len());
    let (mut rest, mut before) = (text, None);
    while let Some(first) = rest.chars().next() {
        let length = match number_at(rest, before, kind) {
            Some(length) => {
                masked.push_str(&mask(&rest[..length]));
                length
            }
            None => {
                // Digits are taken or left as a whole.
                let length = digits_at(rest).max(first.len_utf8());
                masked.push_str(&rest[..length]);
                length
            }
        };
        before = rest[..length].chars().next_back();
        rest = &rest[length..];
    }
    masked
}

fn mask(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let plus = if number.starts_with('+') { "+" } else { "" };
    format!("{plus}{}…{}", &digits[..1], &digits[digits.len() - 2..])
}

fn digits_at(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// How many bytes of a text belong to the phone number that it begins with, if it does.
fn number_at(text: &str, before: Option<char>, kind: Kind) -> Option<usize> {
    let (is_international, is_bracketed) = (text.starts_with('+'), text.starts_with('('));
    let start = usize::from(is_international || is_bracketed);
    let first = digits_at(&text[start..]);
    if (MASKED_DIGITS_MIN..=DIGITS_MAX).contains(&first) {
        let is_number = match kind {
            Kind::Prose => true,
            Kind::Identifier => is_international || may_be_whole(&text[start..start + first]),
        };
        return is_number.then_some(start + first);
    }
    if first == 0 || first > DIGITS_MAX {
        return None;
    }
    let mut groups = vec![first];
    let (mut total, mut end) = (first, start + first);
    while let Some((gap, length)) = group_at(&text[end..], is_international) {
        // One digit is a counter, `-2`, but for area codes such as Dublin's.
        let is_counter = length == 1 && !(is_international && text[end..].starts_with([' ', '(']));
        let is_beyond = total + length > DIGITS_MAX;
        // Groups without a sign are those of a national number: no date has three of these lengths.
        let is_apart = !is_international && !is_bracketed && !gap_is_plain(&text[end..end + gap]);
        if is_counter || is_beyond || is_apart {
            break;
        }
        groups.push(length);
        total += length;
        end += gap + length;
    }
    let is_word = before.is_some_and(|before| before.is_alphanumeric() || "+-.:/".contains(before));
    let is_national = !is_word && (groups == [3, 3, 4] || text.starts_with('0') && first > 2);
    let is_written_out =
        is_international || is_bracketed && text[1 + first..].starts_with(')') || is_national;
    (is_written_out && total >= MASKED_DIGITS_MIN).then_some(end)
}

/// Whether digits in one piece may be a phone number with its country's code, or a national one with its zero.
fn may_be_whole(digits: &str) -> bool {
    // A number that begins with 1 has 11 digits, or as a national one of China has: 10 are a Unix time, 13 one in ms.
    let is_unix_time = matches!(digits.len(), 10 | 13) && digits.starts_with('1');
    digits.len() >= WHOLE_DIGITS_MIN && !digits.starts_with("000") && !is_unix_time && !is_date(digits)
}

/// Whether digits are a date with hour and minute, and perhaps the second, as in `20260131120000`.
fn is_date(digits: &str) -> bool {
    let field = |from: usize, to: usize| digits[from..to].parse::<u8>().unwrap_or(u8::MAX);
    matches!(digits.len(), 12 | 14)
        && (digits.starts_with("19") || digits.starts_with("20"))
        && (1..=12).contains(&field(4, 6))
        && (1..=31).contains(&field(6, 8))
        && field(8, 10) < 24
        && field(10, 12) < 60
}

/// What separates digits from the next ones, and how many those are.
fn group_at(text: &str, is_international: bool) -> Option<(usize, usize)> {
    let separates = |byte: &u8| b" -./()".contains(byte) || is_international && b"_:".contains(byte);
    let gap = text.bytes().take_while(separates).count();
    let length = digits_at(&text[gap..]);
    ((1..=3).contains(&gap) && length > 0).then_some((gap, length))
}

fn gap_is_plain(gap: &str) -> bool {
    matches!(gap, " " | "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_within_a_text_are_masked_and_shorter_digits_are_not() {
        for (text, expected) in [
            ("sms-+14155550100-2", "sms-+1…00-2"),
            ("14155550100", "1…00"),
            ("2026-01-31/e-1234567", "2026-01-31/e-1234567"),
            ("über/004915112345678", "über/0…78"),
            ("1234567890123456", "1234567890123456"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(text), expected);
        }
    }

    #[test]
    fn an_identifier_keeps_digits_that_are_no_number() {
        for same in [
            "INV-20260131",
            "ｄｂ１ – ２０２６",
            "12345678",
            "987654321",
            "alert-1769860800",
            "1769860800123",
            "backup-20260131120000",
            "000123456789",
            "1234567890123456",
        ] {
            assert_eq!(identifier_without_numbers(same), same);
        }
        for (text, expected) in [
            ("sms-+4512345678-2", "sms-+4…78-2"),
            ("call +45 12 34 56 78", "call +4…78"),
            ("+1–415–555–0103", "+1…03"),
            ("＋１４１５５５５０１０３ ١٤١٥٥٥٥٠١٠٣", "＋1…03 1…03"),
            ("+1_415_555_0103", "+1…03"),
            ("+1:415:555:0103", "+1…03"),
            ("14155550100", "1…00"),
            ("4155550100", "4…00"),
            ("über/004915112345678", "über/0…78"),
            ("0170-1234567", "0…67"),
            ("01701234567", "0…67"),
            ("202699312500", "2…00"),
        ] {
            assert_eq!(identifier_without_numbers(text), expected);
        }
    }

    #[test]
    fn numbers_in_groups_are_masked_as_people_write_them() {
        for (text, expected) in [
            ("call +49 170 1234567 now", "call +4…67 now"),
            ("(415) 555-0104", "4…04"),
            ("+1 (415) 555-0104, ext", "+1…04, ext"),
            ("+44/20.7946.0958", "+4…58"),
            ("+353 1 234 5678", "+3…78"),
            ("0170 1234567 calls", "0…67 calls"),
            ("from 415-555-0104", "from 4…04"),
            ("415 555 0104", "4…04"),
        ] {
            assert_eq!(without_numbers(text), expected);
        }
    }

    #[test]
    fn dates_times_addresses_and_counts_are_left_as_they_are() {
        for text in [
            "2026-01-31 12:00:00",
            "2026-01-15T12:00:00.123Z",
            "10.20.30.40:8080",
            "31.01.2026",
            "db-1 and db-2 of 300 servers (2026)",
            "answered 422 after 12 s",
            "1 + 2",
            "disk (80) 90",
            "01/02/2026",
            "v1.415-555-0104",
        ] {
            assert_eq!(without_numbers(text), text);
        }
    }
}
