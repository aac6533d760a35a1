//! Encodes documents: phrases that every document repeats become one or two bytes.
//!
//! In: JSON as `serde_json` writes it. Out: bytes that decode to the same JSON, byte for byte.
//! Never: reuses or moves a phrase: stored documents depend on it. New ones go to the end of [`MORE`].
//!
//! Valid UTF-8 has no bytes C0, C1 and F5 to FF, and JSON no control characters, so those mark replacements.
//! All other bytes are copied, so that a stored document can still be read by eye.

use std::{cmp::Reverse, sync::LazyLock};

use jiff::Timestamp;

/// Written as one byte: 01 to 1F, C0, C1, F5 to FC, in this order.
const PHRASES: [&str; 41] = [
    "{\"id\":\"",
    "\",\"event\":{\"source\":\"",
    "\",\"id\":\"",
    "\"},\"subject\":\"",
    "\"},\"workflow\":\"",
    "\",\"workflow\":\"",
    "\",\"workflow_hash\":\"",
    "\",\"lane\":\"critical\",\"phase\":\"",
    "\",\"lane\":\"standard\",\"phase\":\"",
    "\",\"lane\":\"bulk\",\"phase\":\"",
    "\",\"step\":",
    ",\"clock_from\":",
    ",\"opened_at\":",
    ",\"closed_at\":",
    ",\"not_after\":",
    ",\"data\":{",
    "},\"messages\":[",
    "{\"number\":",
    ",\"step\":",
    ",\"recipient\":{\"target\":\"",
    "\",\"name\":\"",
    "\",\"number\":\"",
    "\",\"time_zone\":\"",
    "\",\"time_zone\":null},\"text\":\"",
    "\"},\"text\":\"",
    "\",\"segments\":",
    ",\"ack\":\"",
    "\",\"phase\":{\"",
    "queued\":{\"not_before\":",
    "dispatching\":{\"started_at\":",
    ",\"lease_until\":",
    "submitted\":{\"sid\":\"",
    "\",\"status\":\"",
    "\"}},\"epoch\":",
    "}},\"epoch\":",
    ",\"attempt\":",
    ",\"first_attempt_at\":",
    ",\"nudge_at\":",
    ",\"message\":1,\"what\":\"",
    ",\"message\":",
    ",\"what\":\"",
];
/// Written as [`MORE_MARK`] and their index.
const MORE: &[&str] = &[
    "opened\",\"event\":\"",
    "step_started\",\"step\":",
    "decided\",\"verdict\":\"send\",\"rule\":\"policy.passed\",\"policy\":1}",
    "decided\",\"verdict\":\"",
    "\",\"rule\":\"",
    "\",\"inputs\":{\"",
    "\",\"policy\":1}",
    "dispatch_began\",\"attempt\":",
    "submitted\",\"sid\":\"",
    "status\",\"status\":\"",
    "\",\"code\":",
    "\",\"reason\":\"",
    "closed\",\"phase\":\"",
    "acknowledged\",\"by\":\"",
    "\",\"via\":\"",
    "delivered",
    "acknowledged",
    "\"active",
    "completed",
    "active",
    "queued",
    "sent",
    "\",\"traceparent\":\"",
    "],\"traceparent\":\"",
    "],\"ticket\":\"",
    "retry_wait\":{\"until\":",
    "in_doubt\":{\"started_at\":",
    ",\"asked\":",
    ",\"ask_at\":",
    "contact:",
    "oncall:",
    "escalated\",\"step\":",
    "retry_scheduled\",\"until\":",
    ",\"poll_at\":",
];
const _: () = assert!(MORE.len() < SID_INDEX as usize);
/// In the place of an index in [`MORE`], followed by 16 bytes: a provider's name, `SM` and 32 hex digits.
const SID_INDEX: u8 = 0xFF;
const SID_DIGITS: usize = 32;

const MORE_MARK: u8 = 0xFD;
/// Followed by six bytes: an `"at"` of 13 digits.
const AT_MARK: u8 = 0xFE;
/// Followed by eight bytes: a quoted time in nanoseconds.
const TIME_MARK: u8 = 0xFF;
const AT: &[u8] = b"{\"at\":";
const AT_DIGITS: usize = 13;
/// Shortest and longest quoted time, quotes included.
const TIME_BYTES: std::ops::RangeInclusive<usize> = 22..=32;

/// Encodes JSON.
pub(crate) fn encode(json: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(json.len() / 2);
    let mut rest = json;
    while let [first, ..] = rest {
        let taken = match first {
            b'"' => pack_time(rest, &mut packed),
            b'{' => pack_at(rest, &mut packed),
            b'S' => pack_sid(rest, &mut packed),
            _ => 0,
        };
        let taken = if taken > 0 { taken } else { pack_phrase(rest, &mut packed) };
        if taken == 0 {
            packed.push(*first);
        }
        rest = rest.get(taken.max(1)..).unwrap_or_default();
    }
    packed
}

fn pack_time(rest: &[u8], packed: &mut Vec<u8>) -> usize {
    if !rest.get(1).is_some_and(u8::is_ascii_digit) {
        return 0;
    }
    let Some(length) = rest.iter().skip(1).take(*TIME_BYTES.end()).position(|byte| *byte == b'"') else {
        return 0;
    };
    let text = rest.get(1..=length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
    let nanoseconds = text.parse::<Timestamp>().ok().filter(|time| time.to_string() == text);
    match nanoseconds.and_then(|time| i64::try_from(time.as_nanosecond()).ok()) {
        Some(nanoseconds) if TIME_BYTES.contains(&(length + 2)) => {
            packed.push(TIME_MARK);
            packed.extend(nanoseconds.to_be_bytes());
            length + 2
        }
        _ => 0,
    }
}

fn pack_at(rest: &[u8], packed: &mut Vec<u8>) -> usize {
    let Some(digits) = rest.strip_prefix(AT).and_then(|rest| rest.get(..=AT_DIGITS)) else { return 0 };
    let text = std::str::from_utf8(&digits[..AT_DIGITS]).unwrap_or_default();
    let is_whole = !digits[AT_DIGITS].is_ascii_digit() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(number) if is_whole && !text.starts_with('0') => {
            packed.push(AT_MARK);
            packed.extend(&number.to_be_bytes()[2..]);
            AT.len() + AT_DIGITS
        }
        _ => 0,
    }
}

fn pack_sid(rest: &[u8], packed: &mut Vec<u8>) -> usize {
    let digits = rest.strip_prefix(b"SM").and_then(|rest| rest.get(..SID_DIGITS)).unwrap_or_default();
    let text = std::str::from_utf8(digits).unwrap_or_default();
    let is_ours = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match u128::from_str_radix(text, 16) {
        Ok(number) if is_ours => {
            packed.extend([MORE_MARK, SID_INDEX]);
            packed.extend(number.to_be_bytes());
            2 + SID_DIGITS
        }
        _ => 0,
    }
}

/// A phrase, and how it is written.
struct Replacement {
    phrase: &'static [u8],
    mark: Mark,
}

#[derive(Clone, Copy)]
enum Mark {
    One(u8),
    More(u8),
}

/// All phrases by their first byte, longest first; of two that are equally long, the one with the shorter mark.
static BY_FIRST_BYTE: LazyLock<[Vec<Replacement>; 256]> = LazyLock::new(|| {
    let mut table = [const { Vec::new() }; 256];
    let one = (0..).zip(PHRASES).map(|(index, phrase)| (phrase, Mark::One(byte_of(index))));
    let more = (0..).zip(MORE).map(|(index, phrase)| (*phrase, Mark::More(index)));
    for (phrase, mark) in one.chain(more) {
        let phrase = phrase.as_bytes();
        table[usize::from(phrase[0])].push(Replacement { phrase, mark });
    }
    // Stable, so that phrases of one byte stay before those of two.
    table.iter_mut().for_each(|phrases| phrases.sort_by_key(|replacement| Reverse(replacement.phrase.len())));
    table
});

fn pack_phrase(rest: &[u8], packed: &mut Vec<u8>) -> usize {
    let Some(first) = rest.first() else { return 0 };
    let phrases = &BY_FIRST_BYTE[usize::from(*first)];
    let Some(Replacement { phrase, mark }) = phrases.iter().find(|r| rest.starts_with(r.phrase)) else {
        return 0;
    };
    match *mark {
        Mark::One(byte) => packed.push(byte),
        Mark::More(index) => packed.extend([MORE_MARK, index]),
    }
    phrase.len()
}

fn byte_of(index: usize) -> u8 {
    match index {
        0..31 => index as u8 + 1,
        31..33 => 0xC0 + (index - 31) as u8,
        _ => 0xF5 + (index - 33) as u8,
    }
}

/// Decodes to JSON. `None`: a mark that no version up to this one wrote.
pub(crate) fn decode(packed: &[u8]) -> Option<Vec<u8>> {
    let mut json = Vec::with_capacity(packed.len() * 3);
    let mut rest = packed;
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            0x01..=0x1F => json.extend(PHRASES[usize::from(*first) - 1].as_bytes()),
            0xC0..=0xC1 => json.extend(PHRASES[usize::from(*first) - 0xC0 + 31].as_bytes()),
            0xF5..=0xFC => json.extend(PHRASES[usize::from(*first) - 0xF5 + 33].as_bytes()),
            &MORE_MARK => {
                let (index, mut after) = rest.split_first()?;
                if *index == SID_INDEX {
                    let (number, behind) = after.split_first_chunk::<16>()?;
                    json.extend(format!("SM{:032x}", u128::from_be_bytes(*number)).as_bytes());
                    after = behind;
                } else {
                    json.extend(MORE.get(usize::from(*index))?.as_bytes());
                }
                rest = after;
            }
            &AT_MARK => {
                let (digits, after) = rest.split_first_chunk::<6>()?;
                let number = digits.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
                json.extend(AT);
                json.extend(number.to_string().as_bytes());
                rest = after;
            }
            &TIME_MARK => {
                let (bytes, after) = rest.split_first_chunk::<8>()?;
                let time = Timestamp::from_nanosecond(i128::from(i64::from_be_bytes(*bytes))).ok()?;
                json.extend(format!("\"{time}\"").as_bytes());
                rest = after;
            }
            0x00 => return None,
            byte => json.push(*byte),
        }
    }
    Some(json)
}

#[cfg(test)]
mod tests {
    use domain::id::digest;
    use proptest::prelude::*;

    use super::*;

    fn check(json: &str) -> usize {
        let encoded = encode(json.as_bytes());
        assert_eq!(String::from_utf8(decode(&encoded).unwrap()).unwrap(), json);
        encoded.len()
    }

    #[test]
    fn times_and_phrases_come_back_as_they_were() {
        assert_eq!(check(r#""2040-01-01T00:00:00Z""#), 9);
        assert_eq!(check(r#""2040-01-01T00:00:00.000000001Z""#), 9);
        assert_eq!(check(r#"{"at":2208988800000,"#), 8);
        assert_eq!(check("SM0123456789abcdef0123456789abcdef"), 18);
        for odd in [
            "SM0123456789ABCDEF0123456789abcdef",
            "SM0123456789abcdef0123456789abcde",
            "SM+123456789abcdef0123456789abcdef",
            r#""2040-01-01T00:00:00.100Z""#,
            r#""2040-01-01""#,
            r#""9999-01-01T00:00:00Z""#,
            r#"{"at":220898880000,"#,
            r#"{"at":22089888000001,"#,
            r#"{"at":0208988800000,"#,
            r#""2040-01-01T00:00:00Z"#,
            "\"äöü €\",\"id\":\"",
        ] {
            check(odd);
        }
    }

    #[test]
    fn bytes_of_a_later_version_are_refused() {
        for bytes in
            [&[MORE_MARK, 254][..], &[MORE_MARK], &[MORE_MARK, 255, 1], &[AT_MARK, 0], &[TIME_MARK, 1], &[0]]
        {
            assert_eq!(decode(bytes), None);
        }
    }

    /// Stored documents depend on what each mark stands for, so this digest may never change. Phrases that are added to
    /// [`MORE`] are not part of it.
    #[test]
    fn every_mark_stands_for_the_phrase_that_it_always_stood_for() {
        const MARKS: u8 = 41;
        const MORE_MARKS: u8 = 34;
        let one = (0x01..=0x1F).chain([0xC0, 0xC1]).chain(0xF5..=0xFC).map(|mark| vec![mark]);
        let two = (0..MORE_MARKS).map(|index| vec![MORE_MARK, index]);
        let marks: Vec<Vec<u8>> = one.chain(two).collect();
        assert_eq!(marks.len(), usize::from(MARKS + MORE_MARKS));
        let phrases: Vec<String> =
            marks.iter().map(|mark| String::from_utf8(decode(mark).unwrap()).unwrap()).collect();
        let phrases: Vec<&str> = phrases.iter().map(String::as_str).collect();
        let digest: String = digest(&phrases)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "1ad93a2e26ffde4c7ab10468baf35f6a");
        for (mark, phrase) in marks.iter().zip(phrases) {
            assert!(encode(phrase.as_bytes()).len() <= mark.len(), "{phrase:?} is not encoded by {mark:?}");
        }
    }

    proptest! {
        #[test]
        fn any_json_comes_back(text in ".*", number in any::<i64>(), more in 0..MORE.len(), phrase in 0..PHRASES.len()) {
            let json = serde_json::json!({"id": text, "at": number, "event": {"source": "a", "id": text}}).to_string();
            let document = format!("{json}{}{}{json}", MORE[more], PHRASES[phrase]);
            prop_assert!(check(&document) < document.len(), "its phrases are not encoded");
        }
    }
}
