//! Stored verdicts, asked for again. In: 100,000 drawn facts. Out: the same verdicts, byte for byte, and another where
//! something was changed.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    consent::{Consent, GrantNeeds},
    directory::Recipient,
    policy::{Decision, Environment, HoldingSilence, PolicyInput, Replayed, Rule, Standing, decide, replay},
    quiet_hours::{AfterWait, QuietHours},
    workflow::{Category, Stage, WorkflowDefinition},
};
use jiff::{SignedDuration, Timestamp, civil::Time};
use serde_json::{Map, json};

const CASES: u64 = 100_000;

/// A small generator (SplitMix64, Steele et al. 2014), so that a case is named by its number.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

struct Case {
    workflow: WorkflowDefinition,
    environment: Environment,
    recipient: Recipient,
    consent: Consent,
    silence: Option<HoldingSilence>,
    waits_since: Option<Timestamp>,
    not_after: Timestamp,
    now: Timestamp,
}

fn drawn(number: u64) -> Case {
    let draw = &mut Draw(number);
    let now =
        Timestamp::from_microsecond(1_750_000_000_000_000 + draw.below(30_000_000_000_000) as i64).unwrap();
    let within = |draw: &mut Draw, s: u64| SignedDuration::from_millis(draw.below(s * 1_000) as i64);
    let mut workflow = WorkflowDefinition::new("w", "e", "text", json!({"type": "object"}), vec![]);
    workflow.stage = match draw.below(4) {
        0 if draw.one_in(2) => Stage::Shadow,
        0 | 1 => Stage::Canary { recipients: vec![], percent: draw.below(101) as u8 },
        _ => Stage::Live,
    };
    workflow.category = Category::ALL[draw.below(3) as usize];
    if draw.one_in(2) {
        let time = |draw: &mut Draw| Time::new(draw.below(24) as i8, draw.below(60) as i8, 0, 0).unwrap();
        let zone = ["UTC", "America/New_York", "Europe/Berlin"][draw.below(3) as usize];
        let hours = QuietHours::daily(time(draw), time(draw), zone);
        workflow.quiet_hours = Some(QuietHours {
            urgent: draw.one_in(5),
            time_zone: (!draw.one_in(5)).then(|| zone.to_owned()),
            defer_at_most_s: draw.one_in(2).then(|| draw.below(40_000) as u32),
            then: if draw.one_in(2) { AfterWait::Drop } else { AfterWait::Escalate },
            ..hours
        });
    }
    let phone = ["+1415555", "+4915112", "+7916123", "+5511987", "+999123"][draw.below(5) as usize];
    let recipient = Recipient {
        target: "field:phone".into(),
        name: "phone".into(),
        number: format!("{phone}{:05}", draw.below(100_000)).parse().unwrap(),
        more_numbers: Vec::new(),
        time_zone: draw.one_in(2).then(|| "Asia/Kolkata".to_owned()),
        taken_over: None,
    };
    let needs = [Category::Marketing, Category::Transactional];
    let grant_needs = GrantNeeds(needs.into_iter().filter(|_| draw.one_in(3)).collect());
    let mut consent = Consent { opt: draw.one_in(6).then_some((now, true)), ..Consent::default() };
    if draw.one_in(3) {
        consent.grants = BTreeMap::from([(workflow.category, (now, draw.one_in(2)))]);
    }
    let allowed = draw.one_in(4).then(|| {
        let listed = draw.one_in(2).then(|| recipient.number.clone());
        listed.into_iter().collect::<BTreeSet<_>>()
    });
    let environment = Environment { name: "staging".into(), allow_recipients: allowed, grant_needs };
    let silence = draw.one_in(6).then(|| HoldingSilence {
        id: format!("s{}", draw.below(1_000)),
        until: now + within(draw, 9_000),
        why: "maintenance".into(),
    });
    let not_after = if draw.one_in(8) {
        now - within(draw, 5_000)
    } else {
        now + within(draw, 90_000) + SignedDuration::from_micros(1)
    };
    let waits_since = draw.one_in(3).then(|| now - within(draw, 40_000));
    Case { workflow, environment, recipient, consent, silence, waits_since, not_after, now }
}

impl Case {
    fn decide(&self) -> Decision {
        decide(&PolicyInput {
            workflow: &self.workflow,
            environment: &self.environment,
            recipient: &self.recipient,
            consent: &self.consent,
            data: &Map::new(),
            waits_since: self.waits_since,
            silence: self.silence.as_ref(),
            not_after: self.not_after,
            now: self.now,
        })
    }

    /// As its timeline and its run keep it.
    fn replay(&self, decision: &Decision) -> Replayed {
        let stored: Decision = serde_json::from_slice(&serde_json::to_vec(decision).unwrap()).unwrap();
        assert_eq!(serde_json::to_vec(&stored).unwrap(), serde_json::to_vec(decision).unwrap());
        replay(
            &stored,
            &Standing {
                workflow: &self.workflow,
                recipient: &self.recipient,
                data: &Map::new(),
                not_after: self.not_after,
                at: Timestamp::from_millisecond(self.now.as_millisecond()).unwrap(),
            },
        )
    }
}

#[test]
fn a_hundred_thousand_stored_verdicts_are_the_same_again() {
    let mut by_rule: BTreeMap<&str, u64> = BTreeMap::new();
    for number in 0..CASES {
        let case = drawn(number);
        let decision = case.decide();
        *by_rule.entry(decision.rule.id()).or_default() += 1;
        assert_eq!(case.replay(&decision), Replayed::Same, "case {number}: {decision:?}");
    }
    // Every rule that is no limit decided often enough to say so.
    assert_eq!(by_rule.len(), 14, "{by_rule:?}");
    assert!(by_rule.values().all(|count| *count > 50), "{by_rule:?}");
}

#[test]
fn what_was_changed_or_is_of_other_rules_is_noticed() {
    let mut changed = 0;
    for number in 0..1_000 {
        let case = drawn(number);
        let decision = case.decide();
        let of_other = Decision { policy: decision.policy + 1, ..decision.clone() };
        assert_eq!(case.replay(&of_other), Replayed::OtherVersion);
        let limit = Decision { rule: Rule::SenderRate, ..decision.clone() };
        assert_eq!(case.replay(&limit), Replayed::Limit);
        // A text that was let through though its workflow sends nothing.
        if decision.rule == Rule::StageShadow {
            let passed =
                Decision { rule: Rule::Passed, verdict: domain::policy::Verdict::Send, ..decision.clone() };
            assert_eq!(case.replay(&passed), Replayed::Different(decision));
            changed += 1;
        }
    }
    assert!(changed > 50, "{changed}");
}
