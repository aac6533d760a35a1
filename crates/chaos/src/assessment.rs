//! What became of every event. In: the scenarios, the stored runs, the simulator. Out: offences, and explained ends.
//!
//! Never: trusts one side alone: a text counts when the store and the provider agree on it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    id::RunId,
    message::{Message, MessagePhase},
    provider::ProviderMessageId,
    run::{Run, RunPhase},
};
use twilio_sim::SimHandle;

use crate::event_outcome::{SOURCE, Sample, Scenario};

/// The desk that gets tickets for unanswered pages.
const TICKET: &str = "desk";

/// One thing that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offence {
    /// The run it concerns.
    pub(crate) run: Option<RunId>,
    /// A description of the fault.
    pub(crate) what: String,
}

/// What became of the events.
#[derive(Debug, Default)]
pub(crate) struct Assessment {
    pub(crate) offences: Vec<Offence>,
    /// Ends by scenario, such as `note completed`.
    pub(crate) ends: BTreeMap<String, u64>,
    /// Texts that were not sent or not followed to their end, by what the run says.
    pub(crate) explained: BTreeMap<String, u64>,
    sids: BTreeSet<ProviderMessageId>,
    needs_review: u64,
}

impl Assessment {
    pub(crate) fn new(samples: &[Sample], runs: &[Run], sim: &SimHandle) -> Self {
        let mut assessment = Self::default();
        let by_id: BTreeMap<&RunId, &Run> = runs.iter().map(|run| (run.id(), run)).collect();
        for sample in samples {
            let id = RunId::derive(SOURCE, &sample.id, sample.workflow(), Some(&sample.id));
            match by_id.get(&id) {
                Some(run) => assessment.look_at(sample, run, sim),
                None => assessment.offence(None, format!("event {} was taken and opened no run", sample.id)),
            }
        }
        let (answers, opened): (Vec<&Run>, Vec<&Run>) =
            runs.iter().partition(|run| run.event().source == domain::notice::SOURCE);
        answers.into_iter().for_each(|run| assessment.look_at_answer(run, sim));
        if opened.len() != samples.len() {
            assessment.offence(None, format!("{} events have {} runs", samples.len(), opened.len()));
        }
        assessment.compare_with(sim);
        assessment
    }

    fn offence(&mut self, run: Option<&RunId>, what: String) {
        self.offences.push(Offence { run: run.cloned(), what });
    }

    fn explain(&mut self, what: impl Into<String>) {
        *self.explained.entry(what.into()).or_default() += 1;
    }

    fn look_at(&mut self, sample: &Sample, run: &Run, sim: &SimHandle) {
        let scenario = format!("{:?}", sample.scenario).to_lowercase();
        *self.ends.entry(format!("{scenario} {}", run.phase().as_str())).or_default() += 1;
        for message in run.messages() {
            self.look_at_message(run, message, sim);
        }
        if let Err(what) = self.end(sample.scenario, run, sim) {
            self.offence(Some(run.id()), format!("{what} ({scenario})"));
        }
    }

    fn look_at_answer(&mut self, run: &Run, sim: &SimHandle) {
        *self.ends.entry(format!("answer {}", run.phase().as_str())).or_default() += 1;
        for message in run.messages() {
            self.look_at_message(run, message, sim);
        }
        if run.phase() == RunPhase::Active {
            self.offence(Some(run.id()), "the run of an answer is still active".to_owned());
        }
    }

    /// A text is at the provider, or its phase says why it is not.
    fn look_at_message(&mut self, run: &Run, message: &Message, sim: &SimHandle) {
        for sid in message.failed_sids().iter().chain(message.sid()) {
            if sim.view(|view| view.status(sid.as_str())).is_none() {
                self.offence(Some(run.id()), format!("the provider knows no text {sid}"));
            }
            if !self.sids.insert(sid.clone()) {
                self.offence(Some(run.id()), format!("text {sid} is bound to two messages"));
            }
        }
        match message.phase() {
            MessagePhase::NeedsReview { .. } => {
                self.needs_review += 1;
                self.offence(Some(run.id()), "a text needs review: its outcome stayed unknown".to_owned());
            }
            MessagePhase::Dead { reason, .. } => self.explain(format!("text dead: {reason}")),
            MessagePhase::Expired => self.explain("text expired"),
            MessagePhase::Cancelled => self.explain("text withdrawn: its step or run was over first"),
            MessagePhase::Suppressed { rule } => {
                self.offence(Some(run.id()), format!("a text was suppressed by {}", rule.id()));
            }
            MessagePhase::Submitted { .. }
            | MessagePhase::Told { .. }
            | MessagePhase::SentUnconfirmed { .. } => {}
            MessagePhase::Queued { .. }
            | MessagePhase::Dispatching { .. }
            | MessagePhase::InDoubt { .. }
            | MessagePhase::RetryWait { .. } => {
                self.offence(Some(run.id()), format!("a text is still {}", message.phase().name()));
            }
        }
    }

    fn end(&mut self, scenario: Scenario, run: &Run, sim: &SimHandle) -> Result<(), &'static str> {
        let steps: BTreeSet<u8> = run.messages().iter().map(|message| message.step()).collect();
        let wanted = if scenario == Scenario::Note { 1 } else { 2 };
        match (scenario, run.phase()) {
            (_, RunPhase::Active) => Err("the run is still active"),
            _ if steps.is_empty() => Err("the run has no text"),
            (Scenario::Note, RunPhase::Completed) => Ok(()),
            (Scenario::Answered | Scenario::FirstOff, RunPhase::Acknowledged) => Ok(()),
            (_, RunPhase::Exhausted) if steps.len() < wanted => {
                Err("the run ended before everybody was texted")
            }
            (Scenario::Note, RunPhase::Exhausted) => {
                if run.messages().iter().any(|message| arrived(message, sim)) {
                    return Err("the text arrived, and the run does not know");
                }
                self.explain("note exhausted: its text did not arrive");
                Ok(())
            }
            (_, RunPhase::Exhausted) if run.ticket() != Some(TICKET) => {
                Err("no recipient answered, and there is no ticket")
            }
            (Scenario::Unanswered | Scenario::Burst, RunPhase::Exhausted) => Ok(()),
            (_, RunPhase::Exhausted) => {
                self.explain("page exhausted: no answer came through in time");
                Ok(())
            }
            (_, _) => Err("the run ended as it never should"),
        }
    }

    /// Every text at the provider is one of ours.
    fn compare_with(&mut self, sim: &SimHandle) {
        let report = sim.report();
        for duplicate in report.duplicates.iter().take(20) {
            self.offence(run_of(duplicate.message.as_deref()).as_ref(), format!("sent twice: {duplicate:?}"));
        }
        if report.duplicates_total > 0 {
            self.offence(None, format!("{} texts were sent twice", report.duplicates_total));
        }
        let bound = self.sids.len() as u64;
        if report.accepted < bound || report.accepted > bound + self.needs_review {
            let what = format!("the provider has {} texts, the store knows {bound}", report.accepted);
            self.offence(None, what);
        }
    }
}

/// Whether a text reached its phone.
fn arrived(message: &Message, sim: &SimHandle) -> bool {
    let status = message.sid().and_then(|sid| sim.view(|view| view.status(sid.as_str())));
    status == Some(twilio_sim::Status::Delivered)
}

/// The run of a message id as the callback's URL carries it.
fn run_of(message: Option<&str>) -> Option<RunId> {
    message?.rsplit_once('-')?.0.parse().ok()
}
