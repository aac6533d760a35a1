//! What is wrong. In: a status. Out: findings, the most urgent first.
//!
//! Never: a finding for what heals by itself within seconds.

mod agents;
mod calendars;
mod outcomes;
mod provider;
mod words;

use std::collections::BTreeSet;

use crate::plural::counted;

use super::canary_words::canary_in_words;
use super::{
    Finding, Heartbeat, PROVIDER_BREAKER, Sealing, Status, Waiting, age, note, problem, readiness, waiting,
};
use outcomes::{retries, unreached};
use provider::{breakers, originators, provider};
use words::{is_older, listed};

/// Accepted events may wait so long, in seconds, before that is a problem.
const EVENTS_WAIT_S: i64 = 60;
/// Deadlines may be late by so much, in seconds, before that is a problem: the sweep finds what lost its timer.
const OVERDUE_S: i64 = 60;
/// What RabbitMQ says to a user without the right: from 4.x on also to one who asks for the length of a queue.
const REFUSED: &str = "ACCESS_REFUSED";
/// The queue that no sender consumes.
const ESCALATION: &str = "escalation";
/// Fewer effects than this wait for a destination without being worth a word.
const EFFECTS_MANY: u64 = 100;

/// What is wrong, the most urgent first; empty if all is well.
pub fn findings(status: &Status) -> Vec<Finding> {
    let mut found = Vec::new();
    roles(status, &mut found);
    servers(status, &mut found);
    provider(status, &mut found);
    originators(status, &mut found);
    retries(status, &mut found);
    unreached(status, &mut found);
    canaries(status, &mut found);
    backlog(status, &mut found);
    persons(status, &mut found);
    readiness::preflight(status, &mut found);
    readiness::gaps(status, &mut found);
    calendars::calendars(status, &mut found);
    agents::agents(status, &mut found);
    oddities(status, &mut found);
    found
}

/// Roles that no process has.
fn roles(status: &Status, found: &mut Vec<Finding>) {
    if !status.processes.iter().any(|process| process.is_alive(status.now)) {
        let what = format!("no process runs: {}", last(status, |_| true));
        problem(found, what, "start callout: `callout serve`, in a fleet with the roles of each process");
        return;
    }
    for role in status.roles.iter().filter(|role| status.alive(role).next().is_none()) {
        let what = format!(
            "no process with role {role} runs: {}",
            last(status, |process| process.roles.contains(role))
        );
        problem(found, what, format!("start one: `callout serve {role}`"));
    }
}

/// The process that reported last.
fn last(status: &Status, of: impl Fn(&Heartbeat) -> bool) -> String {
    let last = status.processes.iter().filter(|process| of(process)).max_by_key(|process| process.at);
    last.map_or("none has reported within an hour".to_owned(), |last| {
        format!("{} was the last, {} ago", last.process, age(status.now, last.at))
    })
}

/// Servers that processes cannot use, each said once.
fn servers(status: &Status, found: &mut Vec<Finding>) {
    if let Some(fault) = status.bus_fault.as_ref().filter(|fault| fault.contains(REFUSED)) {
        let what = format!("the broker does not show its queues to this user: {fault}");
        note(found, what, "give the user write access to the queues, as deploy/rabbitmq/users.json does");
    } else if let Some(fault) = &status.bus_fault {
        let what = format!("the broker does not answer: {fault}");
        problem(found, what, "bring it back; accepted events are kept in the store and go on by themselves");
    }
    let alive = || status.processes.iter().filter(|process| process.is_alive(status.now));
    let faults: BTreeSet<&String> = alive().flat_map(|process| &process.faults).collect();
    for fault in faults {
        let of: Vec<&str> =
            alive().filter(|process| process.faults.contains(fault)).map(|p| p.process.as_str()).collect();
        let remedy = "bring that server back, or see why it refuses; work waits and is not lost";
        problem(found, format!("{} cannot use {fault}", listed(&of)), remedy);
    }
}

/// Originators whose canaries do not arrive. One may have been lost by the network of the phone.
fn canaries(status: &Status, found: &mut Vec<Finding>) {
    for canary in status.canaries.iter().filter(|canary| canary.failures > 0) {
        let what = format!("the canary from {} {}", canary.originator, canary_in_words(canary, status.now));
        let remedy = "see docs/operations/callout-canary-fails.md";
        if canary.failures > 1 {
            problem(found, what, remedy);
        } else {
            note(found, what, remedy);
        }
    }
}

/// Work that waits for too long.
fn backlog(status: &Status, found: &mut Vec<Finding>) {
    // A sender that does not call the provider pulls nothing: the cause is a finding of its own.
    let is_stopped = !breakers(status, |breaker| breaker == PROVIDER_BREAKER).is_empty();
    for queue in &status.queues {
        let waits_for_it = is_stopped && queue.name != ESCALATION;
        if queue.depth > 0 && queue.consumers == 0 && !waits_for_it {
            let work = counted(queue.depth, "piece");
            let what = format!("{work} of work in {} and nobody consumes it", queue.name);
            problem(found, what, "start a process of the role that consumes it; docs/fleet.md says which");
        }
    }
    let is_late = |waiting: Waiting, allowed_s| is_older(status.now, waiting.since, allowed_s);
    let events = status.backlog.events;
    if is_late(events, EVENTS_WAIT_S) {
        let what = waiting(events, "accepted event", " not worked on yet", status.now);
        problem(found, what, "start more senders if they keep growing, else see the senders' logs");
    }
    let overdue = status.backlog.overdue;
    if is_late(overdue, OVERDUE_S) {
        let what = waiting(overdue, "deadline", " overdue", status.now);
        problem(found, what, "see the escalation workers' logs; start another if they are busy");
    }
}

/// What waits for a person.
fn persons(status: &Status, found: &mut Vec<Finding>) {
    if !status.balances {
        let what = "the audit does not balance: something accepted is missing".to_owned();
        problem(found, what, "see which sum is off: `callout audit`; keep the logs");
    }
    let review = status.backlog.needs_review;
    if review.count > 0 {
        let what = waiting(review, "run", " with a text that may or may not have been sent", status.now);
        problem(found, what, "`callout runs list --held`, then `callout runs settle`");
    }
    let letters = status.backlog.dead_letters;
    if letters.count > 0 {
        let what = waiting(letters, "dead letter", "", status.now);
        problem(found, what, "`callout dlq list`, then replay or discard each");
    }
}

/// What need not be wrong.
fn oddities(status: &Status, found: &mut Vec<Finding>) {
    if status.backlog.sealing == Sealing::UnderWay {
        let what = "some texts and numbers are not encrypted yet: they were stored before there was a key";
        note(found, what.to_owned(), "none: `escalation` encrypts them; if it stays so, look at its log");
    }
    let silent = |process: &&Heartbeat| !process.is_alive(status.now);
    for process in status.processes.iter().filter(silent) {
        // A role that nobody has is a problem of its own.
        if process.roles.iter().any(|role| status.roles.contains(role) && status.alive(role).next().is_none())
        {
            continue;
        }
        let what = format!("{} has not reported for {}", process.process, age(status.now, process.at));
        note(found, what, "if it was stopped for good, nothing: it is forgotten after an hour");
    }
    let alive = status.processes.iter().filter(|process| process.is_alive(status.now));
    let versions: BTreeSet<&str> = alive.map(|process| process.version.as_str()).collect();
    if versions.len() > 1 {
        let versions: Vec<&str> = versions.into_iter().collect();
        note(found, format!("versions {} run side by side", listed(&versions)), "finish the upgrade");
    }
    let is_open = |destination: &str| !breakers(status, |breaker| breaker == destination).is_empty();
    let many = status.backlog.effects.iter().filter(|(_, count)| **count >= EFFECTS_MANY);
    for (destination, count) in many.filter(|(destination, _)| !is_open(destination)) {
        let what = format!("{count} effects wait for destination {destination}");
        note(found, what, "see the integrations workers' logs if they keep growing");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        originator::{Arrived, ReceiptCount},
        outbound::{SendingSeen, SendingState},
        status::{Backlog, OriginatorStatus, QueueDepth, RetryWaits, Unreached, WaitingEffect},
        time::after_s,
    };

    fn now() -> Timestamp {
        "2026-01-31T12:00:00Z".parse().unwrap()
    }

    fn ago(seconds: i64) -> Timestamp {
        after_s(now(), -seconds)
    }

    fn process(name: &str, role: &str, seconds: i64) -> Heartbeat {
        Heartbeat {
            process: name.to_owned(),
            roles: vec![role.to_owned()],
            version: "1.0.0".to_owned(),
            started_at: ago(3_000),
            at: ago(seconds),
            faults: Vec::new(),
            submitted: 0,
            open_breakers: Vec::new(),
            without_preflight: None,
        }
    }

    fn well() -> Status {
        Status {
            now: now(),
            environment: "test".to_owned(),
            version: "1.0.0".to_owned(),
            roles: vec!["ingest".to_owned(), "sender".to_owned()],
            processes: vec![process("a/1", "ingest", 1), process("b/2", "sender", 19)],
            queues: vec![QueueDepth { name: "events.bulk".to_owned(), depth: 5, consumers: 1 }],
            bus_fault: None,
            backlog: Backlog::default(),
            effects: Vec::new(),
            originators: vec![originator(9, 1)],
            in_doubt: 3,
            retry_waits: RetryWaits::default(),
            unreached: Unreached::default(),
            sending: Some(SendingState { seen: SendingSeen::Going, since: ago(9), is_announced: true }),
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

    fn originator(delivered: u32, failed: u32) -> OriginatorStatus {
        OriginatorStatus::new(ReceiptCount {
            originator: "us".parse().unwrap(),
            calling_code: "+49".parse().unwrap(),
            arrived: Arrived { delivered, failed },
        })
    }

    fn waiting(seconds: i64) -> Waiting {
        Waiting { count: 2, since: Some(ago(seconds)) }
    }

    fn unreached_runs(runs: u64, critical: u64) -> Unreached {
        Unreached { runs, critical, last_at: Some(ago(120)), run: None }
    }

    fn effect(is_configured: bool, seconds: i64) -> WaitingEffect {
        let (destination, last_failure) = ("desk".to_owned(), Some("answered 429".to_owned()));
        WaitingEffect { destination, is_configured, opens_ticket: true, since: ago(seconds), last_failure }
    }

    /// What is found once this is so, as `is_problem` and the sentence.
    fn found(change: impl FnOnce(&mut Status)) -> Vec<(bool, String)> {
        let mut status = well();
        change(&mut status);
        findings(&status).into_iter().map(|finding| (finding.is_problem, finding.what)).collect()
    }

    #[test]
    fn what_heals_by_itself_is_no_finding() {
        assert_eq!(found(|_| {}), []);
        let young = |status: &mut Status| {
            status.backlog.events = waiting(60);
            status.backlog.overdue = waiting(60);
            status.backlog.effects = BTreeMap::from([("desk".to_owned(), 99)]);
            status.effects = vec![effect(true, 300)];
        };
        assert_eq!(found(young), []);
    }

    #[test]
    fn what_agents_wait_for_is_a_note() {
        let stop = |label: Option<&str>, why: &str| crate::agent_stop::AgentStop {
            label: label.map(str::to_owned),
            by: "Ada".to_owned(),
            why: why.to_owned(),
            at: ago(120),
        };
        let change = |status: &mut Status| {
            status.agents.asked = waiting(60);
            status.agents.unreached = 1;
            status.agents.stops = vec![stop(Some("helper"), "too loud"), stop(None, "")];
        };
        let expected = [
            "2 approvals that agents ask for, the oldest for 1m",
            "the text that asks for 1 approval reached no approver",
            "agent helper is stopped by Ada for 2m: too loud",
            "all agents are stopped by Ada for 2m",
        ];
        assert_eq!(found(change), expected.map(|what| (false, what.to_owned())));
    }

    type Change = fn(&mut Status);

    #[test]
    #[expect(clippy::too_many_lines, reason = "a row for each problem")]
    fn each_problem_is_one_sentence() {
        let problems: [(Change, &str); 18] = [
            (
                |status| status.originators.push(originator(3, 9)),
                "texts from us to +49 do not arrive: 3 of the latest 12 did",
            ),
            (
                |status| status.processes[1].at = ago(20),
                "no process with role sender runs: b/2 was the last, 20s ago",
            ),
            (
                |status| status.processes.truncate(1),
                "no process with role sender runs: none has reported within an hour",
            ),
            (
                |status| status.processes.iter_mut().for_each(|process| process.at = ago(120)),
                "no process runs: b/2 was the last, 2m ago",
            ),
            (|status| status.bus_fault = Some("timeout".to_owned()), "the broker does not answer: timeout"),
            (
                |status| {
                    let both = status.processes.iter_mut();
                    both.for_each(|process| process.faults = vec!["redis: away".to_owned()]);
                },
                "a/1, b/2 cannot use redis: away",
            ),
            (
                |status| {
                    let (seen, since) = (SendingSeen::Stopped(Some(20_003)), ago(60));
                    status.sending = Some(SendingState { seen, since, is_announced: true });
                    // Said once, though the sender reports its circuit breaker as well.
                    status.processes[1].open_breakers = vec!["twilio".to_owned()];
                },
                "Twilio refuses the account with code 20003 since 1m",
            ),
            (
                |status| status.processes[1].open_breakers = vec!["twilio".to_owned()],
                "Twilio does not answer b/2, or answers that it is too much: no texts go out there",
            ),
            (
                |status| {
                    let critical = Waiting { count: 1, since: Some(ago(31)) };
                    status.retry_waits = RetryWaits { texts: waiting(31), critical, run: None };
                },
                "1 critical text was not taken and waits to be sent again, the oldest for 31s",
            ),
            (
                |status| status.retry_waits.texts = waiting(301),
                "2 texts were not taken and wait to be sent again, the oldest for 5m",
            ),
            (
                |status| status.unreached = unreached_runs(14, 0),
                "14 runs reached nobody within the last hour, the last one 2m ago",
            ),
            (
                |status| status.processes[0].open_breakers = vec!["desk".to_owned()],
                "destination desk takes nothing of a/1: it does not answer; 0 effects wait",
            ),
            (
                |status| status.effects = vec![effect(true, 301)],
                "a ticket has waited for destination desk for 5m: answered 429",
            ),
            (
                |status| status.effects = vec![effect(false, 5)],
                "a ticket waits for destination desk, which is not configured, for 5s",
            ),
            (
                |status| status.queues[0].consumers = 0,
                "5 pieces of work in events.bulk and nobody consumes it",
            ),
            (
                |status| status.backlog.events = waiting(61),
                "2 accepted events not worked on yet, the oldest for 1m",
            ),
            (|status| status.balances = false, "the audit does not balance: something accepted is missing"),
            (|status| status.backlog.dead_letters = waiting(7_200), "2 dead letters, the oldest for 2h"),
        ];
        for (change, what) in problems {
            assert_eq!(found(change), [(true, what.to_owned())]);
        }
    }

    #[test]
    fn what_looks_odd_is_no_problem() {
        let more = process("c/3", "sender", 300);
        assert_eq!(
            found(|status| status.processes.push(more)),
            [(false, "c/3 has not reported for 5m".to_owned())]
        );
        let refused = "ACCESS_REFUSED - configure access refused for user 'x'".to_owned();
        let said = found(|status| status.bus_fault = Some(refused));
        assert!(!said[0].0 && said[0].1.starts_with("the broker does not show its queues"), "{said:?}");
        assert_eq!(
            found(|status| status.processes[0].version = "1.1.0".to_owned()),
            [(false, "versions 1.0.0, 1.1.0 run side by side".to_owned())]
        );
        assert_eq!(
            found(|status| status.backlog.effects = BTreeMap::from([("desk".to_owned(), 100)])),
            [(false, "100 effects wait for destination desk".to_owned())]
        );
    }

    #[test]
    fn what_is_tried_again_for_a_moment_is_no_problem() {
        let critical = Waiting { count: 1, since: Some(ago(30)) };
        for retry_waits in [
            RetryWaits { texts: waiting(30), critical, run: None },
            RetryWaits { texts: waiting(300), ..RetryWaits::default() },
            RetryWaits::of_count(9),
        ] {
            assert_eq!(found(|status| status.retry_waits = retry_waits), []);
        }
        assert_eq!(found(|status| status.unreached = unreached_runs(2, 0)), []);
        assert_eq!(found(|status| status.unreached = unreached_runs(1, 1)).len(), 1, "a critical one");
    }

    /// A sender that is stopped consumes nothing, which is no second problem.
    #[test]
    fn what_follows_from_a_problem_is_no_finding() {
        let stopped = found(|status| {
            status.processes[1].open_breakers = vec!["twilio".to_owned(), "desk".to_owned()];
            status.queues[0].consumers = 0;
            status.retry_waits.texts = waiting(900);
            status.backlog.effects = BTreeMap::from([("desk".to_owned(), 100)]);
        });
        assert_eq!(stopped.len(), 2, "{stopped:?}");
    }

    /// The first of them is what `callout status` says to do first.
    #[test]
    fn a_missing_process_comes_before_the_work_that_waits_for_it() {
        let found = found(|status| {
            status.processes.pop();
            status.queues[0].consumers = 0;
            status.backlog.needs_review = waiting(5);
        });
        assert!(found[0].1.contains("role sender") && found[1].1.contains("events.bulk"), "{found:?}");
        assert!(found[2].1.starts_with("2 runs"), "{found:?}");
    }
}
