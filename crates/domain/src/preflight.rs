//! Whether the provider, the configuration and the way back to us are fit for sending, before anything is sent.
//!
//! In: what was read of the account, its senders and the configuration, or why it could not be read. Out: findings, the
//! most urgent first.
//! Never: asks anybody; and nothing that it says holds a secret or a whole phone number.

mod account;
mod countries;
mod facts;
mod finding;
mod gate;
mod registration;
mod sender;
mod templates;
mod webhook;

pub use account::{AccountFacts, account};
pub use countries::{CountryFacts, Price, countries, isos_of};
pub use facts::{
    Account, Brand, Campaign, Country, OwnedNumber, PoolMember, Read, ServiceSettings, Tollfree, Unread,
    is_nanp, is_tollfree,
};
pub use finding::{Check, Finding, PreflightReport, Severity};
pub use gate::{Admitted, Gate, Preflight, Seen, gate, is_passing};
pub use registration::{RegistrationFacts, registration};
pub use sender::{SenderFacts, sender};
pub use templates::{FilledText, Templates, templates};
pub use webhook::{Probe, WebhookFacts, webhook};

use crate::coverage::{Gap, LayerClash};
use finding::Findings;

/// What the gaps on call are as findings, and the shifts that two people have; that there are no gaps is one too.
pub fn coverage(gaps: &[Gap], clashes: &[LayerClash], days: u16) -> Vec<Finding> {
    let mut found = Findings::of(Check::Coverage);
    for clash in clashes {
        found.warning("clash", clash.to_string(), "take one of the events out of the calendar");
    }
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
        assert_eq!(coverage(&[gap], &[], 14)[0].severity, Severity::Error);
        let none = coverage(&[], &[], 14);
        assert_eq!((none[0].id.as_str(), none[0].severity), ("coverage.covered", Severity::Ok));
    }
}
