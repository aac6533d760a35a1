//! How a workflow does, and what stands between it and its next stage. In: its runs with their timelines. Out: counts,
//! times, obstacles.
//!
//! Never: promotes a workflow: a person does, and the file says so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    message::{Message, MessagePhase},
    plural::counted,
    provider::ProviderStatus,
    run::Run,
    timeline::{Entry, TimelineEvent},
    workflow::Stage,
};

/// Runs that show whether a workflow fits its events.
const RUNS_MIN: u64 = 10;
/// Texts with a receipt that show whether they arrive.
const RECEIPTS_MIN: u64 = 20;
/// How many of those must have arrived, in percent.
const DELIVERED_PERCENT_MIN: u64 = 95;

/// How one workflow did within a span of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowFigures {
    /// Its name.
    pub workflow: String,
    /// Its stage, as configured: `shadow`, `canary` or `live`.
    pub stage: String,
    /// Runs that were opened.
    pub runs: u64,
    /// The same by phase.
    pub by_phase: BTreeMap<String, u64>,
    /// Texts that were sent, or that somebody says were.
    pub sent: u64,
    /// Texts that arrived.
    pub delivered: u64,
    /// Texts of which a receipt says that they did not.
    pub undelivered: u64,
    /// The same by the provider's code; 0 where it gave none.
    pub undelivered_by_code: BTreeMap<String, u64>,
    /// Texts of which it is unknown whether they were sent, and which wait for an operator.
    pub held: u64,
    /// Texts that failed for good.
    pub dead: u64,
    /// Texts that a rule forbade, by the rule.
    pub suppressed: BTreeMap<String, u64>,
    /// From the request to the receipt.
    pub to_delivered: Option<Quantiles>,
    /// From the opening of a run to its acknowledgement.
    pub to_acknowledged: Option<Quantiles>,
    /// The stage that comes next; absent when it is live.
    pub next_stage: Option<String>,
    /// What stands between it and that stage.
    pub obstacles: Vec<String>,
}

/// Times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Half took no longer.
    pub p50_ms: u64,
    /// 95 of 100 took no longer.
    pub p95_ms: u64,
    /// How many there are.
    pub count: u64,
}

impl Quantiles {
    fn of(mut times: Vec<u64>) -> Option<Self> {
        times.sort_unstable();
        let at = |percent: usize| times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Self { p50_ms: at(50)?, p95_ms: at(95)?, count: times.len() as u64 })
    }
}

impl WorkflowFigures {
    /// How many of 100 texts with a receipt arrived; absent without one.
    pub fn delivered_percent(&self) -> Option<u64> {
        let receipts = self.delivered + self.undelivered;
        (self.delivered * 100).checked_div(receipts)
    }
}

/// Sums runs of one workflow.
#[derive(Debug, Default)]
pub struct Rollout {
    figures: WorkflowFigures,
    to_delivered: Vec<u64>,
    to_acknowledged: Vec<u64>,
}

impl Rollout {
    /// Counts a run.
    pub fn add(&mut self, run: &Run, timeline: &[Entry]) {
        self.figures.runs += 1;
        *self.figures.by_phase.entry(run.phase().as_str().to_owned()).or_default() += 1;
        run.messages().iter().for_each(|message| self.add_message(message));
        let mut asked: BTreeMap<u16, Timestamp> = BTreeMap::new();
        for Entry { at, message, what } in timeline {
            let number = message.unwrap_or_default();
            if matches!(what, TimelineEvent::DispatchBegan { .. }) {
                asked.insert(number, *at);
            } else if matches!(what, TimelineEvent::Status { status: ProviderStatus::Delivered, .. }) {
                self.to_delivered.extend(asked.get(&number).map(|since| millis(*since, *at)));
            } else if matches!(what, TimelineEvent::Acknowledged { .. }) {
                self.to_acknowledged.push(millis(run.opened_at(), *at));
            }
        }
    }

    fn add_message(&mut self, message: &Message) {
        let figures = &mut self.figures;
        match message.phase() {
            MessagePhase::Submitted { status, code, .. } => {
                figures.sent += 1;
                match status {
                    ProviderStatus::Delivered => figures.delivered += 1,
                    ProviderStatus::Undelivered | ProviderStatus::Failed => {
                        figures.undelivered += 1;
                        *figures
                            .undelivered_by_code
                            .entry(code.unwrap_or_default().to_string())
                            .or_default() += 1;
                    }
                    ProviderStatus::Accepted
                    | ProviderStatus::Queued
                    | ProviderStatus::Sending
                    | ProviderStatus::Sent => {}
                }
            }
            MessagePhase::SentUnconfirmed { .. } => figures.sent += 1,
            MessagePhase::NeedsReview { .. } => figures.held += 1,
            MessagePhase::Dead { .. } => figures.dead += 1,
            MessagePhase::Suppressed { rule } => {
                *figures.suppressed.entry(rule.id().to_owned()).or_default() += 1;
            }
            MessagePhase::Queued { .. }
            | MessagePhase::Dispatching { .. }
            | MessagePhase::InDoubt { .. }
            | MessagePhase::RetryWait { .. }
            | MessagePhase::Told { .. }
            | MessagePhase::Expired
            | MessagePhase::Cancelled => {}
        }
    }

    /// The sums, and what stands between the workflow and its next stage.
    pub fn figures(self, workflow: &str, stage: &Stage) -> WorkflowFigures {
        let Self { figures, to_delivered, to_acknowledged } = self;
        let mut figures = WorkflowFigures {
            workflow: workflow.to_owned(),
            stage: stage.as_str().to_owned(),
            to_delivered: Quantiles::of(to_delivered),
            to_acknowledged: Quantiles::of(to_acknowledged),
            next_stage: stage.next().map(str::to_owned),
            ..figures
        };
        figures.obstacles = obstacles(&figures, stage);
        figures
    }
}

fn obstacles(figures: &WorkflowFigures, stage: &Stage) -> Vec<String> {
    let mut found = Vec::new();
    if *stage == Stage::Live {
        return found;
    }
    if figures.runs < RUNS_MIN {
        let were = if figures.runs == 1 { "was" } else { "were" };
        let runs = counted(figures.runs, "run");
        found.push(format!("{runs} {were} opened: {RUNS_MIN} show whether its events fit"));
    }
    if figures.dead > 0 {
        found.push(format!("{} failed for good: `callout dlq list` says why", counted(figures.dead, "text")));
    }
    if figures.held > 0 {
        found.push(format!("{} in doubt: `callout runs list --held`", counted(figures.held, "text")));
    }
    if matches!(stage, Stage::Canary { .. }) {
        let receipts = figures.delivered + figures.undelivered;
        if receipts < RECEIPTS_MIN {
            let so_far = counted(receipts, "text");
            found.push(format!("receipts of {so_far} came: {RECEIPTS_MIN} show whether they arrive"));
        }
        if let Some(percent) = figures.delivered_percent().filter(|percent| *percent < DELIVERED_PERCENT_MIN)
        {
            let codes: Vec<String> = figures.undelivered_by_code.keys().cloned().collect();
            let codes = codes.join(", ");
            found.push(format!(
                "{percent} % of its texts arrived, {DELIVERED_PERCENT_MIN} are wanted: codes {codes}"
            ));
        }
    }
    found
}

fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_millis()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_times_in_order() {
        assert_eq!(Quantiles::of(vec![]), None);
        assert_eq!(Quantiles::of(vec![7]), Some(Quantiles { p50_ms: 7, p95_ms: 7, count: 1 }));
        let times = (1..=100).rev().collect();
        assert_eq!(Quantiles::of(times), Some(Quantiles { p50_ms: 50, p95_ms: 95, count: 100 }));
    }

    #[test]
    fn each_obstacle_is_said_until_it_is_gone() {
        let canary = Stage::Canary { recipients: vec![], percent: 10 };
        let said = |figures: &WorkflowFigures, stage: &Stage| obstacles(figures, stage).join("\n");
        let mut figures = WorkflowFigures { runs: 3, dead: 1, held: 2, ..WorkflowFigures::default() };
        for part in ["3 runs were opened", "1 text failed for good", "2 texts in doubt"] {
            assert!(said(&figures, &Stage::Shadow).contains(part), "{part}");
        }
        assert!(!said(&figures, &Stage::Shadow).contains("receipts"));
        assert!(said(&figures, &canary).contains("receipts of 0 texts came"));
        assert_eq!(said(&figures, &Stage::Live), "");
        figures = WorkflowFigures { runs: 30, delivered: 18, undelivered: 2, ..WorkflowFigures::default() };
        figures.undelivered_by_code.insert("30007".to_owned(), 2);
        assert_eq!(said(&figures, &Stage::Shadow), "");
        assert_eq!(said(&figures, &canary), "90 % of its texts arrived, 95 are wanted: codes 30007");
        figures.delivered = 38;
        assert_eq!(said(&figures, &canary), "");
    }
}
