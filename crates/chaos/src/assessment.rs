//! What became of every event. In: the scenarios, the stored runs one by one, the simulator. Out: offences, and explained
//! ends.
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
    /// Texts that were sent twice because a doubt ended in sending again, where that is an explanation.
    pub(crate) resent_twice: u64,
    /// Events whose runs were not seen yet.
    unseen: BTreeMap<RunId, Sample>,
    /// Runs that no event asked for.
    foreign: u64,
    /// Runs with a doubt that ended in sending again.
    resent: BTreeSet<RunId>,
    sids: BTreeSet<ProviderMessageId>,
    needs_review: u64,
}

impl Assessment {
    pub(crate) fn new(samples: &[Sample]) -> Self {
        let id = |sample: &Sample| RunId::derive(SOURCE, &sample.id, sample.workflow(), Some(&sample.id));
        let unseen = samples.iter().map(|sample| (id(sample), sample.clone())).collect();
        Self { unseen, ..Self::default() }
    }

    /// Looks at one of the runs, each once.
    pub(crate) fn see(&mut self, run: &Run, is_resent: bool, sim: &SimHandle) {
        if is_resent {
            self.resent.insert(run.id().clone());
        }
        match self.unseen.remove(run.id()) {
            Some(sample) => self.look_at(&sample, run, sim),
            None if run.event().source == domain::notice::SOURCE => self.look_at_answer(run, sim),
            None => self.foreign += 1,
        }
    }

    /// After the last run. With `explains_doubles` a text that was sent twice is no offence where a doubt explains it.
    pub(crate) fn finish(&mut self, sim: &SimHandle, explains_doubles: bool) {
        for sample in std::mem::take(&mut self.unseen).into_values() {
            self.offence(None, format!("event {} was taken and opened no run", sample.id));
        }
        if self.foreign > 0 {
            self.offence(None, format!("{} runs have no event of ours", self.foreign));
        }
        self.compare_with(sim, explains_doubles);
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
    fn compare_with(&mut self, sim: &SimHandle, explains_doubles: bool) {
        let report = sim.report();
        let (mut explained, mut listed) = (0, 0);
        for duplicate in &report.duplicates {
            let run = run_of(duplicate.message.as_deref());
            if explains_doubles && run.as_ref().is_some_and(|run| self.resent.contains(run)) {
                explained += 1;
            } else if listed < 20 {
                listed += 1;
                self.offence(run.as_ref(), format!("sent twice: {duplicate:?}"));
            }
        }
        self.resent_twice = explained;
        if report.duplicates_total > explained {
            let twice = report.duplicates_total - explained;
            self.offence(None, format!("{twice} texts were sent twice"));
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
