//! Reads documents of the first encoding, in which phrases that every document repeats are one or two bytes.
//!
//! In: stored bytes. Out: the JSON that they were made from, byte for byte.
//! Never: writes this encoding, see `codec`, or moves a phrase: stored documents depend on it.
//!
//! Valid UTF-8 has no bytes C0, C1 and F5 to FF, and JSON no control characters, so those mark replacements. All other
//! bytes stand for themselves; no document begins with a zero byte.

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
/// In the place of an index in [`MORE`], followed by 16 bytes: a provider's name, `SM` and 32 hex digits.
const SID_INDEX: u8 = 0xFF;

const MORE_MARK: u8 = 0xFD;
/// Followed by six bytes: an `"at"` of 13 digits.
const AT_MARK: u8 = 0xFE;
/// Followed by eight bytes: a quoted time in nanoseconds.
const TIME_MARK: u8 = 0xFF;
const AT: &[u8] = b"{\"at\":";

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

    use super::*;

    #[test]
    fn unknown_marks_are_refused() {
        for bytes in
            [&[MORE_MARK, 254][..], &[MORE_MARK], &[MORE_MARK, 255, 1], &[AT_MARK, 0], &[TIME_MARK, 1], &[0]]
        {
            assert_eq!(decode(bytes), None);
        }
    }

    /// Stored documents depend on what each mark stands for, so this digest may never change.
    #[test]
    fn every_mark_stands_for_the_phrase_that_it_always_stood_for() {
        const MORE_MARKS: u8 = 34;
        let one = (0x01..=0x1F).chain([0xC0, 0xC1]).chain(0xF5..=0xFC).map(|mark| vec![mark]);
        let two = (0..MORE_MARKS).map(|index| vec![MORE_MARK, index]);
        let phrases = one.chain(two).map(|mark| String::from_utf8(decode(&mark).unwrap()).unwrap());
        let phrases: Vec<String> = phrases.collect();
        let phrases: Vec<&str> = phrases.iter().map(String::as_str).collect();
        let digest: String = digest(&phrases)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "1ad93a2e26ffde4c7ab10468baf35f6a");
    }
}
