//! Whether the provider, the configuration and the way back to us are fit for sending, before anything is sent.
//!
//! In: what was read of the account, its senders and the configuration, or why it could not be read. Out: findings, the
//! most urgent first.
//! Never: asks anybody; and nothing that it says holds a secret or a whole phone number.

mod account;
mod countries;
mod facts;
mod gate;
mod registration;
mod sender;
mod templates;
mod webhook;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use account::{AccountFacts, account};
pub use countries::{CountryFacts, Price, countries, isos_of};
pub use facts::{
    Account, Brand, Campaign, Country, OwnedNumber, PoolMember, Read, ServiceSettings, Tollfree, Unread,
    is_nanp, is_tollfree,
};
pub use gate::{Admitted, Gate, Preflight, Seen, gate, is_passing};
pub use registration::{RegistrationFacts, registration};
pub use sender::{SenderFacts, sender};
pub use templates::{FilledText, Templates, templates};
pub use webhook::{Probe, WebhookFacts, webhook};

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Credentials, and the account that they are of.
    Account,
    /// The sending number, or the messaging service with its pool, and where replies are posted.
    Sender,
    /// Campaign and brand of A2P 10DLC, and verification of toll-free numbers.
    Registration,
    /// Whether the countries of recipients are enabled, and what a text there costs.
    Countries,
    /// Whether the public URL leads to callout, and signatures fit.
    Webhook,
    /// What workflows say: length, encoding, links, wording; and whether steps reach anybody.
    Templates,
    /// Whether somebody can be texted in every step, at every time of the days to come.
    Coverage,
}

impl Check {
    /// All of them, in the order in which they are made.
    pub const ALL: [Self; 7] = [
        Self::Account,
        Self::Sender,
        Self::Registration,
        Self::Countries,
        Self::Webhook,
        Self::Templates,
        Self::Coverage,
    ];

    /// Its name on the command line and in findings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Sender => "sender",
            Self::Registration => "registration",
            Self::Countries => "countries",
            Self::Webhook => "webhook",
            Self::Templates => "templates",
            Self::Coverage => "coverage",
        }
    }
}

/// How much a finding matters. The first are the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Texts or replies would be lost: the preflight fails.
    Error,
    /// Something may go wrong, or could not be read.
    Warning,
    /// Good to know.
    Note,
    /// Looked at, and right.
    Ok,
}

impl Severity {
    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Ok => "ok",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was looked at.
    pub check: Check,
    /// Its name for scripts, for example `sender.not_owned`. The same fault has the same name in every version.
    pub id: String,
    /// What is so.
    pub what: String,
    /// What to do; empty where nothing is to be done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

/// Collects the findings of one check.
struct Findings {
    check: Check,
    found: Vec<Finding>,
}

impl Findings {
    fn of(check: Check) -> Self {
        Self { check, found: Vec::new() }
    }

    fn add(&mut self, severity: Severity, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let id = format!("{}.{id}", self.check.as_str());
        self.found.push(Finding {
            severity,
            check: self.check,
            id,
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    fn error(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Error, id, what, remedy);
    }

    fn warning(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Warning, id, what, remedy);
    }

    fn note(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Note, id, what, remedy);
    }

    fn ok(&mut self, id: &str, what: impl Into<String>) {
        self.add(Severity::Ok, id, what, "");
    }

    /// What could not be read. That the credentials were not taken, or that nobody answered, is said of the account.
    fn unread(&mut self, id: &str, of: &str, why: &Unread) {
        self.warning(id, format!("{of} could not be read: {}", why.reason()), why.remedy());
    }
}

/// What the gaps on call are as findings; that there are none is one too.
pub fn coverage(gaps: &[crate::coverage::Gap], days: u16) -> Vec<Finding> {
    let mut found = Findings::of(Check::Coverage);
    for gap in gaps {
        found.error(
            "gap",
            gap.to_string(),
            "change the rotation in oncall.toml, or add a target to the step",
        );
    }
    if gaps.is_empty() {
        found.ok("covered", format!("every step finds somebody at every time of the next {days} days"));
    }
    found.found
}

/// The same findings, the most urgent first, each once.
pub fn sorted(findings: impl IntoIterator<Item = Finding>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = findings.into_iter().collect();
    findings.sort();
    findings.dedup();
    findings
}

/// What a whole preflight came to, as it is kept. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightReport {
    /// When it ended.
    pub at: Timestamp,
    /// For which environment.
    pub environment: String,
    /// The SID of the account.
    pub account: String,
    /// What tells the sender from others: the SID of the service, or a digest of the number.
    pub sender: String,
    /// The digest of the configuration that it was made for.
    pub configuration: String,
    /// What was found, the most urgent first.
    pub findings: Vec<Finding>,
}

impl PreflightReport {
    /// How many findings of this severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_urgent_comes_first_and_each_once() {
        let mut found = Findings::of(Check::Sender);
        found.ok("b", "right");
        found.note("a", "odd", "");
        found.error("z", "wrong", "mend it");
        found.error("z", "wrong", "mend it");
        found.warning("a", "perhaps", "");
        let ids: Vec<String> = sorted(found.found).into_iter().map(|finding| finding.id).collect();
        assert_eq!(ids, ["sender.z", "sender.a", "sender.a", "sender.b"]);
    }

    #[test]
    fn a_gap_is_an_error_and_none_is_said() {
        let gap = crate::coverage::Gap {
            workflow: "paging".to_owned(),
            step: 1,
            from: "2026-03-01T00:00:00Z".parse().unwrap(),
            until: None,
            why: "nobody is on call for oncall:platform".to_owned(),
        };
        assert_eq!(coverage(&[gap], 14)[0].severity, Severity::Error);
        let none = coverage(&[], 14);
        assert_eq!((none[0].id.as_str(), none[0].severity), ("coverage.covered", Severity::Ok));
    }
}
