//! What goes wrong. In: a plan of rates, the seed, a request's number, and faults asked for. Out: one request's fate.
//!
//! Never: draws from anything but the seed and the number, so that a run can be repeated.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::phone::FailedStatus;

/// Every kind of fault there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Answered 429 with code 20429; nothing was created.
    #[serde(alias = "429", alias = "rate_429")]
    TooManyRequests,
    /// Answered 503 with code 20503; nothing was created.
    #[serde(alias = "503", alias = "rate_503")]
    Unavailable,
    /// Created, then answered 500.
    #[serde(rename = "accepted_then_500")]
    AcceptedThen500,
    /// Created, then the connection is closed without an answer.
    AcceptedNoAnswer,
    /// Created, then answered late or never.
    Hang,
    /// The text fails on its way to the phone.
    DeliveryFailure,
    /// A callback is not posted.
    CallbackLost,
    /// A callback is posted twice.
    CallbackDoubled,
    /// A callback is posted after the one that follows it.
    CallbackReordered,
    /// The first callback is posted before the create request is answered.
    CallbackEarly,
    /// A list lacks a text that was created a while ago. The plan has it for all texts; for one request it does nothing.
    ListLag,
}

impl FaultKind {
    /// All of them, so that a test can see that each fired.
    pub const ALL: [Self; 11] = [
        Self::TooManyRequests,
        Self::Unavailable,
        Self::AcceptedThen500,
        Self::AcceptedNoAnswer,
        Self::Hang,
        Self::DeliveryFailure,
        Self::CallbackLost,
        Self::CallbackDoubled,
        Self::CallbackReordered,
        Self::CallbackEarly,
        Self::ListLag,
    ];
}

/// How often each fault happens, from 0 to 1. The default is never.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultPlan {
    /// How long every create request takes, in milliseconds.
    pub latency_ms: u64,
    /// At most this much longer, in milliseconds.
    pub latency_jitter_ms: u64,
    /// [`FaultKind::TooManyRequests`].
    pub rate_429: f64,
    /// [`FaultKind::Unavailable`].
    pub rate_503: f64,
    /// [`FaultKind::AcceptedThen500`].
    pub rate_accepted_then_500: f64,
    /// [`FaultKind::AcceptedNoAnswer`].
    pub rate_accepted_no_answer: f64,
    /// [`FaultKind::Hang`].
    pub rate_hang: f64,
    /// How long a hanging request takes to be answered, in milliseconds; 0 is never.
    pub hang_ms: u64,
    /// [`FaultKind::DeliveryFailure`], by status and code.
    pub delivery_failures: Vec<DeliveryFailure>,
    /// [`FaultKind::CallbackLost`], for each callback.
    pub rate_callback_lost: f64,
    /// [`FaultKind::CallbackDoubled`], for each callback.
    pub rate_callback_doubled: f64,
    /// [`FaultKind::CallbackReordered`], for each message.
    pub rate_callback_reordered: f64,
    /// [`FaultKind::CallbackEarly`], for each message.
    pub rate_callback_early: f64,
    /// [`FaultKind::ListLag`]: each text is in lists only after a time of its own, at most this long, in milliseconds.
    pub list_lag_ms: u64,
}

/// One way for texts to fail on their way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryFailure {
    /// How often, from 0 to 1.
    pub rate: f64,
    /// The status it ends in.
    pub status: FailedStatus,
    /// The error code it ends with.
    pub code: u32,
}

/// A fault for the next requests, whatever the plan says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Injection {
    /// The fault to inject.
    pub next: FaultKind,
    /// For how many requests.
    #[serde(default = "once")]
    pub count: u32,
    /// Only for texts to this number.
    #[serde(default)]
    pub to: Option<String>,
    /// Only for texts that name this number or service as what they come from.
    #[serde(default)]
    pub from: Option<String>,
    /// The status of a delivery failure; `undelivered` if not given.
    #[serde(default)]
    pub status: Option<FailedStatus>,
    /// The code of a delivery failure; 30003 if not given.
    #[serde(default)]
    pub code: Option<u32>,
}

fn once() -> u32 {
    1
}

impl From<FaultKind> for Injection {
    /// Once, for any number.
    fn from(next: FaultKind) -> Self {
        Self { next, count: once(), to: None, from: None, status: None, code: None }
    }
}

impl FaultPlan {
    /// What is wrong with the plan, if anything.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let answers = [
            self.rate_429,
            self.rate_503,
            self.rate_accepted_then_500,
            self.rate_accepted_no_answer,
            self.rate_hang,
        ];
        let callbacks = [
            self.rate_callback_lost,
            self.rate_callback_doubled,
            self.rate_callback_reordered,
            self.rate_callback_early,
        ];
        let failures: Vec<_> = self.delivery_failures.iter().map(|failure| failure.rate).collect();
        let is_rate = |rate: &f64| (0.0..=1.0).contains(rate);
        if !answers.iter().chain(&callbacks).chain(&failures).all(is_rate) {
            return Some("a rate is not between 0 and 1");
        }
        if answers.iter().sum::<f64>() > 1.0 || failures.iter().sum::<f64>() > 1.0 {
            return Some("the rates of faults that exclude each other add up to more than 1");
        }
        None
    }
}

/// Most callbacks one message has: queued, sent, and a last one.
pub(crate) const CALLBACKS_MAX: usize = 4;

/// What chance, or a test, has in store for one create request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fate {
    pub(crate) latency: Duration,
    /// One of the kinds that concern the answer.
    pub(crate) answer: Option<FaultKind>,
    pub(crate) delivery: Option<(FailedStatus, u32)>,
    pub(crate) lost: [bool; CALLBACKS_MAX],
    pub(crate) doubled: [bool; CALLBACKS_MAX],
    pub(crate) reordered: bool,
    pub(crate) early: bool,
}

impl Fate {
    /// Draws the fate of one request. Each fault has its own draw, so that raising one rate moves no other fault.
    pub(crate) fn draw(plan: &FaultPlan, seed: u64, number: u64) -> Self {
        if *plan == FaultPlan::default() {
            return Self::default();
        }
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        chance.set_stream(number);
        let mut draw = || chance.random::<f64>();
        let jitter = (draw() * plan.latency_jitter_ms as f64) as u64;
        let answers = [
            (plan.rate_429, FaultKind::TooManyRequests),
            (plan.rate_503, FaultKind::Unavailable),
            (plan.rate_accepted_then_500, FaultKind::AcceptedThen500),
            (plan.rate_accepted_no_answer, FaultKind::AcceptedNoAnswer),
            (plan.rate_hang, FaultKind::Hang),
        ];
        let failures = plan.delivery_failures.iter().map(|f| (f.rate, (f.status, f.code)));
        Self {
            latency: Duration::from_millis(plan.latency_ms + jitter),
            answer: pick(draw(), answers),
            delivery: pick(draw(), failures),
            reordered: draw() < plan.rate_callback_reordered,
            early: draw() < plan.rate_callback_early,
            lost: std::array::from_fn(|_| draw() < plan.rate_callback_lost),
            doubled: std::array::from_fn(|_| draw() < plan.rate_callback_doubled),
        }
    }

    fn inject(&mut self, injection: &Injection) {
        match injection.next {
            FaultKind::TooManyRequests
            | FaultKind::Unavailable
            | FaultKind::AcceptedThen500
            | FaultKind::AcceptedNoAnswer
            | FaultKind::Hang => self.answer = Some(injection.next),
            FaultKind::DeliveryFailure => {
                let status = injection.status.unwrap_or(FailedStatus::Undelivered);
                self.delivery = Some((status, injection.code.unwrap_or(30_003)));
            }
            FaultKind::CallbackLost => self.lost = [true; CALLBACKS_MAX],
            FaultKind::CallbackDoubled => self.doubled = [true; CALLBACKS_MAX],
            FaultKind::CallbackReordered => self.reordered = true,
            FaultKind::CallbackEarly => self.early = true,
            FaultKind::ListLag => {}
        }
    }
}

/// The first choice whose share of 0..1 the draw falls into.
fn pick<T>(draw: f64, choices: impl IntoIterator<Item = (f64, T)>) -> Option<T> {
    let mut upper = 0.0;
    choices.into_iter().find_map(|(rate, choice)| {
        upper += rate;
        (draw < upper).then_some(choice)
    })
}

/// The plan in force, the faults asked for, and how often each kind fired.
#[derive(Debug)]
pub(crate) struct Faults {
    pub(crate) plan: FaultPlan,
    pub(crate) injections: Vec<Injection>,
    pub(crate) fired: BTreeMap<FaultKind, u64>,
    /// Whether lists are answered with 503 instead of texts.
    pub(crate) are_lists_refused: bool,
    seed: u64,
    drawn: u64,
}

impl Faults {
    pub(crate) fn new(plan: FaultPlan, seed: u64) -> Self {
        let fired = FaultKind::ALL.into_iter().map(|kind| (kind, 0)).collect();
        Self { plan, injections: Vec::new(), fired, are_lists_refused: false, seed, drawn: 0 }
    }

    /// The fate of the next create request.
    pub(crate) fn next(&mut self, to: &str, from: &str) -> Fate {
        let mut fate = Fate::draw(&self.plan, self.seed, self.drawn);
        self.drawn += 1;
        let is_of = |only: &Option<String>, number: &str| only.as_deref().is_none_or(|only| only == number);
        let fits = |injection: &Injection| is_of(&injection.to, to) && is_of(&injection.from, from);
        if let Some(at) = self.injections.iter().position(fits) {
            fate.inject(&self.injections[at]);
            self.injections[at].count = self.injections[at].count.saturating_sub(1);
            if self.injections[at].count == 0 {
                self.injections.remove(at);
            }
        }
        fate
    }

    pub(crate) fn count(&mut self, kind: FaultKind) {
        *self.fired.entry(kind).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> FaultPlan {
        FaultPlan {
            rate_429: 0.2,
            rate_hang: 0.1,
            rate_callback_lost: 0.3,
            delivery_failures: vec![DeliveryFailure {
                rate: 0.5,
                status: FailedStatus::Failed,
                code: 30_007,
            }],
            ..FaultPlan::default()
        }
    }

    fn fates(plan: &FaultPlan, seed: u64) -> Vec<Fate> {
        (0..500).map(|number| Fate::draw(plan, seed, number)).collect()
    }

    #[test]
    fn the_same_seed_has_the_same_fates() {
        assert_eq!(fates(&plan(), 7), fates(&plan(), 7));
        assert_ne!(fates(&plan(), 7), fates(&plan(), 8));
    }

    #[test]
    fn faults_happen_about_as_often_as_planned() {
        let fates = fates(&plan(), 1);
        let share = |has: &dyn Fn(&Fate) -> bool| fates.iter().filter(|fate| has(fate)).count();
        assert!((60..140).contains(&share(&|fate| fate.answer == Some(FaultKind::TooManyRequests))));
        assert!((20..80).contains(&share(&|fate| fate.answer == Some(FaultKind::Hang))));
        assert!((200..300).contains(&share(&|fate| fate.delivery.is_some())));
        assert_eq!(share(&|fate| fate.early || fate.reordered), 0);
    }

    #[test]
    fn raising_one_rate_moves_no_other_fault() {
        let raised = FaultPlan { rate_callback_early: 1.0, ..plan() };
        let pairs = fates(&plan(), 3).into_iter().zip(fates(&raised, 3));
        for (before, after) in pairs {
            assert_eq!(
                (before.answer, before.delivery, before.lost),
                (after.answer, after.delivery, after.lost)
            );
        }
    }

    #[test]
    fn a_fault_that_was_asked_for_waits_for_its_number() {
        let mut faults = Faults::new(FaultPlan::default(), 0);
        let only = Injection { to: Some("+14155550100".into()), ..FaultKind::Hang.into() };
        faults.injections.push(only);
        assert_eq!(faults.next("+14155550101", ""), Fate::default());
        assert_eq!(faults.next("+14155550100", "").answer, Some(FaultKind::Hang));
        assert_eq!(faults.next("+14155550100", ""), Fate::default());
    }

    #[test]
    fn impossible_rates_are_named() {
        assert_eq!(plan().fault(), None);
        assert!(FaultPlan { rate_hang: 1.1, ..plan() }.fault().is_some());
        assert!(FaultPlan { rate_hang: 0.9, ..plan() }.fault().is_some());
        assert!(FaultPlan { rate_503: f64::NAN, ..plan() }.fault().is_some());
    }
}
