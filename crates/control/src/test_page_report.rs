//! What came of a test page. In: its run. Out: how long each leg took, or what is missing.

use domain::{policy::Verdict, provider::ProviderStatus, run::RunPhase, timeline::TimelineEvent};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::view::{RunView, TimelineLine};

/// The leg from the request to the receipt.
pub(crate) const DELIVERY: &str = "request to delivered";

/// What came of a test page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestPageReport {
    /// Its run.
    pub run: String,
    /// The number, masked.
    pub to: String,
    /// Where the run stands.
    pub phase: RunPhase,
    /// Whether everything that was waited for came.
    pub arrived: bool,
    /// What took how long, as far as it came.
    pub legs: Vec<TestPageLeg>,
    /// What did not come, and why where that is known.
    pub missing: Vec<String>,
}

/// The time between two things that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestPageLeg {
    /// From what to what.
    pub leg: String,
    /// How long it took.
    pub milliseconds: i64,
}

impl TestPageReport {
    /// What a run's timeline says of its legs.
    pub fn of(run: &RunView, wants_reply: bool) -> Self {
        let last = |is: fn(&TimelineEvent) -> bool| {
            run.timeline.iter().rev().find(|line| is(&line.what)).map(|line| line.at)
        };
        let posted = last(|what| matches!(what, TimelineEvent::DispatchBegan { .. }));
        let taken = last(|what| matches!(what, TimelineEvent::Submitted { .. }));
        let delivered =
            last(|what| matches!(what, TimelineEvent::Status { status: ProviderStatus::Delivered, .. }));
        let replied = last(|what| matches!(what, TimelineEvent::Acknowledged { .. }));
        let leg = |leg: &str, from: Option<Timestamp>, until: Option<Timestamp>| {
            let milliseconds = i64::try_from(until?.duration_since(from?).as_millis()).unwrap_or(i64::MAX);
            Some(TestPageLeg { leg: leg.to_owned(), milliseconds })
        };
        let legs = [
            leg("event to request", Some(run.opened_at), posted),
            leg("request to provider's answer", posted, taken),
            leg(DELIVERY, posted, delivered),
            leg("delivered to reply", delivered, replied),
        ];
        let wanted = [
            (posted, "the text was not sent", true),
            // The receipt may be there before the answer.
            (taken.or(delivered), "the provider did not take it", true),
            (delivered, "no receipt says that it was delivered", true),
            (replied, "no reply acknowledged it", wants_reply),
        ];
        let first = wanted.iter().find(|(at, _, is_wanted)| *is_wanted && at.is_none());
        let missing = first.map(|(_, missing, _)| match run.timeline.iter().rev().find_map(held_back) {
            Some(why) if replied.is_none() => format!("{missing}: {why}"),
            Some(_) | None => (*missing).to_owned(),
        });
        Self {
            run: run.id.clone(),
            to: run.messages.first().map(|message| message.to.clone()).unwrap_or_default(),
            phase: run.phase,
            arrived: missing.is_none(),
            legs: legs.into_iter().flatten().collect(),
            missing: missing.into_iter().collect(),
        }
    }
}

/// What kept the text from going on, if a line says so.
fn held_back(line: &TimelineLine) -> Option<String> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other lines hold nothing back")]
    match &line.what {
        TimelineEvent::Decided(decision) if decision.verdict != Verdict::Send => {
            Some(format!("{} ({})", decision.rule.meaning(), decision.rule.id()))
        }
        TimelineEvent::Refused { .. }
        | TimelineEvent::Died { .. }
        | TimelineEvent::DoubtBegan { .. }
        | TimelineEvent::DoubtAsked { .. } => Some(line.text.clone()),
        TimelineEvent::Status { status, .. } if status.is_failure() => Some(line.text.clone()),
        TimelineEvent::StepStarted { unresolved, .. } if !unresolved.is_empty() => {
            Some(unresolved.join("; "))
        }
        _ => None,
    }
}
