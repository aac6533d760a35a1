//! Twilio's error codes as data. In: a code, and where it was seen. Out: what it asks of us, and what it means.
//!
//! Never: decides on a retry, or treats the list as complete: codes are split and refined over time, so every
//! look-up has a safe answer for an unknown code.

use std::{ops::RangeInclusive, sync::LazyLock};

use domain::provider::FailureClass;

/// What is known about one code, or about a range of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorCode {
    /// The codes this is about.
    pub codes: RangeInclusive<u32>,
    /// What they ask of us.
    pub class: FailureClass,
    /// What they mean, in our words.
    pub meaning: &'static str,
}

static TABLE: LazyLock<Vec<ErrorCode>> =
    LazyLock::new(|| lines().filter_map(|(_, line)| entry_of(line)).collect());

/// What is known about a code.
pub fn lookup(code: u32) -> Option<&'static ErrorCode> {
    let next = TABLE.partition_point(|entry| *entry.codes.start() <= code);
    TABLE.get(next.checked_sub(1)?).filter(|entry| entry.codes.contains(&code))
}

/// Every entry, ascending.
pub fn all() -> &'static [ErrorCode] {
    &TABLE
}

/// What a refused request asks of us, by its code or else by its HTTP status.
///
/// A status below 500 says that Twilio looked at the request and did not take it, so an unknown code is at worst
/// a request that has to change. 429 and 408 say that it was not looked at.
pub fn class_of_refusal(status: u16, code: Option<u32>) -> FailureClass {
    let known = code.and_then(lookup).map(|entry| entry.class);
    match (status, known) {
        // A wait that is longer than the usual one, or a stop, is kept; everything else was merely too fast.
        (429, Some(class @ (FailureClass::Account | FailureClass::RetryLater))) => class,
        (429 | 408, _) => FailureClass::RetrySoon,
        (_, Some(class)) => class,
        (401 | 403, None) => FailureClass::Account,
        (500.., None) => FailureClass::Ambiguous,
        (_, None) => FailureClass::Configuration,
    }
}

/// Whether a code of a refusal is about the number or the service that the text comes from: it is not valid, not ours,
/// cannot reach the recipient, or its queue is full. Another one may be taken.
pub fn is_of_originator(code: u32) -> bool {
    matches!(code, 21_212 | 21_606 | 21_611 | 21_612 | 21_657 | 21_659..=21_661 | 21_701..=21_705 | 21_708 | 21_709)
}

/// What the failure code of a callback or of a fetched message asks of us.
///
/// A code that is not in the table, and a failure without a code, count as permanent: the failure goes to an
/// operator with its code, and the escalation moves on at once. A retry by default could repeat a text that was
/// filtered, or text someone whose consent a code of next year denies.
pub fn class_of_callback(code: Option<u32>) -> FailureClass {
    code.and_then(lookup).map_or(FailureClass::Configuration, |entry| entry.class)
}

/// What a code means, for a reason that an operator reads.
pub fn meaning(code: u32) -> &'static str {
    lookup(code).map_or("a code this version does not know", |entry| entry.meaning)
}

fn lines() -> impl Iterator<Item = (usize, &'static str)> {
    let lines = include_str!("error_codes.tsv").lines().enumerate();
    lines.filter(|(_, line)| !line.starts_with('#') && !line.is_empty())
}

fn entry_of(line: &'static str) -> Option<ErrorCode> {
    let mut columns = line.split('\t');
    let (codes, class, meaning) = (columns.next()?, columns.next()?, columns.next()?);
    let (first, last) = codes.split_once('-').unwrap_or((codes, codes));
    let codes = first.parse().ok()?..=last.parse().ok()?;
    columns.next().is_none().then_some(ErrorCode { codes, class: class_of(class)?, meaning })
}

fn class_of(name: &str) -> Option<FailureClass> {
    Some(match name {
        "retry_soon" => FailureClass::RetrySoon,
        "retry_later" => FailureClass::RetryLater,
        "ambiguous" => FailureClass::Ambiguous,
        "recipient" => FailureClass::Recipient,
        "opted_out" => FailureClass::OptedOut,
        "configuration" => FailureClass::Configuration,
        "originator" => FailureClass::Originator,
        "account" => FailureClass::Account,
        "informational" => FailureClass::Informational,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_parses() {
        for (number, line) in lines() {
            assert!(entry_of(line).is_some(), "line {}: {line}", number + 1);
        }
        assert!(all().len() > 150);
    }

    #[test]
    fn codes_ascend_and_none_is_listed_twice() {
        for pair in all().windows(2) {
            assert!(pair[0].codes.end() < pair[1].codes.start(), "{pair:?}");
        }
        assert!(
            all().iter().all(|entry| entry.codes.start() <= entry.codes.end() && !entry.meaning.is_empty())
        );
    }

    #[test]
    fn well_known_codes_have_their_class() {
        for (code, class) in [
            (20003, FailureClass::Account),
            (20429, FailureClass::RetrySoon),
            (20500, FailureClass::Ambiguous),
            (21211, FailureClass::Recipient),
            (21408, FailureClass::Configuration),
            (21610, FailureClass::OptedOut),
            (30630, FailureClass::OptedOut),
            (21611, FailureClass::RetryLater),
            (30002, FailureClass::Account),
            (30003, FailureClass::RetryLater),
            (30005, FailureClass::Recipient),
            (30007, FailureClass::Configuration),
            (30018, FailureClass::Informational),
            (30450, FailureClass::RetryLater),
            (30451, FailureClass::Configuration),
            (30799, FailureClass::Configuration),
            (63038, FailureClass::Account),
            (90009, FailureClass::Ambiguous),
        ] {
            assert_eq!(lookup(code).map(|entry| entry.class), Some(class), "{code}");
        }
        for unknown in [0, 1, 20002, 30700, 30800, 99_999] {
            assert_eq!(lookup(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_unknown_code_is_safe() {
        assert_eq!(class_of_callback(Some(39_999)), FailureClass::Configuration);
        assert_eq!(class_of_callback(None), FailureClass::Configuration);
        assert_eq!(class_of_refusal(400, Some(29_999)), FailureClass::Configuration);
        assert_eq!(class_of_refusal(401, None), FailureClass::Account);
        assert_eq!(class_of_refusal(429, Some(29_999)), FailureClass::RetrySoon);
        assert_eq!(class_of_refusal(429, Some(63_038)), FailureClass::Account);
        assert_eq!(class_of_refusal(503, None), FailureClass::Ambiguous);
    }
}
