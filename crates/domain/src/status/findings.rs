//! What is wrong. In: a status. Out: findings, the most urgent first.
//!
//! Never: a finding for what heals by itself within seconds.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Finding, Heartbeat, Status, Waiting, age, waiting};

/// Accepted events may wait so long, in seconds, before that is a problem.
const EVENTS_WAIT_S: i64 = 60;
/// Deadlines may be late by so much, in seconds, before that is a problem: the sweep finds what lost its timer.
const OVERDUE_S: i64 = 60;
/// Fewer effects than this wait for a destination without being worth a word.
const EFFECTS_MANY: u64 = 100;
/// The name under which the account's own circuit breaker is reported.
const PROVIDER: &str = "twilio";

/// What is wrong, the most urgent first; empty if all is well.
pub fn findings(status: &Status) -> Vec<Finding> {
    let mut found = Vec::new();
    roles(status, &mut found);
    servers(status, &mut found);
    provider(status, &mut found);
    backlog(status, &mut found);
    persons(status, &mut found);
    oddities(status, &mut found);
    found
}

fn problem(found: &mut Vec<Finding>, what: String, remedy: impl Into<String>) {
    found.push(Finding { is_problem: true, what, remedy: remedy.into() });
}

fn note(found: &mut Vec<Finding>, what: String, remedy: impl Into<String>) {
    found.push(Finding { is_problem: false, what, remedy: remedy.into() });
}

/// Roles that no process has, the one without which nothing goes out first.
fn roles(status: &Status, found: &mut Vec<Finding>) {
    for role in &status.roles {
        if status.alive(role).next().is_some() {
            continue;
        }
        let last =
            status.processes.iter().filter(|process| process.roles.contains(role)).max_by_key(|p| p.at);
        let since = last.map_or("none has reported".to_owned(), |last| {
            format!("{} was the last, {} ago", last.process, age(status.now, last.at))
        });
        problem(
            found,
            format!("no process with role {role} runs: {since}"),
            format!(
                "start one: `callout serve {role}`, or all roles of an embedded installation: `callout serve`"
            ),
        );
    }
}

/// Servers that processes cannot use, each said once.
fn servers(status: &Status, found: &mut Vec<Finding>) {
    if let Some(fault) = &status.bus_fault {
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

/// Whether texts go out.
fn provider(status: &Status, found: &mut Vec<Finding>) {
    let stopped = breakers(status, |breaker| breaker == PROVIDER);
    if let Some((code, since)) = status.refused_account() {
        let what = format!("Twilio refuses the account with code {code} since {}", age(status.now, since));
        problem(
            found,
            what,
            "look at the account in Twilio's console; texts wait and go out once it is taken",
        );
    } else if let Some((_, of)) = stopped.first() {
        let what = format!("Twilio does not answer {}: no texts go out there", listed(of));
        problem(
            found,
            what,
            "look at status.twilio.com and the way out of your network; it is tried again by itself",
        );
    }
    for (destination, of) in breakers(status, |breaker| breaker != PROVIDER) {
        let waits = status.backlog.effects.get(destination).copied().unwrap_or_default();
        let what = format!("destination {destination} does not answer {}: {waits} effects wait", listed(&of));
        problem(found, what, "look at that service; they are tried again by themselves until their deadline");
    }
}

/// Open circuit breakers, with the processes that report each.
fn breakers(status: &Status, wanted: impl Fn(&str) -> bool) -> Vec<(&str, Vec<&str>)> {
    let alive = || status.processes.iter().filter(|process| process.is_alive(status.now));
    let names: BTreeSet<&str> =
        alive().flat_map(|process| &process.open_breakers).map(String::as_str).collect();
    let of = |name: &str| {
        let has = |process: &&Heartbeat| process.open_breakers.iter().any(|open| open == name);
        alive().filter(has).map(|process| process.process.as_str()).collect()
    };
    names.into_iter().filter(|name| wanted(name)).map(|name| (name, of(name))).collect()
}

/// Work that waits for too long.
fn backlog(status: &Status, found: &mut Vec<Finding>) {
    for queue in &status.queues {
        if queue.depth > 0 && queue.consumers == 0 {
            let what =
                format!("{} pieces of work wait in {} and nobody consumes it", queue.depth, queue.name);
            problem(found, what, "start a process of the role that consumes it; docs/fleet.md says which");
        }
    }
    let is_late = |waiting: Waiting, allowed_s| is_older(status.now, waiting.since, allowed_s);
    let events = status.backlog.events;
    if is_late(events, EVENTS_WAIT_S) {
        let what = format!("{} wait to be worked on", waiting(events, "accepted event", status.now));
        problem(found, what, "start more senders if they keep growing, else see the senders' logs");
    }
    let overdue = status.backlog.overdue;
    if is_late(overdue, OVERDUE_S) {
        let what = format!("{} overdue", waiting(overdue, "deadline", status.now));
        problem(found, what, "see the escalation workers' logs; start another if they are busy");
    }
}

fn is_older(now: Timestamp, since: Option<Timestamp>, allowed_s: i64) -> bool {
    since.is_some_and(|since| now.duration_since(since).as_secs() > allowed_s)
}

/// What waits for a person.
fn persons(status: &Status, found: &mut Vec<Finding>) {
    if !status.balances {
        let what = "the audit does not balance: something accepted is missing".to_owned();
        problem(found, what, "see which sum is off: `callout audit`; keep the logs");
    }
    let review = status.backlog.needs_review;
    if review.count > 0 {
        let what =
            format!("{} with a text that may or may not have been sent", waiting(review, "run", status.now));
        problem(found, what, "`callout runs list --needs-review`, then `callout runs settle`");
    }
    let letters = status.backlog.dead_letters;
    if letters.count > 0 {
        let what = waiting(letters, "dead letter", status.now);
        problem(found, what, "`callout dlq list`, then replay or discard each");
    }
}

/// What need not be wrong.
fn oddities(status: &Status, found: &mut Vec<Finding>) {
    let silent = |process: &&Heartbeat| !process.is_alive(status.now);
    for process in status.processes.iter().filter(silent) {
        // A role that nobody has is a problem of its own.
        if process.roles.iter().any(|role| status.alive(role).next().is_none()) {
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
    for (destination, count) in status.backlog.effects.iter().filter(|(_, count)| **count >= EFFECTS_MANY) {
        let what = format!("{count} effects wait for destination {destination}");
        note(found, what, "see the integrations workers' logs if they keep growing");
    }
}

fn listed(names: &[&str]) -> String {
    names.join(", ")
}
