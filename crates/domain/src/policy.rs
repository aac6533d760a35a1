//! May this text go to this number now? Plain code, in a fixed order, every verdict with its rule.
//!
//! In: the workflow, the environment, the recipient's consent and the time. Out: a [`Decision`].
//! Never: asks an agent, a template or the event whether a rule applies.

mod decision;
mod input;
mod meaning;
mod quiet;
mod replay;

use jiff::Timestamp;

pub use decision::{Decision, POLICY_VERSION, Rule, Verdict};
pub use input::{Environment, HoldingSilence, PolicyInput};
pub use replay::{Replayed, Standing, replay};

use crate::{
    consent::{Consent, GrantNeeds},
    id::digest,
    phone::E164,
    workflow::{Category, Stage},
};
use decision::decision;

/// Why a text that may be sent must wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferral {
    /// The earliest time at which it may be sent.
    pub until: Timestamp,
    /// The rule that decided.
    pub rule: Rule,
    /// Whether that time is a slot that was reserved for it, so that it need not reserve another.
    pub is_slot: bool,
}

impl Deferral {
    /// The slot that was reserved, if one was.
    pub(crate) fn slot_at(&self) -> Option<Timestamp> {
        self.is_slot.then_some(self.until)
    }

    /// The decision that follows.
    pub(crate) fn decision(&self, now: Timestamp, not_after: Timestamp) -> Decision {
        // Too late for its event it expires there, with that rule; and never in the past, where it would spin.
        let until = self.until.min(not_after).max(now);
        decision(Verdict::Defer(until), self.rule, [("until", until.to_string())])
    }
}

/// That a text is held for a digest of its group, whose name people read.
pub(crate) fn held(rule: Rule, until: Timestamp, group: &str) -> Decision {
    let group = (!group.is_empty()).then(|| ("group", group.to_owned()));
    decision(Verdict::Defer(until), rule, group.into_iter().chain([("until", until.to_string())]))
}

/// Decides, in the order of the rules: expiry, environment, stage, silence, opt-out, consent, quiet hours.
pub fn decide(input: &PolicyInput<'_>) -> Decision {
    let PolicyInput { workflow, environment, recipient, consent, silence, not_after, now, .. } = *input;
    if now >= not_after {
        return Decision::expire(not_after);
    }
    if environment.allow_recipients.as_ref().is_some_and(|list| !list.contains(&recipient.number)) {
        return decision(
            Verdict::Suppress,
            Rule::EnvironmentAllowList,
            [("environment", environment.name.clone())],
        );
    }
    match &workflow.stage {
        Stage::Shadow => return decision(Verdict::Suppress, Rule::StageShadow, []),
        Stage::Canary { recipients, percent } => {
            let bucket = canary_bucket(&workflow.name, &recipient.number);
            if !recipients.contains(&recipient.number) && bucket >= *percent {
                let inputs = [("percent", percent.to_string()), ("bucket", bucket.to_string())];
                return decision(Verdict::Suppress, Rule::StageCanary, inputs);
            }
        }
        Stage::Live => {}
    }
    if let Some(silence) = silence {
        let HoldingSilence { id, until, why } = silence.clone();
        let inputs = [("silence", id), ("until", until.to_string()), ("why", why)];
        // An event that can be resolved, and is not by then, is still there when the silence ends. Of others nobody could say.
        let may_last = workflow.resolved_by.is_some() && until < not_after;
        let verdict = if may_last { Verdict::Defer(until) } else { Verdict::Suppress };
        return decision(verdict, Rule::Silenced, inputs);
    }
    if let Some(decision) = forbid(consent, workflow.category, &environment.grant_needs) {
        return decision;
    }
    quiet::quiet_hours(input).unwrap_or_else(|| decision(Verdict::Send, Rule::Passed, []))
}

/// What the recipient's consent forbids, if anything. Asked as part of [`decide`], and once more between the claim of a
/// text and its request.
pub fn forbid(consent: &Consent, category: Category, needs: &GrantNeeds) -> Option<Decision> {
    if let Some(since) = consent.opted_out_since() {
        return Some(decision(Verdict::Suppress, Rule::OptedOut, [("since", since.to_string())]));
    }
    let lacks_grant = needs.0.contains(&category) && !consent.is_granted(category);
    lacks_grant
        .then(|| decision(Verdict::Suppress, Rule::NotGranted, [("category", category.as_str().to_owned())]))
}

/// A stable number from 0 to 99 for this recipient in this workflow.
fn canary_bucket(workflow: &str, number: &E164) -> u8 {
    digest(&[workflow, number.as_str()])[0] % 100
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, json};

    use super::*;
    use crate::{
        consent::{ConsentChange, ConsentEntry},
        directory::Recipient,
        quiet_hours::QuietHours,
        silence::{Silence, SilenceMatch},
        workflow::WorkflowDefinition,
    };

    struct Case {
        workflow: WorkflowDefinition,
        environment: Environment,
        recipient: Recipient,
        consent: Consent,
        silence: Option<HoldingSilence>,
        now: Timestamp,
    }

    fn case() -> Case {
        let mut workflow = WorkflowDefinition::new("w", "e", "text", json!({"type": "object"}), vec![]);
        workflow.stage = Stage::Live;
        Case {
            workflow,
            environment: Environment::default(),
            recipient: Recipient {
                target: "contact:ada".into(),
                name: "Ada".into(),
                number: "+14155550100".parse().unwrap(),
                more_numbers: Vec::new(),
                time_zone: Some("America/New_York".into()),
                taken_over: None,
            },
            consent: Consent::default(),
            silence: None,
            now: "2026-01-15T17:00:00Z".parse().unwrap(),
        }
    }

    #[track_caller]
    fn check(case: &Case, verdict: Verdict, rule: Rule) {
        let decision = decide(&PolicyInput {
            workflow: &case.workflow,
            environment: &case.environment,
            recipient: &case.recipient,
            consent: &case.consent,
            data: &Map::new(),
            waits_since: None,
            silence: case.silence.as_ref(),
            not_after: "2026-01-16T17:00:00Z".parse().unwrap(),
            now: case.now,
        });
        assert_eq!((decision.verdict, decision.rule), (verdict, rule));
    }

    #[test]
    fn a_canary_of_some_percent_has_about_so_many_numbers_and_another_workflow_others() {
        let numbers: Vec<E164> = (0..2_000).map(|n| format!("+1415555{n:04}").parse().unwrap()).collect();
        let within = |workflow: &str| -> Vec<bool> {
            numbers.iter().map(|number| canary_bucket(workflow, number) < 10).collect()
        };
        let chosen = within("w").into_iter().filter(|is_in| *is_in).count();
        assert!((100..300).contains(&chosen), "{chosen} of 2000");
        assert!(numbers.iter().all(|number| canary_bucket("w", number) < 100));
        assert_ne!(within("w"), within("v"));
    }

    #[test]
    fn each_rule_decides_and_the_first_in_order_wins() {
        let mut case = case();
        check(&case, Verdict::Send, Rule::Passed);

        let night: Timestamp = "2026-01-16T05:00:00Z".parse().unwrap();
        let hours = |urgent| QuietHours {
            urgent,
            ..QuietHours::daily("21:00".parse().unwrap(), "08:00".parse().unwrap(), "UTC")
        };
        case.workflow.quiet_hours = Some(hours(false));
        case.now = night;
        check(&case, Verdict::Defer("2026-01-16T13:00:00Z".parse().unwrap()), Rule::QuietHours);
        case.workflow.quiet_hours = Some(hours(true));
        check(&case, Verdict::Send, Rule::QuietUrgent);

        case.workflow.category = Category::Marketing;
        check(&case, Verdict::Suppress, Rule::NotGranted);
        let entry = |change| ConsentEntry {
            number: case.recipient.number.clone(),
            change,
            at: night,
            source: "test".into(),
            evidence: String::new(),
            wording: String::new(),
            channel: String::new(),
            by: String::new(),
        };
        case.consent.apply(&entry(ConsentChange::Grant(Category::Marketing)));
        check(&case, Verdict::Send, Rule::QuietUrgent);
        let out = entry(ConsentChange::OptOut);
        case.consent.apply(&out);
        check(&case, Verdict::Suppress, Rule::OptedOut);

        let (of, by, why) = (SilenceMatch::default(), "ada".to_owned(), "maintenance".to_owned());
        let silence = Silence { of, from: night, until: night, by, why, made_at: night };
        case.silence = Some(HoldingSilence::from(&silence));
        check(&case, Verdict::Suppress, Rule::Silenced);
        case.workflow.resolved_by = Some("incident.resolved".into());
        check(&case, Verdict::Defer(night), Rule::Silenced);
        case.silence.as_mut().unwrap().until = "2026-01-16T17:00:00Z".parse().unwrap();
        check(&case, Verdict::Suppress, Rule::Silenced);

        case.workflow.stage = Stage::Canary { recipients: vec![], percent: 0 };
        check(&case, Verdict::Suppress, Rule::StageCanary);
        case.workflow.stage = Stage::Canary { recipients: vec![case.recipient.number.clone()], percent: 0 };
        check(&case, Verdict::Suppress, Rule::Silenced);
        case.workflow.stage = Stage::Canary { recipients: vec![], percent: 100 };
        check(&case, Verdict::Suppress, Rule::Silenced);
        case.workflow.stage = Stage::Shadow;
        check(&case, Verdict::Suppress, Rule::StageShadow);

        case.environment.allow_recipients = Some(BTreeSet::new());
        check(&case, Verdict::Suppress, Rule::EnvironmentAllowList);
        case.now = "2026-01-16T17:00:00Z".parse().unwrap();
        check(&case, Verdict::Expire, Rule::NotAfter);
    }

    #[test]
    fn a_text_that_would_be_stale_after_the_quiet_hours_is_suppressed() {
        let mut case = case();
        let (start, end) = ("11:00".parse().unwrap(), "23:59".parse().unwrap());
        case.workflow.quiet_hours = Some(QuietHours::daily(start, end, "UTC"));
        case.now = "2026-01-16T16:30:00Z".parse().unwrap();
        check(&case, Verdict::Suppress, Rule::QuietPastDeadline);
    }
}
