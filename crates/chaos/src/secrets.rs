//! What no log may hold, at any level. In: the logs of a run, and what was secret in it. Out: lines that hold some of it.
//!
//! Never: repeats what it found; the name of the log and the number of the line lead there.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
};

use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use twilio_sim::SimConfig;

use crate::settings::{AUTH_TOKEN, BROKER_PASSWORD, KEY, NEXT_AUTH_TOKEN, STORE_PASSWORD};

/// What the texts of all events begin with, as it is, as a form or an address holds it, and as a list of bytes.
const TEXTS: [&str; 4] = ["About e-", "About+e-", "About%20e-", "65, 98, 111, 117, 116, 32, 101, 45"];
/// What each phone's number begins with, and how many digits it has in all.
const NUMBER: (&str, usize) = ("1415", 11);
/// What it begins with as a list of bytes.
const NUMBER_BYTES: &str = "43, 49, 52, 49, 53, ";
/// Lines that are named at most.
const NAMED_MAX: usize = 10;

/// What was found in the logs of a folder.
#[derive(Debug, Default)]
pub(crate) struct Searched {
    /// Lines that were read.
    pub(crate) lines: u64,
    /// Of what dependencies wrote at the level `TRACE`.
    pub(crate) traced: u64,
    /// Where something secret stands, and what kind of it.
    pub(crate) found: Vec<String>,
}

/// Reads every log of a folder.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn search(folder: &Path) -> Result<Searched> {
    let keys = keys();
    let mut searched = Searched::default();
    each_line(folder, |path, number, line| {
        searched.lines += 1;
        searched.traced += u64::from(line.contains("\"TRACE\""));
        if let Some(kind) = secret_in(line, &keys).filter(|_| searched.found.len() < NAMED_MAX) {
            searched.found.push(format!("line {} of {} holds {kind}", number + 1, path.display()));
        }
    })?;
    Ok(searched)
}

/// How many lines of the logs hold all of these words.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn count(folder: &Path, words: &[&str]) -> Result<u64> {
    let mut count = 0;
    each_line(folder, |_, _, line| count += u64::from(words.iter().all(|word| line.contains(word))))?;
    Ok(count)
}

fn each_line(folder: &Path, mut look: impl FnMut(&Path, usize, &str)) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let file = File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        for (number, line) in BufReader::new(file).split(b'\n').enumerate() {
            look(&path, number, &String::from_utf8_lossy(&line?));
        }
    }
    Ok(())
}

/// Keys and passwords, and the credentials that the provider gets, as they are sent.
fn keys() -> Vec<String> {
    let account = SimConfig::default().account_sid;
    let credentials =
        [AUTH_TOKEN, NEXT_AUTH_TOKEN].map(|token| BASE64_STANDARD.encode(format!("{account}:{token}")));
    let plain = [KEY, AUTH_TOKEN, NEXT_AUTH_TOKEN, BROKER_PASSWORD, STORE_PASSWORD].map(str::to_owned);
    plain.into_iter().chain(credentials).collect()
}

fn secret_in(line: &str, keys: &[String]) -> Option<&'static str> {
    let holds = |word: &&str| line.contains(word);
    if keys.iter().any(|key| line.contains(key)) {
        return Some("a key, a token or a password");
    }
    if TEXTS.iter().any(holds) {
        return Some("a text");
    }
    (holds_number(line) || holds(&NUMBER_BYTES)).then_some("a phone number")
}

fn holds_number(line: &str) -> bool {
    let (begin, length) = NUMBER;
    line.match_indices(begin).any(|(at, _)| {
        let digits = line[at..].bytes().take_while(u8::is_ascii_digit).count();
        let is_begun = !line[..at].ends_with(|before: char| before.is_ascii_digit());
        is_begun && digits == length
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_texts_and_keys_are_found_in_every_form_and_nothing_else_is() {
        let keys = keys();
        for line in [
            "to +14151000001",
            "To=%2B14151000001&Body=x",
            "Body=About+e-7",
            "{\"text\":\"About e-7\"}",
            "authorization: Bearer chaos-key",
            "Body(1, [123, 65, 98, 111, 117, 116, 32, 101, 45, 55])",
            "[43, 49, 52, 49, 53, 49, 48]",
        ] {
            assert!(secret_in(line, &keys).is_some(), "{line}");
        }
        for line in ["+1…01 took 1415 ms", "id 914151000001", "141510000012", "e-7", "chaos"] {
            assert_eq!(secret_in(line, &keys), None, "{line}");
        }
    }
}
