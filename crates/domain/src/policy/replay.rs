//! A stored verdict, asked for again. In: the verdict with what it looked at, and what stands since. Out: whether the rules
//! say the same.
//!
//! Never: takes a fact that is not stored: what an earlier rule would have looked at follows from the rule that decided.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::{
    decide,
    decision::{Decision, POLICY_VERSION, Rule},
    input::{Environment, HoldingSilence, PolicyInput},
};
use crate::{
    consent::{Consent, GrantNeeds},
    directory::Recipient,
    time::{after, after_s},
    workflow::WorkflowDefinition,
};

/// What is kept beside a verdict, and does not change.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The definition that the run was opened with.
    pub workflow: &'a WorkflowDefinition,
    /// Whom the text was for.
    pub recipient: &'a Recipient,
    /// The fields of the event.
    pub data: &'a Map<String, Value>,
    /// When the event stopped being of use.
    pub not_after: Timestamp,
    /// When it was decided, to the millisecond.
    pub at: Timestamp,
}

/// What asking again led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replayed {
    /// The same verdict, rule and inputs.
    Same,
    /// Something else.
    Different(Decision),
    /// It is a limit's, whose state is not kept.
    Limit,
    /// Other rules decided it.
    OtherVersion,
    /// The fields of the event that it looked at were removed.
    FieldsRemoved,
}

/// Asks the rules again.
pub fn replay(stored: &Decision, standing: &Standing<'_>) -> Replayed {
    if stored.rule.is_limit() {
        return Replayed::Limit;
    }
    if stored.policy != POLICY_VERSION {
        return Replayed::OtherVersion;
    }
    let Standing { workflow, recipient, data, not_after, at } = *standing;
    let hours = workflow.quiet_hours.as_ref();
    let is_quiet_rule = stored.inputs.contains_key("time_zone");
    if data.is_empty() && is_quiet_rule && hours.is_some_and(|hours| hours.by_field.is_some()) {
        return Replayed::FieldsRemoved;
    }
    let input = |name: &str| stored.inputs.get(name).map(String::as_str).unwrap_or_default();
    let time = |name: &str| input(name).parse::<Timestamp>().ok();
    let is = |rule: Rule| stored.rule == rule;
    let environment = Environment {
        name: input("environment").to_owned(),
        allow_recipients: is(Rule::EnvironmentAllowList).then(BTreeSet::new),
        grant_needs: GrantNeeds(is(Rule::NotGranted).then_some(workflow.category).into_iter().collect()),
    };
    let opt = time("since").filter(|_| is(Rule::OptedOut)).map(|since| (since, true));
    let consent = Consent { opt, ..Consent::default() };
    let silence = is(Rule::Silenced).then(|| HoldingSilence {
        id: input("silence").to_owned(),
        until: time("until").unwrap_or_default(),
        why: input("why").to_owned(),
    });
    // Where it is not said, it had not waited for too long, and so not if it had begun to wait now.
    let most_s = hours.and_then(|hours| hours.defer_at_most_s).unwrap_or_default();
    let waits_since = time("waits_until").map(|until| after_s(until, -i64::from(most_s)));
    // The time was cut to the millisecond: an end that comes within it had come.
    let had_come = is(Rule::NotAfter) && not_after < after(at, SignedDuration::from_millis(1));
    let now = if had_come { at.max(not_after) } else { at };
    let again = decide(&PolicyInput {
        workflow,
        environment: &environment,
        recipient,
        consent: &consent,
        data,
        waits_since,
        silence: silence.as_ref(),
        not_after,
        now,
    });
    if again == *stored { Replayed::Same } else { Replayed::Different(again) }
}
