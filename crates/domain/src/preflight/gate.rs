//! Whether a process that sends may start in production. In: the last preflight, when texts last went out, the time. Out: a
//! verdict.
//!
//! Never: stops a process that runs, or one that only starts again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{PreflightReport, Severity};
use crate::{
    limits::{PREFLIGHT_FRESH_S, SERVED_LATELY_S},
    plural::counted,
    status::age,
};

/// That a sender was let in, and when one last ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admitted {
    /// When it last ran.
    pub at: Timestamp,
    /// In which environment.
    pub environment: String,
    /// With which account.
    pub account: String,
    /// From which sender, as [`PreflightReport::sender`] has it.
    pub sender: String,
}

/// What the store keeps of preflights.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// The last whole one.
    #[serde(default)]
    pub last: Option<PreflightReport>,
    /// The last sender that was let in.
    #[serde(default)]
    pub admitted: Option<Admitted>,
}

/// Who wants to start.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// In which environment.
    pub environment: &'a str,
    /// With which account.
    pub account: &'a str,
    /// From which sender, as [`PreflightReport::sender`] has it.
    pub sender: &'a str,
    /// The digest of its configuration.
    pub configuration: &'a str,
    /// Now.
    pub now: Timestamp,
}

impl Seen<'_> {
    /// What is noted of it once it runs.
    pub fn admitted(&self) -> Admitted {
        Admitted {
            at: self.now,
            environment: self.environment.to_owned(),
            account: self.account.to_owned(),
            sender: self.sender.to_owned(),
        }
    }

    fn was(&self, admitted: &Admitted) -> bool {
        let Admitted { environment, account, sender, .. } = admitted;
        *environment == self.environment && *account == self.account && *sender == self.sender
    }
}

/// Whether it may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// It may, and this is to be said loudly.
    Warned(String),
    /// It may not, and why.
    Closed(String),
}

/// Whether a preflight found no error.
pub fn is_passing(report: &PreflightReport) -> bool {
    report.count(Severity::Error) == 0
}

/// Whether a process that sends may start. Outside production it always may. `without` is why it starts without a
/// preflight, where an operator says so.
///
/// A passing preflight of the last day opens it. So does, with a warning, that the same account and sender served within
/// the last week: who starts a process again at night must not be what silences pages.
pub fn gate(seen: &Seen<'_>, known: &Preflight, without: Option<&str>) -> Gate {
    if seen.environment != "production" {
        return Gate::Open;
    }
    let fault = known
        .last
        .as_ref()
        .map_or_else(|| Some("no preflight was made".to_owned()), |last| fault(seen, last));
    let Some(fault) = fault else { return Gate::Open };
    if let Some(reason) = without {
        return Gate::Warned(format!("starts without a preflight because: {reason} ({fault})"));
    }
    let served = known.admitted.as_ref().filter(|admitted| seen.was(admitted));
    match served {
        Some(served) if seen.now.duration_since(served.at).as_secs() < SERVED_LATELY_S => {
            Gate::Warned(format!(
                "starts although {fault}: the same account and sender served {} ago; run `callout preflight`",
                age(seen.now, served.at)
            ))
        }
        Some(_) | None => Gate::Closed(format!(
            "production needs a preflight that passed within a day, and {fault}: run `callout preflight`, or start with \
             --without-preflight \"REASON\""
        )),
    }
}

/// Why a preflight does not count; `None` where it does.
pub(super) fn fault(seen: &Seen<'_>, last: &PreflightReport) -> Option<String> {
    let old = seen.now.duration_since(last.at).as_secs();
    let errors = last.count(Severity::Error);
    if last.environment != seen.environment || last.account != seen.account || last.sender != seen.sender {
        Some("the last preflight was of another account or sender".to_owned())
    } else if errors > 0 {
        Some(format!(
            "the last preflight, {} ago, failed with {}",
            age(seen.now, last.at),
            counted(errors, "error")
        ))
    } else if old >= PREFLIGHT_FRESH_S {
        Some(format!("the last preflight is {} old", age(seen.now, last.at)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limits::ADMITTED_EVERY_S,
        preflight::{Check, Finding},
        time::after_s,
    };

    fn now() -> Timestamp {
        "2026-03-10T03:00:00Z".parse().unwrap()
    }

    fn seen(environment: &str) -> Seen<'_> {
        Seen { environment, account: "AC1", sender: "MG1", configuration: "c1", now: now() }
    }

    fn report(age_s: i64, account: &str, severity: Severity) -> PreflightReport {
        PreflightReport {
            at: after_s(now(), -age_s),
            environment: "production".into(),
            account: account.into(),
            sender: "MG1".into(),
            configuration: "c1".into(),
            findings: vec![Finding {
                severity,
                check: Check::Account,
                id: "account.active".into(),
                what: "what".into(),
                remedy: String::new(),
            }],
        }
    }

    fn known(last: Option<PreflightReport>, served: Option<(i64, &str)>) -> Preflight {
        let admitted = served.map(|(age_s, account)| Admitted {
            at: after_s(now(), -age_s),
            environment: "production".into(),
            account: account.into(),
            sender: "MG1".into(),
        });
        Preflight { last, admitted }
    }

    fn verdict(known: &Preflight, without: Option<&str>) -> &'static str {
        match gate(&seen("production"), known, without) {
            Gate::Open => "open",
            Gate::Warned(_) => "warned",
            Gate::Closed(_) => "closed",
        }
    }

    #[test]
    fn a_passing_preflight_of_the_last_day_opens_production() {
        let passed = |age_s| known(Some(report(age_s, "AC1", Severity::Warning)), None);
        assert_eq!(verdict(&passed(PREFLIGHT_FRESH_S - 1), None), "open");
        assert_eq!(verdict(&passed(PREFLIGHT_FRESH_S), None), "closed");
        assert_eq!(verdict(&known(None, None), None), "closed");
        assert_eq!(verdict(&known(Some(report(60, "AC2", Severity::Ok)), None), None), "closed");
        assert_eq!(verdict(&known(Some(report(60, "AC1", Severity::Error)), None), None), "closed");
    }

    #[test]
    fn other_environments_need_none() {
        for environment in ["staging", "development", "test"] {
            assert_eq!(gate(&seen(environment), &Preflight::default(), None), Gate::Open);
        }
    }

    #[test]
    fn a_reason_opens_it_and_is_said() {
        let Gate::Warned(said) = gate(&seen("production"), &Preflight::default(), Some("the API is down"))
        else {
            panic!("it may start")
        };
        assert!(said.contains("the API is down") && said.contains("no preflight was made"), "{said}");
        assert_eq!(verdict(&known(Some(report(60, "AC1", Severity::Ok)), None), Some("x")), "open");
    }

    #[test]
    fn a_process_that_only_starts_again_is_never_stopped() {
        let old = Some(report(40 * 24 * 3_600, "AC1", Severity::Ok));
        assert_eq!(verdict(&known(old.clone(), Some((ADMITTED_EVERY_S, "AC1"))), None), "warned");
        assert_eq!(verdict(&known(None, Some((SERVED_LATELY_S - 1, "AC1"))), None), "warned");
        let failed = Some(report(60, "AC1", Severity::Error));
        assert_eq!(verdict(&known(failed, Some((60, "AC1"))), None), "warned");
        // What did not serve lately, or was another account's, begins anew.
        assert_eq!(verdict(&known(old.clone(), Some((SERVED_LATELY_S, "AC1"))), None), "closed");
        assert_eq!(verdict(&known(old, Some((60, "AC2"))), None), "closed");
    }
}
