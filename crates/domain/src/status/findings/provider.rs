//! What is wrong on the way out of the installation. In: a status. Out: findings about the provider, originators and
//! destinations.

use std::collections::BTreeSet;

use super::words::{is_older, listed};
use crate::{
    originator::{Arrived, ReceiptCount},
    plural::counted,
    status::{Finding, Heartbeat, OriginatorStatus, PROVIDER_BREAKER, Status, WaitingEffect, age, problem},
};

/// An effect may wait so long, in seconds, before that is a problem.
const EFFECT_WAITS_S: i64 = 300;

/// Whether texts go out.
pub(super) fn provider(status: &Status, found: &mut Vec<Finding>) {
    let stopped = breakers(status, |breaker| breaker == PROVIDER_BREAKER);
    if let Some((code, since)) = status.refused_account() {
        let what = format!("Twilio refuses the account with code {code} since {}", age(status.now, since));
        problem(
            found,
            what,
            "look at the account in Twilio's console; texts wait and go out once it is taken",
        );
    } else if let Some((_, of)) = stopped.first() {
        let what = format!(
            "Twilio does not answer {}, or answers that it is too much: no texts go out there",
            listed(of)
        );
        problem(
            found,
            what,
            "see the sender's log for what it answers: with 429, who else uses the account, and twilio.segments_per_second; else \
             status.twilio.com and the way out of your network; it is tried again by itself",
        );
    }
    for (destination, of) in breakers(status, |breaker| breaker != PROVIDER_BREAKER) {
        let waits = status.backlog.effects.get(destination).copied().unwrap_or_default();
        let of_it = status.effects.iter().filter(|effect| effect.destination == destination);
        let why = of_it.filter_map(|effect| effect.last_failure.as_deref()).next();
        let why = why.unwrap_or("it does not answer");
        let (of, waits) = (listed(&of), counted(waits, "effect"));
        let what = format!("destination {destination} takes nothing of {of}: {why}; {waits} wait");
        problem(found, what, "look at that service; they are tried again by themselves until their deadline");
    }
    let is_paused =
        |effect: &&WaitingEffect| breakers(status, |breaker| breaker == effect.destination).is_empty();
    for effect in status.effects.iter().filter(is_paused) {
        stuck(status, effect, found);
    }
}

/// Whose texts do not arrive.
pub(super) fn originators(status: &Status, found: &mut Vec<Finding>) {
    for OriginatorStatus { count, .. } in status.originators.iter().filter(|of| of.is_demoted) {
        let ReceiptCount { originator, calling_code, arrived: Arrived { delivered, failed } } = count;
        let all = delivered.saturating_add(*failed);
        let what = format!(
            "texts from {originator} to {calling_code} do not arrive: {delivered} of the latest {all} did"
        );
        let remedy = "see the codes of such texts: `callout runs list`, `callout runs show RUN`, and Twilio's console for that \
                      sender; where another originator may text the country and does better, it takes its place by itself";
        problem(found, what, remedy);
    }
}

/// An effect that has waited for too long, or waits for nobody.
fn stuck(status: &Status, effect: &WaitingEffect, found: &mut Vec<Finding>) {
    let WaitingEffect { destination, is_configured, opens_ticket, since, last_failure } = effect;
    let what = if *opens_ticket { "a ticket" } else { "an effect" };
    let waited = age(status.now, *since);
    if !is_configured {
        let what =
            format!("{what} waits for destination {destination}, which is not configured, for {waited}");
        problem(
            found,
            what,
            "add the destination again; else it becomes a dead letter ten minutes after it began to wait",
        );
    } else if is_older(status.now, Some(*since), EFFECT_WAITS_S) {
        let why = last_failure.as_deref().unwrap_or("it was not tried yet");
        let what = format!("{what} has waited for destination {destination} for {waited}: {why}");
        problem(
            found,
            what,
            "look at that service, and at the integrations workers' logs; it is tried again by itself",
        );
    }
}

/// Open circuit breakers, with the processes that report each.
pub(super) fn breakers(status: &Status, wanted: impl Fn(&str) -> bool) -> Vec<(&str, Vec<&str>)> {
    let alive = || status.processes.iter().filter(|process| process.is_alive(status.now));
    let names: BTreeSet<&str> =
        alive().flat_map(|process| &process.open_breakers).map(String::as_str).collect();
    let of = |name: &str| {
        let has = |process: &&Heartbeat| process.open_breakers.iter().any(|open| open == name);
        alive().filter(has).map(|process| process.process.as_str()).collect()
    };
    names.into_iter().filter(|name| wanted(name)).map(|name| (name, of(name))).collect()
}
