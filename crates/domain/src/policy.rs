//! May this text go to this number now? Plain code, in a fixed order, every verdict with its rule.
//!
//! In: the workflow, the environment, the recipient's consent and the time. Out: a [`Decision`].
//! Never: asks an agent, a template or the event whether a rule applies.

mod meaning;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    consent::{Consent, GrantNeeds},
    directory::Recipient,
    id::digest,
    phone::E164,
    quiet_hours::zone,
    silence::Silence,
    workflow::{Category, Stage, WorkflowDefinition},
};

/// Version of the rules, stored with every decision. Raised when a rule's meaning changes.
pub const POLICY_VERSION: u16 = 1;

/// Where callout runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Its name, for example `staging`.
    pub name: String,
    /// Who may be texted here; everybody when absent.
    pub allow_recipients: Option<BTreeSet<E164>>,
    /// Which categories take a grant.
    pub grant_needs: GrantNeeds,
}

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// The environment's list of recipients does not have the number.
    #[serde(rename = "environment.allow_list")]
    EnvironmentAllowList,
    /// The workflow is in stage `shadow`.
    #[serde(rename = "stage.shadow")]
    StageShadow,
    /// The workflow is in stage `canary` and the number is not in it.
    #[serde(rename = "stage.canary")]
    StageCanary,
    /// A silence holds for the event.
    #[serde(rename = "silence.active")]
    Silenced,
    /// The number has opted out.
    #[serde(rename = "consent.opted_out")]
    OptedOut,
    /// The category needs a grant and there is none.
    #[serde(rename = "consent.not_granted")]
    NotGranted,
    /// It is quiet where the recipient is.
    #[serde(rename = "quiet_hours.active")]
    QuietHours,
    /// It is quiet, and the text would be stale when that ends.
    #[serde(rename = "quiet_hours.past_deadline")]
    QuietPastDeadline,
    /// It is quiet, and the workflow is urgent.
    #[serde(rename = "quiet_hours.urgent")]
    QuietUrgent,
    /// The event is no longer of use.
    #[serde(rename = "expiry.not_after")]
    NotAfter,
    /// The recipient has had as many texts of this workflow as one phone may get.
    #[serde(rename = "pace.recipient")]
    RecipientRate,
    /// The sender sends so many segments a second, and this one's turn comes later.
    #[serde(rename = "pace.sender")]
    SenderRate,
    /// Enough of what is being sent are retries.
    #[serde(rename = "retry.budget")]
    RetryBudget,
    /// No rule objects.
    #[serde(rename = "policy.passed")]
    Passed,
}

impl Rule {
    /// The rule's id, as stored and shown.
    pub fn id(self) -> &'static str {
        match self {
            Self::EnvironmentAllowList => "environment.allow_list",
            Self::StageShadow => "stage.shadow",
            Self::StageCanary => "stage.canary",
            Self::Silenced => "silence.active",
            Self::OptedOut => "consent.opted_out",
            Self::NotGranted => "consent.not_granted",
            Self::QuietHours => "quiet_hours.active",
            Self::QuietPastDeadline => "quiet_hours.past_deadline",
            Self::QuietUrgent => "quiet_hours.urgent",
            Self::NotAfter => "expiry.not_after",
            Self::RecipientRate => "pace.recipient",
            Self::SenderRate => "pace.sender",
            Self::RetryBudget => "retry.budget",
            Self::Passed => "policy.passed",
        }
    }
}

/// What the rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may go out.
    Send,
    /// Not before this time.
    Defer(Timestamp),
    /// Not at all.
    Suppress,
    /// Not any more.
    Expire,
}

impl Verdict {
    /// Its name in metrics, as stored.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Defer(_) => "defer",
            Self::Suppress => "suppress",
            Self::Expire => "expire",
        }
    }
}

/// One verdict with its rule and what the rule looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// The rule that decided.
    pub rule: Rule,
    /// The facts it looked at, without numbers or text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// [`POLICY_VERSION`] at the time.
    pub policy: u16,
}

impl Decision {
    /// The verdict of the clock: the event's `not_after` has come.
    pub(crate) fn expire(not_after: Timestamp) -> Self {
        decision(Verdict::Expire, Rule::NotAfter, [("not_after", not_after.to_string())])
    }
}

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

/// What a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct PolicyInput<'a> {
    /// What the text is for.
    pub workflow: &'a WorkflowDefinition,
    /// Where we run.
    pub environment: &'a Environment,
    /// Whom it goes to.
    pub recipient: &'a Recipient,
    /// What they agreed to.
    pub consent: &'a Consent,
    /// The silence that holds for the event, if one does.
    pub silence: Option<&'a Silence>,
    /// When the event stops being of use.
    pub not_after: Timestamp,
    /// The present.
    pub now: Timestamp,
}

/// Decides, in the order of the rules: expiry, environment, stage, silence, opt-out, consent, quiet hours.
pub fn decide(input: &PolicyInput<'_>) -> Decision {
    let PolicyInput { workflow, environment, recipient, consent, silence, not_after, now } = *input;
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
        let inputs =
            [("silence", silence.id()), ("until", silence.until.to_string()), ("why", silence.why.clone())];
        return decision(Verdict::Suppress, Rule::Silenced, inputs);
    }
    if let Some(decision) = forbid(consent, workflow.category, &environment.grant_needs) {
        return decision;
    }
    quiet_hours(input).unwrap_or_else(|| decision(Verdict::Send, Rule::Passed, []))
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

fn quiet_hours(input: &PolicyInput<'_>) -> Option<Decision> {
    let hours = input.workflow.quiet_hours.as_ref()?;
    let name = input.recipient.time_zone.as_deref().unwrap_or(&hours.time_zone);
    // A zone that is not known is one that we cannot call at night by mistake: the configured one counts.
    let zone = zone(name).or_else(|| zone(&hours.time_zone))?;
    let until = hours.quiet_until(&zone, input.now)?;
    let inputs = [("time_zone", name.to_owned()), ("until", until.to_string())];
    Some(if hours.urgent {
        decision(Verdict::Send, Rule::QuietUrgent, inputs)
    } else if until >= input.not_after {
        decision(Verdict::Suppress, Rule::QuietPastDeadline, inputs)
    } else {
        decision(Verdict::Defer(until), Rule::QuietHours, inputs)
    })
}

/// A stable number from 0 to 99 for this recipient in this workflow.
fn canary_bucket(workflow: &str, number: &E164) -> u8 {
    digest(&[workflow, number.as_str()])[0] % 100
}

fn decision<const N: usize>(verdict: Verdict, rule: Rule, inputs: [(&str, String); N]) -> Decision {
    let inputs = inputs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Decision { verdict, rule, inputs, policy: POLICY_VERSION }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        consent::{ConsentChange, ConsentEntry},
        quiet_hours::QuietHours,
        silence::SilenceMatch,
    };

    struct Case {
        workflow: WorkflowDefinition,
        environment: Environment,
        recipient: Recipient,
        consent: Consent,
        silence: Option<Silence>,
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
            start: "21:00".parse().unwrap(),
            end: "08:00".parse().unwrap(),
            time_zone: "UTC".into(),
            urgent,
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
        case.silence = Some(Silence { of, from: night, until: night, by, why, made_at: night });
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
        case.workflow.quiet_hours = Some(QuietHours {
            start: "11:00".parse().unwrap(),
            end: "23:59".parse().unwrap(),
            time_zone: "UTC".into(),
            urgent: false,
        });
        case.now = "2026-01-16T16:30:00Z".parse().unwrap();
        check(&case, Verdict::Suppress, Rule::QuietPastDeadline);
    }
}
