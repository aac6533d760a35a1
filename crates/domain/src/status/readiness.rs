//! Whether production was checked, and whether somebody will be on call. In: a status. Out: findings.
//!
//! Never: a problem because a preflight grows old: what runs was checked once, and shows by itself whether texts go out.

use crate::{limits::PREFLIGHT_FRESH_S, plural::counted, time::after_s};

use super::{Finding, Status, age, note, problem};

/// A gap that begins within so many seconds is a problem: a day.
const GAP_NEAR_S: i64 = 24 * 3_600;
/// Most gaps that are told of.
const GAPS_MAX: usize = 5;
const RUN_IT: &str = "`callout preflight`";

/// Whether the account and what is sent from it were looked at, in production.
pub(super) fn preflight(status: &Status, found: &mut Vec<Finding>) {
    let alive = status.processes.iter().filter(|process| process.is_alive(status.now));
    for process in alive {
        if let Some(reason) = &process.without_preflight {
            let what = format!("{} was started without a preflight: {reason}", process.process);
            note(found, what, RUN_IT);
        }
    }
    if status.environment != "production" {
        return;
    }
    let Some(seen) = &status.preflight else {
        return problem(found, "no preflight was made of production".to_owned(), RUN_IT);
    };
    let ago = age(status.now, seen.at);
    if seen.errors > 0 {
        let what = format!("the last preflight, {ago} ago, failed with {}", counted(seen.errors, "error"));
        problem(found, what, "`callout preflight` says what to do");
    } else if status.now.duration_since(seen.at).as_secs() >= PREFLIGHT_FRESH_S {
        note(found, format!("the last preflight is {ago} old"), RUN_IT);
    } else if !seen.is_of_this_configuration {
        let what = format!("the last preflight, {ago} ago, was made for another configuration");
        note(found, what, RUN_IT);
    }
}

/// Times at which a step would text nobody.
pub(super) fn gaps(status: &Status, found: &mut Vec<Finding>) {
    let remedy = "change the rotation in oncall.toml, or add a target to the step";
    for gap in status.gaps.iter().take(GAPS_MAX) {
        if gap.from < after_s(status.now, GAP_NEAR_S) {
            problem(found, gap.to_string(), remedy);
        } else {
            note(found, gap.to_string(), remedy);
        }
    }
    let more = status.gaps.len().saturating_sub(GAPS_MAX);
    if more > 0 {
        note(found, format!("{} more on call", counted(more, "gap")), "`callout preflight --only coverage`");
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        coverage::Gap,
        status::{Backlog, Heartbeat, PreflightSeen},
    };

    fn blank() -> Status {
        Status {
            now: now(),
            environment: "test".into(),
            version: "1.0.0".into(),
            roles: Vec::new(),
            processes: Vec::new(),
            queues: Vec::new(),
            bus_fault: None,
            backlog: Backlog::default(),
            effects: Vec::new(),
            originators: Vec::new(),
            in_doubt: 0,
            retry_waits: crate::status::RetryWaits::default(),
            unreached: crate::status::Unreached::default(),
            sending: None,
            balances: true,
            preflight: None,
            gaps: Vec::new(),
            calendars: Vec::new(),
            clashes: Vec::new(),
            silences: crate::status::ActiveSilences::default(),
            canaries: Vec::new(),
            agents: crate::status::AgentsSeen::default(),
        }
    }

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn seen(age_s: i64, errors: u64, is_of_this_configuration: bool) -> Option<PreflightSeen> {
        Some(PreflightSeen { at: after_s(now(), -age_s), errors, warnings: 1, is_of_this_configuration })
    }

    fn found(environment: &str, preflight: Option<PreflightSeen>, gaps_at: &[i64]) -> Vec<(bool, String)> {
        let gap = |from_s: &i64| Gap {
            workflow: "page".into(),
            step: 1,
            from: after_s(now(), *from_s),
            until: None,
            why: "nobody is on call".into(),
        };
        let status = Status {
            environment: environment.into(),
            preflight,
            gaps: gaps_at.iter().map(gap).collect(),
            ..blank()
        };
        let mut findings = Vec::new();
        super::preflight(&status, &mut findings);
        super::gaps(&status, &mut findings);
        findings.into_iter().map(|finding| (finding.is_problem, finding.what)).collect()
    }

    #[test]
    fn production_wants_a_preflight_that_passed() {
        assert_eq!(found("production", seen(60, 0, true), &[]), []);
        let missing = (true, "no preflight was made of production".to_owned());
        assert_eq!(found("production", None, &[]), [missing]);
        let failed = (true, "the last preflight, 1m ago, failed with 2 errors".to_owned());
        assert_eq!(found("production", seen(60, 2, true), &[]), [failed]);
        let old = (false, "the last preflight is 24h old".to_owned());
        assert_eq!(found("production", seen(PREFLIGHT_FRESH_S, 0, true), &[]), [old]);
        let other = (false, "the last preflight, 1m ago, was made for another configuration".to_owned());
        assert_eq!(found("production", seen(60, 0, false), &[]), [other]);
        assert_eq!(found("staging", None, &[]), []);
    }

    #[test]
    fn a_gap_is_a_problem_once_it_is_near() {
        let gaps = found("staging", None, &[0, GAP_NEAR_S]);
        assert_eq!(gaps.iter().map(|(is_problem, _)| *is_problem).collect::<Vec<_>>(), [true, false]);
        assert!(gaps[0].1.starts_with("step 1 of workflow page texts nobody"), "{gaps:?}");
        let many = found("staging", None, &[0; 8]);
        assert_eq!(many.len(), 6);
        assert_eq!(many[5], (false, "3 gaps more on call".to_owned()));
    }

    #[test]
    fn who_started_without_one_says_why() {
        let process = Heartbeat {
            process: "a/1".into(),
            roles: Vec::new(),
            version: "1.0.0".into(),
            started_at: now(),
            at: now(),
            faults: Vec::new(),
            submitted: 0,
            open_breakers: Vec::new(),
            without_preflight: Some("the API was down".into()),
        };
        let status = Status { processes: vec![process], ..blank() };
        let mut findings = Vec::new();
        super::preflight(&status, &mut findings);
        assert_eq!(findings[0].what, "a/1 was started without a preflight: the API was down");
    }
}
