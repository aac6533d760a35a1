//! Names of things. In: what identifies an event. Out: ids that are the same wherever they are computed.
//!
//! Never: draws a random number. Ids are derived, so that a repeated delivery meets the run it already opened.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How many shards the keys of a fleet are spread over.
pub const SHARDS: u8 = 64;

/// The 32 characters of an id: Crockford's base 32, without i, l, o and u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of a run id after its `r`: 2 of the shard, 16 of the digest.
const RUN_CHARS: usize = 18;

/// One run: an event through a workflow. `r`, two characters of shard, 80 bits of digest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(Box<str>);

/// Why a text is not an id of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {0} id")]
pub struct NotAnId(&'static str);

impl RunId {
    /// The run that an event opens in a workflow.
    ///
    /// Runs that share a `subject` share a shard, so that a resolving event finds them in one atomic step.
    pub fn derive(source: &str, event_id: &str, workflow: &str, subject: Option<&str>) -> Self {
        let run = digest(&[source, event_id, workflow]);
        let shard = match subject {
            Some(subject) => shard_of_subject(workflow, subject),
            None => run[31] % SHARDS,
        };
        let mut text = String::with_capacity(1 + RUN_CHARS);
        text.push('r');
        text.push(char_of(shard >> 5));
        text.push(char_of(shard & 31));
        // Each five bytes become eight characters.
        for group in run[..10].chunks_exact(5) {
            let bits = group.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
            text.extend((0..8).rev().map(|i| char_of((bits >> (5 * i) & 31) as u8)));
        }
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The shard its keys live in, below [`SHARDS`].
    pub fn shard(&self) -> u8 {
        let value = |at: usize| ALPHABET.iter().position(|c| *c == self.0.as_bytes()[at]).unwrap_or(0) as u8;
        value(1) << 5 | value(2)
    }
}

/// The shard of everything that shares this subject within a workflow.
pub fn shard_of_subject(workflow: &str, subject: &str) -> u8 {
    digest(&[workflow, subject])[0] % SHARDS
}

/// A name for something longer: 16 characters of 5 bits, so that no two of it meet.
pub fn short(parts: &[&str]) -> String {
    let bits = digest(parts)[..10].iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    (0..16).map(|n| char_of((bits >> (5 * n) & 31) as u8)).collect()
}

/// Whether a text can be what [`short`] makes.
pub(crate) fn is_short(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

fn char_of(five_bits: u8) -> char {
    char::from(ALPHABET[usize::from(five_bits & 31)])
}

/// A digest of several texts that no other list of texts has: each is preceded by its length.
pub fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

impl FromStr for RunId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let rest = text.strip_prefix('r').ok_or(NotAnId("run"))?;
        let shard_fits = matches!(rest.as_bytes().first(), Some(b'0' | b'1'));
        if rest.len() == RUN_CHARS && shard_fits && rest.bytes().all(|b| ALPHABET.contains(&b)) {
            Ok(Self(text.into()))
        } else {
            Err(NotAnId("run"))
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One message of a run: the run's id, a hyphen and the message's number within it, from 1.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId {
    /// The run it belongs to.
    pub run: RunId,
    /// Its number within the run, from 1.
    pub number: u16,
}

impl FromStr for MessageId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (run, number) = text.split_once('-').ok_or(NotAnId("message"))?;
        let run = run.parse().map_err(|_| NotAnId("message"))?;
        match number.parse::<u16>() {
            // One spelling per id: no sign, no leading zeros.
            Ok(n) if n > 0 && n.to_string() == number => Ok(Self { run, number: n }),
            _ => Err(NotAnId("message")),
        }
    }
}

impl TryFrom<String> for MessageId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.run, self.number)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_event_always_opens_the_same_run() {
        let id = RunId::derive("monitor", "e-1", "paging", Some("db-1"));
        assert_eq!(id, RunId::derive("monitor", "e-1", "paging", Some("db-1")));
        assert_ne!(id, RunId::derive("monitor", "e-2", "paging", Some("db-1")));
        assert_ne!(RunId::derive("ab", "c", "w", None), RunId::derive("a", "bc", "w", None));
        assert_eq!(id.shard(), shard_of_subject("paging", "db-1"));
        assert_eq!(format!("{id:?}"), id.as_str());
        assert_eq!(id.as_str().parse(), Ok(id));
    }

    #[test]
    fn what_looks_like_a_run_id_is_none() {
        assert!(format!("r1z{}", "0".repeat(16)).parse::<RunId>().is_ok());
        for (shard, digest) in [("20", "0"), ("z0", "0"), ("0i", "0"), ("00", "u"), ("00", "A"), ("00", "ß")]
        {
            let id = format!("r{shard}{}", digest.repeat(16 / digest.len()));
            assert_eq!(id.parse::<RunId>(), Err(NotAnId("run")), "{id}");
        }
        for id in ["", "r", "m00", &format!("r{}", "0".repeat(17)), &format!("r{}", "0".repeat(19))] {
            assert_eq!(id.parse::<RunId>(), Err(NotAnId("run")), "{id}");
        }
    }

    #[test]
    fn a_message_id_has_one_spelling() {
        let run = RunId::derive("monitor", "e-1", "paging", None);
        let id = MessageId { run: run.clone(), number: 12 };
        assert_eq!((id.to_string(), format!("{id:?}")), (format!("{run}-12"), format!("{run}-12")));
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["0", "-1", "+1", "01", "65536", ""] {
            assert!(format!("{run}-{bad}").parse::<MessageId>().is_err(), "{bad}");
        }
    }
}
