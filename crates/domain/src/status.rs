//! How the installation is, and what to do first if it is not well.
//!
//! In: what processes reported, what waits, the time. Out: findings, the most urgent first.
//! Never: a finding without what to do about it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    canary::CanaryStatus,
    coverage::{Gap, LayerClash},
    oncall::copy::CalendarState,
    originator::ReceiptCount,
    outbound::{SendingSeen, SendingState},
    plural::counted,
    silence::Silence,
};

mod agents_seen;
mod canary_words;
mod findings;
mod readiness;
mod run_facts;
mod waiting;

pub use agents_seen::AgentsSeen;
pub use canary_words::canary_in_words;
pub use findings::findings;
pub use run_facts::{RetryWaits, Unreached};
pub use waiting::Waiting;

/// How often a process reports, in seconds.
pub const HEARTBEAT_EVERY_S: i64 = 5;
/// A process that has reported within so many seconds is alive.
pub const ALIVE_S: i64 = 20;
/// The last report of a process that is gone is kept for so many seconds.
pub const HEARTBEAT_KEPT_S: i64 = 3_600;

/// The name under which a sender reports the circuit breaker of the account. No destination is called so.
pub const PROVIDER_BREAKER: &str = "twilio";

/// What a process last reported of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Its name: host and process id.
    pub process: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// Its version of callout.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it reported.
    pub at: Timestamp,
    /// A line for each server that it cannot use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Requests to send a text that it has made since it started.
    #[serde(default)]
    pub submitted: u64,
    /// Whom it does not call for now, because calls failed: `twilio`, or the name of a destination.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_breakers: Vec<String>,
    /// Why it was started without a preflight, where an operator said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_preflight: Option<String>,
}

impl Heartbeat {
    /// Whether the process has reported lately.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now.duration_since(self.at).as_secs() < ALIVE_S
    }
}

/// What waits in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backlog {
    /// Accepted events that have not ended. Of many, not all are looked at for the oldest.
    pub events: Waiting,
    /// Runs that should have been looked at by now, since the earliest deadline.
    pub overdue: Waiting,
    /// Runs with a message that needs review, since the oldest was opened.
    pub needs_review: Waiting,
    /// Dead letters.
    pub dead_letters: Waiting,
    /// Effects that were not delivered yet, by destination.
    pub effects: BTreeMap<String, u64>,
    /// Whether what is stored is encrypted.
    #[serde(default)]
    pub sealing: Sealing,
    /// The key of the file that wraps the store's own keys, by its name: no other is needed to read the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_by: Option<String>,
}

/// Whether what a store keeps of texts and numbers is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sealing {
    /// No key is configured.
    #[default]
    Off,
    /// What is written is; some of what was stored before is not yet.
    UnderWay,
    /// All of it is.
    Complete,
}

/// What waits in one queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueDepth {
    /// The queue's name, for example `events.critical`.
    pub name: String,
    /// How many pieces of work.
    pub depth: u64,
    /// How many consumers there are, in all processes.
    pub consumers: u32,
}

/// What has waited longest at one destination, of the effects that were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingEffect {
    /// The destination.
    pub destination: String,
    /// Whether it is configured.
    pub is_configured: bool,
    /// Whether it is to open a ticket.
    pub opens_ticket: bool,
    /// Since when it is tried.
    pub since: Timestamp,
    /// Why the last request did not do it.
    pub last_failure: Option<String>,
}

/// How the latest texts of an originator to a country did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginatorStatus {
    /// The originator and the country, and how many arrived.
    #[serde(flatten)]
    pub count: ReceiptCount,
    /// How many of a hundred arrived.
    pub score: u32,
    /// Whether another one is preferred there, because too few arrived.
    pub is_demoted: bool,
}

impl OriginatorStatus {
    /// What the counts say. Where there is only one originator, none is preferred to it.
    pub fn new(count: ReceiptCount) -> Self {
        Self { score: count.arrived.percent(), is_demoted: count.arrived.is_poor(), count }
    }
}

/// The last whole preflight, as a status shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightSeen {
    /// When it ended.
    pub at: Timestamp,
    /// Its findings that are errors. Without any it passed.
    pub errors: u64,
    /// Its findings that are warnings.
    pub warnings: u64,
    /// Whether it was made for the configuration of the process that asked.
    pub is_of_this_configuration: bool,
}

/// Everything that is known at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The moment.
    pub now: Timestamp,
    /// Which environment it is.
    pub environment: String,
    /// The version of the process that asked.
    pub version: String,
    /// The roles that must run somewhere.
    pub roles: Vec<String>,
    /// What processes last reported, by name.
    pub processes: Vec<Heartbeat>,
    /// The queues; empty if the bus did not answer.
    pub queues: Vec<QueueDepth>,
    /// Why the bus did not answer.
    pub bus_fault: Option<String>,
    /// What waits in the store.
    pub backlog: Backlog,
    /// Effects that have waited longest, at most one for each destination and one more that is to open a ticket.
    #[serde(default)]
    pub effects: Vec<WaitingEffect>,
    /// Messages of which nobody knows yet whether they were sent.
    pub in_doubt: u64,
    /// Texts that wait to be sent again.
    #[serde(default)]
    pub retry_waits: RetryWaits,
    /// Runs that lately reached nobody.
    #[serde(default)]
    pub unreached: Unreached,
    /// What became of the latest texts of each originator, by the recipient's country.
    #[serde(default)]
    pub originators: Vec<OriginatorStatus>,
    /// Whether the provider takes texts of the account; absent before the first trouble.
    pub sending: Option<SendingState>,
    /// Whether no accepted event and no effect is missing.
    pub balances: bool,
    /// The last whole preflight; absent before the first.
    #[serde(default)]
    pub preflight: Option<PreflightSeen>,
    /// Times of the next days at which a step would text nobody.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// What is known of each calendar that is configured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calendars: Vec<CalendarState>,
    /// Events of calendars that put several people on call at once, in the next days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clashes: Vec<LayerClash>,
    /// The silences that hold now.
    #[serde(default)]
    pub silences: ActiveSilences,
    /// How the latest canaries of each originator did; none where they are off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canaries: Vec<CanaryStatus>,
    /// What concerns agents.
    #[serde(default)]
    pub agents: AgentsSeen,
}

/// Silences that hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveSilences {
    /// How many.
    pub count: u64,
    /// When the next of them ends; absent where none holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_end: Option<Timestamp>,
}

impl ActiveSilences {
    /// Those of these silences that hold.
    pub fn of(silences: &[Silence], now: Timestamp) -> Self {
        let held = silences.iter().filter(|silence| silence.from <= now && now < silence.until);
        let ends: Vec<Timestamp> = held.map(|silence| silence.until).collect();
        Self { count: ends.len() as u64, next_end: ends.into_iter().min() }
    }
}

impl Status {
    /// What the provider refused the whole account with, and since when.
    fn refused_account(&self) -> Option<(u32, Timestamp)> {
        let sending = self.sending.as_ref()?;
        match sending.seen {
            SendingSeen::Stopped(code) => Some((code.unwrap_or_default(), sending.since)),
            SendingSeen::Going => None,
        }
    }

    /// Processes that have reported lately and have this role.
    pub fn alive<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a Heartbeat> {
        let has = move |process: &&Heartbeat| process.roles.iter().any(|of| of == role);
        self.processes.iter().filter(has).filter(|process| process.is_alive(self.now))
    }
}

/// Something that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether something does not work or waits for a person, and not only looks odd.
    pub is_problem: bool,
    /// What it is.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

fn problem(found: &mut Vec<Finding>, what: String, remedy: impl Into<String>) {
    found.push(Finding { is_problem: true, what, remedy: remedy.into() });
}

fn note(found: &mut Vec<Finding>, what: String, remedy: impl Into<String>) {
    found.push(Finding { is_problem: false, what, remedy: remedy.into() });
}

/// A time span in its largest unit, for example `12m`.
pub fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// How long ago something was, in its largest unit.
pub fn age(now: Timestamp, then: Timestamp) -> String {
    span(now.duration_since(then).as_secs())
}

/// How much of something does what, and for how long the oldest has.
fn waiting(waiting: Waiting, noun: &str, does: &str, now: Timestamp) -> String {
    let oldest = waiting.since.map(|since| format!(", the oldest for {}", age(now, since)));
    format!("{}{does}{}", counted(waiting.count, noun), oldest.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_in_its_largest_unit() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        for (then, text) in [
            ("2026-01-31T12:00:01Z", "0s"),
            ("2026-01-31T11:59:01Z", "59s"),
            ("2026-01-31T11:00:01Z", "59m"),
            ("2026-01-29T12:00:01Z", "47h"),
            ("2026-01-29T12:00:00Z", "2d"),
        ] {
            assert_eq!(age(now, then.parse().unwrap()), text);
        }
    }
}
