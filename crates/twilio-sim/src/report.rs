//! Reports what callout did. In: every accepted text. Out: duplicates, unexpected texts, and counts.
//!
//! Never: shows a whole number. Message ids are remembered even after their messages are forgotten, until a reset.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use domain::id::digest;
use serde::{Deserialize, Serialize};

use crate::{fault::FaultKind, message::Record};

/// Findings listed one by one; the totals go on counting.
const LISTED_MAX: usize = 1_000;
/// Callbacks of which the time to their answer is remembered.
const ANSWER_WAITS_MAX: usize = 20_000;

/// The report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Texts that were created, inbound ones not included.
    pub accepted: u64,
    /// Texts by the status they have.
    pub by_status: BTreeMap<String, u64>,
    /// Texts that were sent again although an earlier one was still on its way or had arrived.
    pub duplicates: Vec<Duplicate>,
    /// How many of those there were; the list ends at a thousand.
    pub duplicates_total: u64,
    /// Texts that were sent again after every earlier one had failed, which is no duplicate.
    pub retried: u64,
    /// Texts that fit none of the expectations, where there are any.
    pub unexpected: Vec<Unexpected>,
    /// How many of those there were.
    pub unexpected_total: u64,
    /// Expectations that no text has met.
    pub unmet: Vec<Expectation>,
    /// How often each fault fired.
    pub faults_fired: BTreeMap<FaultKind, u64>,
    /// Status callbacks.
    pub callbacks: Callbacks,
    /// Webhooks of inbound texts, counted in the same way.
    pub inbound: Callbacks,
    /// Texts whose SID the client never learnt from an answer.
    pub answer_lost: u64,
}

/// One text that may have reached a phone twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// The phone, masked.
    pub to: String,
    /// The message id in the callback's URL.
    pub message: Option<String>,
    /// The same message id was accepted before.
    pub same_message: bool,
    /// The same text to the same phone was accepted before.
    pub same_text: bool,
    /// The SID of the first.
    pub first: String,
    /// The SID of this one.
    pub again: String,
}

/// One unexpected text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unexpected {
    /// The phone, masked.
    pub to: String,
    /// Its SID.
    pub sid: String,
}

/// A text that is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The phone.
    pub to: String,
    /// What the text contains.
    pub contains: String,
}

/// What became of the webhooks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Callbacks {
    /// Begun, each counted once however often it was tried.
    pub posted: u64,
    /// Answered with a 2xx.
    pub answered_2xx: u64,
    /// Given up.
    pub failed: u64,
    /// Never posted: a fault.
    pub lost: u64,
}

/// How often one thing was accepted, and how often that came to nothing.
#[derive(Debug)]
struct Entry {
    first: String,
    accepted: u32,
    failed: u32,
}

impl Entry {
    fn is_open(&self) -> bool {
        self.accepted > self.failed
    }
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    by_text: HashMap<u128, Entry>,
    by_message: HashMap<String, Entry>,
    pub(crate) expectations: Vec<(Expectation, u64)>,
    pub(crate) report: Report,
    /// How long each of the latest callbacks waited for its answer.
    pub(crate) answer_waits: VecDeque<Duration>,
}

impl Ledger {
    pub(crate) fn note_answer(&mut self, waited: Duration) {
        if self.answer_waits.len() == ANSWER_WAITS_MAX {
            self.answer_waits.pop_front();
        }
        self.answer_waits.push_back(waited);
    }

    pub(crate) fn accept(&mut self, record: &Record) {
        self.report.accepted += 1;
        self.gain(record.status.word());
        let sid = record.sid.as_str();
        let text = enter(&mut self.by_text, record.text_key, sid);
        let message = record.message_id.clone().map(|id| enter(&mut self.by_message, id, sid));
        let message = message.unwrap_or(Met::Never);
        match (&message, &text) {
            (Met::Open(first), _) | (_, Met::Open(first)) => {
                self.report.duplicates_total += 1;
                if self.report.duplicates.len() < LISTED_MAX {
                    self.report.duplicates.push(Duplicate {
                        to: masked(&record.to),
                        message: record.message_id.clone(),
                        same_message: matches!(message, Met::Open(_)),
                        same_text: matches!(text, Met::Open(_)),
                        first: first.clone(),
                        again: sid.to_owned(),
                    });
                }
            }
            (Met::Failed, _) | (_, Met::Failed) => self.report.retried += 1,
            (Met::Never, Met::Never) => {}
        }
        self.expect(record);
    }

    fn expect(&mut self, record: &Record) {
        if self.expectations.is_empty() {
            return;
        }
        let fits = |e: &Expectation| e.to == record.to && record.body.contains(&e.contains);
        match self.expectations.iter_mut().find(|(expectation, _)| fits(expectation)) {
            Some((_, met)) => *met += 1,
            None => {
                self.report.unexpected_total += 1;
                if self.report.unexpected.len() < LISTED_MAX {
                    let (to, sid) = (masked(&record.to), record.sid.to_string());
                    self.report.unexpected.push(Unexpected { to, sid });
                }
            }
        }
    }

    /// Moves a text from one status to its present one.
    pub(crate) fn moved(&mut self, from: &'static str, record: &Record) {
        if let Some(count) = self.report.by_status.get_mut(from) {
            *count -= 1;
        }
        self.gain(record.status.word());
        if record.status.is_failure() {
            if let Some(entry) = self.by_text.get_mut(&record.text_key) {
                entry.failed += 1;
            }
            if let Some(entry) = record.message_id.as_ref().and_then(|id| self.by_message.get_mut(id)) {
                entry.failed += 1;
            }
        }
    }

    /// Forgets the text of a message that is no longer kept. Its message id stays.
    pub(crate) fn forget_text(&mut self, record: &Record) {
        if self.by_text.get(&record.text_key).is_some_and(|entry| entry.accepted == 1) {
            self.by_text.remove(&record.text_key);
        }
    }

    fn gain(&mut self, status: &'static str) {
        match self.report.by_status.get_mut(status) {
            Some(count) => *count += 1,
            None => {
                self.report.by_status.insert(status.to_owned(), 1);
            }
        }
    }
}

/// What the ledger knew before.
enum Met {
    Never,
    Failed,
    Open(String),
}

fn enter<K: std::hash::Hash + Eq>(entries: &mut HashMap<K, Entry>, key: K, sid: &str) -> Met {
    let entry = entries.entry(key).or_insert_with(|| Entry { first: sid.to_owned(), accepted: 0, failed: 0 });
    let met = match (entry.accepted, entry.is_open()) {
        (0, _) => Met::Never,
        (_, true) => Met::Open(entry.first.clone()),
        (_, false) => Met::Failed,
    };
    entry.accepted += 1;
    met
}

/// What a text to a phone is remembered by.
pub(crate) fn text_key(to: &str, body: &str) -> u128 {
    digest(&[to, body])[..16].iter().fold(0, |key, byte| key << 8 | u128::from(*byte))
}

/// A number as it may be shown.
pub(crate) fn masked(number: &str) -> String {
    match number.parse::<domain::phone::E164>() {
        Ok(number) => number.masked(),
        Err(_) => "…".to_owned(),
    }
}
