//! What is held about one number, and what became of its erasure. In: runs, letters, consent. Out: values for people and
//! scripts.

use std::collections::BTreeMap;

use domain::{consent::ConsentEntry, timeline::DeadLetter};
use jiff::Timestamp;
use ports::store::Unreadable;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::view::RunView;

/// What is held about a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldData {
    /// Runs with a message to it, with their texts and timelines.
    pub runs: Vec<RunView>,
    /// The fields of their events, by the run.
    #[serde(default)]
    pub fields: BTreeMap<String, Map<String, Value>>,
    /// Its consent, and the evidence.
    pub consent: Vec<ConsentEntry>,
    /// Dead letters that name it.
    pub dead_letters: Vec<DeadLetter>,
    /// Runs and dead letters that cannot be read, and may name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}

/// What an erasure did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Runs that are gone, with their texts, timelines and dead letters.
    pub runs: Vec<String>,
    /// How many of them texted others as well, whose records of them are gone, too.
    pub with_others: u64,
    /// Dead letters of no run that are gone.
    pub dead_letters: Vec<String>,
    /// Runs that stay because they are under way.
    pub under_way: Vec<String>,
    /// Runs that stay because their event may come a second time, and from when on they can be erased.
    pub too_recent: Vec<(String, Timestamp)>,
    /// Entries of the consent log, which stay.
    pub consent_kept: u64,
    /// Runs and dead letters that stay because they cannot be read: they may name the number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
}
