//! What operators may do, behind one authorization check. The command line and every later face are thin over it.
//!
//! In: a request and who makes it. Out: stored changes and answers made for reading.
//! Never: sends a text; it changes state, and the roles act on that.

mod dead_letter;
mod server;
mod view;

use std::sync::Arc;

use domain::{
    id::RunId,
    limits::LIST_MAX,
    message::ReviewVerdict,
    run::{Run, RunPhase, StepContext},
    timeline::DeadLetter,
};
use ports::{
    AuditStore, Bus, DeadLetterStore, RunStore,
    store::{AuditCounts, DeadLetterFilter, RunFilter},
};
use runtime::{RoleError, RunService};
use serde::{Deserialize, Serialize};

pub use dead_letter::Settled;
pub use server::{CONTROL_PATH, Envelope, router};
pub use view::{MessageView, RunView, TimelineLine};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name that timelines show.
    pub name: String,
    /// What they may do.
    pub role: Access,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Look.
    Viewer,
    /// Look and change.
    Operator,
}

/// What can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// Lists runs, latest first.
    ListRuns {
        /// In this phase.
        phase: Option<RunPhase>,
        /// Through this workflow.
        workflow: Option<String>,
        /// Only with messages that an operator must settle.
        held: bool,
        /// Only with something to be done, to be expected or to be settled.
        unfinished: bool,
        /// Opened before this run; for the next page.
        after: Option<RunId>,
        /// At most this many.
        max: u16,
    },
    /// Shows one run with its messages and its timeline.
    ShowRun {
        /// Which.
        id: RunId,
    },
    /// Acknowledges a run.
    Acknowledge {
        /// Which.
        id: RunId,
    },
    /// Says what became of a held text.
    ResolveReview {
        /// Of which run.
        id: RunId,
        /// Which message; the only held one when absent.
        message: Option<u16>,
        /// What became of it.
        verdict: ReviewVerdict,
    },
    /// Ends a run without another text.
    Cancel {
        /// Which.
        id: RunId,
    },
    /// Lists dead letters, oldest first.
    ListDeadLetters {
        /// Which.
        filter: DeadLetterFilter,
        /// At most this many.
        max: u16,
    },
    /// Shows one dead letter.
    ShowDeadLetter {
        /// Its id.
        id: String,
    },
    /// Gives a dead letter another chance.
    Replay {
        /// Which.
        id: String,
    },
    /// Puts a dead letter away unsent.
    Discard {
        /// Which.
        id: String,
    },
    /// Counts what the store holds.
    AuditCounts,
}

impl Request {
    fn needs(&self) -> Access {
        match self {
            Self::ListRuns { .. }
            | Self::ShowRun { .. }
            | Self::ListDeadLetters { .. }
            | Self::ShowDeadLetter { .. }
            | Self::AuditCounts => Access::Viewer,
            Self::Acknowledge { .. }
            | Self::ResolveReview { .. }
            | Self::Cancel { .. }
            | Self::Replay { .. }
            | Self::Discard { .. } => Access::Operator,
        }
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To [`Request::ListRuns`].
    Runs {
        /// The runs, without timelines.
        runs: Vec<RunView>,
    },
    /// To everything about one run: the run as it is afterwards, with its timeline.
    Run {
        /// The run.
        run: Box<RunView>,
        /// Whether the request changed it.
        changed: bool,
    },
    /// To [`Request::ListDeadLetters`].
    DeadLetters {
        /// The letters.
        letters: Vec<DeadLetter>,
    },
    /// To [`Request::ShowDeadLetter`].
    DeadLetter {
        /// The letter.
        letter: Box<DeadLetter>,
    },
    /// To [`Request::Replay`] and [`Request::Discard`].
    Settled {
        /// What became of it.
        settled: Settled,
    },
    /// To [`Request::AuditCounts`].
    AuditCounts {
        /// The sums.
        sums: AuditCounts,
    },
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The principal may not do that.
    #[error("{0} may look, but not change anything")]
    Forbidden(String),
    /// There is no such run.
    #[error("no run {0}; `callout runs list` shows those there are")]
    NotFound(RunId),
    /// There is no such dead letter.
    #[error("no dead letter {0}; `callout dlq list` shows those there are")]
    NoDeadLetter(String),
    /// Nothing of it waits for an operator.
    #[error("no such text of run {0} is held; `callout runs list --held` shows those that are")]
    NothingToReview(RunId),
    /// It must be said which of them is meant.
    #[error("run {run} holds the texts {held:?}; name one with --message")]
    SeveralToReview {
        /// The run.
        run: RunId,
        /// Their numbers.
        held: Vec<u16>,
    },
    /// A port failed.
    #[error(transparent)]
    Role(#[from] RoleError),
}

/// What operators' requests use, and nothing else.
#[derive(Clone)]
pub struct ControlPorts {
    /// Changes runs.
    pub runs: Arc<RunService>,
    /// Lists runs and reads their timelines.
    pub list: Arc<dyn RunStore>,
    /// Dead letters.
    pub letters: Arc<dyn DeadLetterStore>,
    /// The audit's counts.
    pub audit: Arc<dyn AuditStore>,
    /// Where a replayed event is published.
    pub bus: Arc<dyn Bus>,
}

/// Carries out requests.
#[derive(Clone)]
pub struct Control {
    ports: ControlPorts,
}

impl Control {
    /// Over these ports.
    pub fn new(ports: ControlPorts) -> Self {
        Self { ports }
    }

    /// Carries out one request, if the principal may.
    ///
    /// # Errors
    /// [`ControlError`]; a request that failed in a port may be repeated.
    pub async fn execute(&self, principal: &Principal, request: Request) -> Result<Answer, ControlError> {
        if principal.role < request.needs() {
            return Err(ControlError::Forbidden(principal.name.clone()));
        }
        let by = &principal.name;
        match request {
            Request::ListRuns { phase, workflow, held, unfinished, after, max } => {
                let filter = RunFilter { phase, workflow, held, unfinished, after, source: None };
                let runs =
                    self.ports.list.list_runs(&filter, max.min(LIST_MAX)).await.map_err(RoleError::from)?;
                Ok(Answer::Runs { runs: runs.iter().map(|run| RunView::new(run, &[])).collect() })
            }
            Request::ShowRun { id } => self.show(&id, false).await,
            Request::Acknowledge { id } => {
                self.change(&id, |run, ctx| {
                    let was_active = run.phase == RunPhase::Active;
                    run.acknowledge(by, "operator", None, ctx);
                    was_active
                })
                .await
            }
            Request::ResolveReview { id, message, verdict } => {
                let number = self.held_message(&id, message).await?;
                self.change(&id, |run, ctx| run.resolve_review(number, &verdict, by, ctx)).await
            }
            Request::Cancel { id } => self.change(&id, |run, ctx| run.cancel(by, ctx)).await,
            Request::ListDeadLetters { filter, max } => {
                Ok(Answer::DeadLetters { letters: self.dead_letters(&filter, max).await? })
            }
            Request::ShowDeadLetter { id } => {
                let letter = self.dead_letter(&id).await?.ok_or(ControlError::NoDeadLetter(id))?;
                Ok(Answer::DeadLetter { letter: Box::new(letter) })
            }
            Request::Replay { id } => Ok(Answer::Settled { settled: self.replay(&id, by).await? }),
            Request::Discard { id } => Ok(Answer::Settled { settled: self.discard(&id).await? }),
            Request::AuditCounts => Ok(Answer::AuditCounts {
                sums: self.ports.audit.audit_counts().await.map_err(RoleError::from)?,
            }),
        }
    }

    /// The held message that is meant.
    async fn held_message(&self, id: &RunId, named: Option<u16>) -> Result<u16, ControlError> {
        let stored = self.ports.runs.load(id).await?;
        let run = stored.ok_or_else(|| ControlError::NotFound(id.clone()))?.value;
        let held: Vec<u16> = run.messages.iter().filter(|m| m.needs_review()).map(|m| m.number).collect();
        match (named, held.as_slice()) {
            (Some(number), _) if held.contains(&number) => Ok(number),
            (None, [number]) => Ok(*number),
            (None, [_, _, ..]) => Err(ControlError::SeveralToReview { run: id.clone(), held }),
            (Some(_), _) | (None, []) => Err(ControlError::NothingToReview(id.clone())),
        }
    }

    async fn change(
        &self,
        id: &RunId,
        transition: impl FnMut(&mut Run, &mut StepContext<'_>) -> bool,
    ) -> Result<Answer, ControlError> {
        let applied =
            self.ports.runs.apply(id, transition).await?.ok_or_else(|| ControlError::NotFound(id.clone()))?;
        self.show(id, applied.value).await
    }

    async fn show(&self, id: &RunId, changed: bool) -> Result<Answer, ControlError> {
        let stored = self.ports.runs.load(id).await?;
        let run = stored.ok_or_else(|| ControlError::NotFound(id.clone()))?.value;
        let timeline = self.ports.list.timeline(id).await.map_err(RoleError::from)?;
        Ok(Answer::Run { run: Box::new(RunView::new(&run, &timeline)), changed })
    }
}
