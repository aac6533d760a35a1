//! What a check found, and what a whole preflight came to. In: what is so, and what to do. Out: findings.
//!
//! Never: decides what is right; each check does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Unread;

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
pub(super) struct Findings {
    check: Check,
    pub(super) found: Vec<Finding>,
}

impl Findings {
    pub(super) fn of(check: Check) -> Self {
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

    pub(super) fn error(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Error, id, what, remedy);
    }

    pub(super) fn warning(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Warning, id, what, remedy);
    }

    pub(super) fn note(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Note, id, what, remedy);
    }

    pub(super) fn ok(&mut self, id: &str, what: impl Into<String>) {
        self.add(Severity::Ok, id, what, "");
    }

    /// What could not be read. That the credentials were not taken, or that nobody answered, is said of the account.
    pub(super) fn unread(&mut self, id: &str, of: &str, why: &Unread) {
        self.warning(id, format!("{of} could not be read: {}", why.reason()), why.remedy());
    }
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
