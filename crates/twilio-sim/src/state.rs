//! The state of the simulator. In: created messages, steps, texts. Out: records, in order and by SID.
//!
//! Never: awaits, or posts anything: it is behind one lock.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use domain::{id::digest, provider::ProviderMessageId};
use jiff::Timestamp;

use crate::{
    account::AccountState,
    config::SimConfig,
    fault::Faults,
    message::{Record, Status},
    phone::{Phone, PhoneText},
    plan::Step,
    report::{Callbacks, Ledger, Report},
};

#[derive(Debug)]
pub(crate) struct State {
    /// By a number that rises with every message and is never used again.
    pub(crate) records: BTreeMap<u64, Record>,
    by_sid: HashMap<ProviderMessageId, u64>,
    /// The messages to one number, oldest first.
    addressed: HashMap<String, VecDeque<u64>>,
    /// In the order they finished; the oldest are removed first.
    finished: VecDeque<u64>,
    next: u64,
    keep_max: usize,
    /// Makes SIDs differ between two simulators with one seed, and between two starts.
    salt: String,
    pub(crate) phones: BTreeMap<String, Phone>,
    /// Phones that replied STOP, with the number or service.
    pub(crate) blocks: BTreeSet<(String, String)>,
    /// Which sender of a service a phone knows, so that it stays the same.
    pub(crate) sticky: HashMap<(String, String), String>,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Faults,
    /// What the account says of itself.
    pub(crate) account: AccountState,
}

impl State {
    pub(crate) fn new(config: &SimConfig, salt: String) -> Self {
        Self {
            records: BTreeMap::new(),
            by_sid: HashMap::new(),
            addressed: HashMap::new(),
            finished: VecDeque::new(),
            next: 0,
            keep_max: config.keep_max,
            salt,
            phones: BTreeMap::new(),
            blocks: BTreeSet::new(),
            sticky: HashMap::new(),
            ledger: Ledger::default(),
            faults: Faults::new(config.faults.clone(), config.seed),
            account: config.account.clone(),
        }
    }

    /// Clears everything but the counter of SIDs, so that no SID comes twice.
    pub(crate) fn reset(&mut self, config: &SimConfig) {
        let (next, salt) = (self.next, std::mem::take(&mut self.salt));
        *self = Self { next, ..Self::new(config, salt) };
    }

    /// 32 hex digits that were never used before, for what `purpose` says.
    pub(crate) fn hex(&self, purpose: &str, number: u64) -> String {
        digest(&[&self.salt, purpose, &number.to_string()])[..16].iter().map(|b| format!("{b:02x}")).collect()
    }

    /// A name for the next message. A picture makes it an MMS.
    pub(crate) fn next_sid(&self, media: usize) -> Option<ProviderMessageId> {
        let prefix = if media > 0 { "MM" } else { "SM" };
        twilio::message_sid(&format!("{prefix}{}", self.hex("message", self.next))).ok()
    }

    pub(crate) fn insert(&mut self, record: Record) -> u64 {
        let number = self.next;
        self.next += 1;
        if !record.inbound {
            self.ledger.accept(&record);
        }
        self.by_sid.insert(record.sid.clone(), number);
        self.addressed.entry(record.to.clone()).or_default().push_back(number);
        if record.status.is_final() {
            self.finished.push_back(number);
        }
        self.records.insert(number, record);
        while self.records.len() > self.keep_max {
            let oldest = self.finished.pop_front().or_else(|| self.records.keys().next().copied());
            let Some(oldest) = oldest else { break };
            self.remove(oldest);
        }
        number
    }

    /// Takes one step of a message's plan. A step that was taken changes nothing; one that must not be is `None`.
    pub(crate) fn advance(
        &mut self,
        number: u64,
        index: usize,
        step: Step,
        now: Timestamp,
    ) -> Option<&Record> {
        let taken = self.records.get(&number)?.steps;
        if taken > index {
            return self.records.get(&number).filter(|record| record.status != Status::Canceled);
        }
        let record = self.records.get_mut(&number)?;
        if taken < index || record.status.is_final() {
            return None;
        }
        record.steps += 1;
        record.error_code = step.error_code;
        self.set_status(number, step.status, now)
    }

    pub(crate) fn set_status(&mut self, number: u64, status: Status, now: Timestamp) -> Option<&Record> {
        let record = self.records.get_mut(&number)?;
        let before = std::mem::replace(&mut record.status, status);
        record.updated = now;
        if status == Status::Sent {
            record.sent = Some(now);
        }
        if status.is_final() {
            self.finished.push_back(number);
        }
        self.ledger.moved(before.word(), record);
        Some(record)
    }

    pub(crate) fn number_of(&self, sid: &str) -> Option<u64> {
        self.by_sid.get(&sid.parse::<ProviderMessageId>().ok()?).copied()
    }

    pub(crate) fn remove(&mut self, number: u64) {
        let Some(record) = self.records.remove(&number) else { return };
        self.by_sid.remove(&record.sid);
        if let Some(addressed) = self.addressed.get_mut(&record.to) {
            addressed.retain(|other| *other != number);
            if addressed.is_empty() {
                self.addressed.remove(&record.to);
            }
        }
        self.ledger.forget_text(&record);
    }

    /// Messages from new to old, only those to one number if given, older than `before` if given.
    pub(crate) fn newest_first<'a>(
        &'a self,
        to: Option<&str>,
        before: Option<u64>,
    ) -> Box<dyn Iterator<Item = &'a Record> + 'a> {
        let before = before.unwrap_or(u64::MAX);
        match to {
            Some(to) => {
                let numbers = self.addressed.get(to).into_iter().flatten().rev();
                Box::new(numbers.filter(move |n| **n < before).filter_map(|n| self.records.get(n)))
            }
            None => Box::new(self.records.range(..before).rev().map(|(_, record)| record)),
        }
    }

    pub(crate) fn phone(&mut self, number: &str) -> &mut Phone {
        self.phones.entry(number.to_owned()).or_default()
    }

    pub(crate) fn report(&self) -> Report {
        let mut report = self.ledger.report.clone();
        report.faults_fired.clone_from(&self.faults.fired);
        let unmet = self.ledger.expectations.iter().filter(|(_, met)| *met == 0);
        report.unmet = unmet.map(|(expectation, _)| expectation.clone()).collect();
        report
    }
}

/// The state as a test sees it while it waits.
#[derive(Debug)]
pub struct View<'a>(pub(crate) &'a State);

impl View<'_> {
    /// How many texts were created.
    pub fn accepted(&self) -> u64 {
        self.0.ledger.report.accepted
    }

    /// How long each of the latest 20,000 callbacks that were taken waited for its answer.
    pub fn answer_waits(&self) -> Vec<Duration> {
        self.0.ledger.answer_waits.iter().copied().collect()
    }

    /// How many texts have this status.
    pub fn with_status(&self, status: Status) -> u64 {
        self.0.ledger.report.by_status.get(status.word()).copied().unwrap_or(0)
    }

    /// One message's status.
    pub fn status(&self, sid: &str) -> Option<Status> {
        Some(self.0.records.get(&self.0.number_of(sid)?)?.status)
    }

    /// When the first text to a number was created, of those that are kept.
    pub fn first_created(&self, number: &str) -> Option<Timestamp> {
        self.0.newest_first(Some(number), None).last().map(|record| record.created)
    }

    /// What reached a phone.
    pub fn texts(&self, number: &str) -> Vec<PhoneText> {
        self.0.phones.get(number).map(|phone| phone.received.iter().cloned().collect()).unwrap_or_default()
    }

    /// What a phone sent.
    pub fn sent(&self, number: &str) -> Vec<PhoneText> {
        self.0.phones.get(number).map(|phone| phone.sent.iter().cloned().collect()).unwrap_or_default()
    }

    /// What became of the status callbacks. Cheaper than the whole report.
    pub fn callbacks(&self) -> Callbacks {
        self.0.ledger.report.callbacks
    }

    /// The report so far.
    pub fn report(&self) -> Report {
        self.0.report()
    }
}
