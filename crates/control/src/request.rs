//! What can be asked, and what is answered. In: nothing. Out: the values.

use domain::{
    agent::Observation,
    consent::ConsentEntry,
    coverage::{Gap, LayerClash},
    effect::OutcomeEvent,
    id::RunId,
    message::ReviewVerdict,
    phone::E164,
    preflight::PreflightReport,
    rollout::WorkflowFigures,
    run::RunPhase,
    timeline::DeadLetter,
    token::Token,
};
use jiff::Timestamp;
use ports::store::{AuditCounts, DeadLetterFilter, Unreadable};
use serde::{Deserialize, Serialize};

use crate::{
    agent_view::AgentsView,
    approval_view::ApprovalView,
    consent_view::{ConsentView, NewConsent},
    decision_audit_view::DecisionAudit,
    held_data::{Erasure, HeldData},
    layer::{LayerQuery, LayerView, NewOverride, ShiftSwap},
    new_test_page::NewTestPage,
    recipient_explanation_view::{RecipientExplanation, TextView, Whom},
    run_list::RunConditions,
    silence_view::{NewSilence, SilenceView},
    status_report::StatusReport,
    test_page_report::TestPageReport,
    view::RunView,
};

/// Which runs to list. Absent conditions match all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunQuery {
    /// In this phase.
    pub phase: Option<RunPhase>,
    /// Through this workflow.
    pub workflow: Option<String>,
    /// Opened by events of this source.
    #[serde(default)]
    pub source: Option<String>,
    /// Only with messages that need review by an operator.
    #[serde(rename = "held")]
    pub needs_review: bool,
    /// Only with something to be done, to be expected or to be reviewed.
    pub unfinished: bool,
    /// Opened before this run; for the next page.
    pub after: Option<RunId>,
    /// What each run is compared with.
    #[serde(default)]
    pub conditions: RunConditions,
    /// At most this many.
    pub max: u16,
}

/// A place in a list of dead letters: the last letter of a page, which may be gone since.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LetterCursor {
    /// Since when it was dead.
    pub at: Timestamp,
    /// Its id.
    pub id: String,
}

impl LetterCursor {
    /// The place of a letter.
    pub fn of(letter: &DeadLetter) -> Self {
        Self { at: letter.at, id: letter.id.clone() }
    }
}

/// What can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// Lists runs, latest first.
    ListRuns(RunQuery),
    /// Finds runs by the beginning of their id.
    FindRuns {
        /// The first characters.
        beginning: String,
    },
    /// Shows one run with its messages and its timeline.
    ShowRun {
        /// The run.
        id: RunId,
        /// With the texts of its messages.
        #[serde(default)]
        reveal: bool,
    },
    /// Acknowledges a run.
    Acknowledge {
        /// The run.
        id: RunId,
    },
    /// Has a run move on to its next step now, also one that was acknowledged.
    Escalate {
        /// The run.
        id: RunId,
    },
    /// Notes that an agent has seen a run, which stops nothing.
    Observe {
        /// The run.
        id: RunId,
        /// What it notes.
        note: Observation,
    },
    /// Says what became of a text that needs review.
    ResolveReview {
        /// Of which run.
        id: RunId,
        /// Which message; the only one that needs review when absent.
        message: Option<u16>,
        /// What became of it.
        verdict: ReviewVerdict,
    },
    /// Ends a run without another text.
    Cancel {
        /// The run.
        id: RunId,
    },
    /// Lists dead letters, oldest first.
    ListDeadLetters {
        /// Which letters; absent conditions match all.
        filter: DeadLetterFilter,
        /// After this letter, in the order of the list; for the next page.
        #[serde(default)]
        after: Option<LetterCursor>,
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
        /// The letter.
        id: String,
    },
    /// Puts a dead letter away unsent.
    Discard {
        /// The letter.
        id: String,
    },
    /// Asks the rules again for stored verdicts, page by page.
    AuditDecisions {
        /// Where the page before ended.
        after: Option<RunId>,
    },
    /// Counts what the store holds.
    AuditCounts,
    /// Says how the installation is.
    Status,
    /// Times at which a step would text nobody, opt-outs included.
    Gaps {
        /// For so many days from now on.
        days: u16,
    },
    /// Keeps what a preflight came to.
    KeepPreflight {
        /// The whole preflight.
        report: Box<PreflightReport>,
    },
    /// Where a reader of the stream begins.
    FindPosition {
        /// The position of the last event that it read; from now on without it.
        after: Option<u64>,
    },
    /// Reads the stream.
    ReadStream {
        /// After this position.
        after: u64,
    },
    /// Shows everything that is held about a number.
    ShowHeldData {
        /// The number.
        number: E164,
    },
    /// Erases it.
    Erase {
        /// The number.
        number: E164,
        /// Also of runs whose event may come a second time.
        also_recent: bool,
        /// Says what would go, and changes nothing.
        dry_run: bool,
    },
    /// Shows how workflows do, and what stands between each and its next stage.
    WorkflowFigures {
        /// This one alone.
        workflow: Option<String>,
        /// Of runs opened at this time or later.
        since: Timestamp,
    },
    /// Lists the events of runs, page by page.
    ListEvents {
        /// Of this workflow alone.
        workflow: Option<String>,
        /// Of runs opened at this time or later.
        since: Timestamp,
        /// Where the page before ended.
        after: Option<RunId>,
    },
    /// Lists the silences that have not ended.
    ListSilences,
    /// Makes a silence.
    AddSilence(NewSilence),
    /// Ends a silence.
    EndSilence {
        /// Its id.
        id: String,
    },
    /// Shows what the owner of a number agreed to, with the evidence.
    ShowConsent {
        /// The number.
        number: E164,
    },
    /// Lists the consent log of all numbers, page by page.
    ListConsent {
        /// Where the page before ended.
        after: Option<String>,
    },
    /// Records a change of it.
    RecordConsent(NewConsent),
    /// Shows who is on call.
    ShowOnCall {
        /// In which layers.
        #[serde(default)]
        query: LayerQuery,
        /// From when on; from now on without it.
        #[serde(default)]
        from: Option<Timestamp>,
        /// Until when; two weeks later without it.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// Shows shifts as iCalendar: from a week ago to a quarter of a year ahead.
    ShowCalendar {
        /// In which layers.
        #[serde(default)]
        query: LayerQuery,
        /// Those of one person, by the name in contacts.toml; all without it.
        #[serde(default)]
        contact: Option<String>,
        /// For so many days ahead.
        #[serde(default)]
        days: Option<u16>,
    },
    /// Reads the last good copy of a layer's calendar, for a simulation.
    ReadCalendarCopy {
        /// The schedule.
        schedule: String,
        /// Its layer.
        layer: String,
    },
    /// Sends a test page to a contact.
    TestPage(NewTestPage),
    /// Says what came of a test page so far.
    ShowTestPage {
        /// Its run.
        id: RunId,
    },
    /// Says why somebody was texted within a span of time, or was not.
    ExplainRecipient {
        /// Who.
        whom: Whom,
        /// The first instant of the span.
        from: Timestamp,
        /// The first instant after it.
        until: Timestamp,
    },
    /// Lists texts to a number, latest first.
    ListTexts {
        /// The number.
        to: E164,
        /// Of runs opened at this time or later.
        #[serde(default)]
        since: Option<Timestamp>,
        /// At most this many.
        max: u16,
    },
    /// Has somebody take over for a while.
    AddOverride(NewOverride),
    /// Gives two people each other's next shift.
    SwapShifts(ShiftSwap),
    /// Takes an override back.
    RemoveOverride {
        /// Its id.
        id: String,
    },
    /// Adds a token of the API.
    AddToken {
        /// The token. Its text is known to its maker alone.
        token: Token,
    },
    /// Lists the tokens of the API.
    ListTokens,
    /// Ends a token of the API.
    RevokeToken {
        /// Its id.
        id: String,
    },
    /// Lists the agents, and those that are stopped.
    ListAgents,
    /// Stops an agent, or all: whatever they ask for is refused.
    StopAgents {
        /// The label of its tokens; all agents without it.
        label: Option<String>,
        /// Why, for others to read.
        #[serde(default)]
        why: String,
    },
    /// Takes the stop of an agent back, or the one of all.
    StartAgents {
        /// The label of its tokens; the stop of all agents without it.
        label: Option<String>,
    },
    /// Lists what agents asked for, latest first.
    ListApprovals,
    /// Shows what an agent asked for. An agent sees what it asked for itself.
    ShowApproval {
        /// Its id.
        id: String,
    },
    /// Decides on what an agent asked for. What is approved is done at once, if it still may be.
    DecideApproval {
        /// Its id.
        id: String,
        /// Whether it may be done.
        approve: bool,
        /// Why, for others to read.
        #[serde(default)]
        why: String,
    },
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To [`Request::ListRuns`] and [`Request::FindRuns`].
    Runs {
        /// The runs, without timelines.
        runs: Vec<RunView>,
        /// Whether there are more.
        #[serde(default)]
        more: bool,
        /// The last run that was looked at, if there are older ones that were not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped_after: Option<RunId>,
        /// Those that cannot be read, of the ones that were looked at, for who may see all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unreadable: Vec<Unreadable>,
    },
    /// To everything about one run: the run as it is afterwards, with its timeline.
    Run {
        /// The run.
        run: Box<RunView>,
        /// Whether the request changed it.
        changed: bool,
        /// Which version of it this is: it rises with every change.
        #[serde(default)]
        version: u64,
    },
    /// To [`Request::ListDeadLetters`].
    DeadLetters {
        /// The letters.
        letters: Vec<DeadLetter>,
        /// Whether there are more.
        #[serde(default)]
        more: bool,
        /// Those that cannot be read, of the ones that were looked at, for who may see all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unreadable: Vec<Unreadable>,
    },
    /// To [`Request::ShowDeadLetter`].
    DeadLetter {
        /// The letter.
        letter: Box<DeadLetter>,
    },
    /// To [`Request::Replay`] and [`Request::Discard`].
    #[serde(rename = "settled")]
    DeadLetterChanged {
        /// What became of it.
        #[serde(rename = "settled")]
        change: DeadLetterChange,
    },
    /// To [`Request::AuditCounts`].
    AuditCounts {
        /// The counts.
        #[serde(rename = "sums")]
        counts: AuditCounts,
    },
    /// To [`Request::Status`].
    Status {
        /// How it is.
        report: Box<StatusReport>,
    },
    /// To [`Request::Gaps`].
    Gaps {
        /// The gaps, in the order of workflows, steps and times.
        gaps: Vec<Gap>,
        /// Events of calendars that put several people on call at once.
        #[serde(default)]
        clashes: Vec<LayerClash>,
    },
    /// To [`Request::KeepPreflight`].
    PreflightKept,
    /// To [`Request::FindPosition`] and [`Request::ReadStream`].
    Stream {
        /// The events that the principal sees, each with its position.
        events: Vec<(u64, OutcomeEvent)>,
        /// The position up to which the stream was read.
        after: u64,
    },
    /// To [`Request::ShowHeldData`].
    HeldData {
        /// What is held.
        held: Box<HeldData>,
    },
    /// To [`Request::Erase`].
    Erased {
        /// What went, and what stays.
        erasure: Box<Erasure>,
    },
    /// To [`Request::WorkflowFigures`].
    Workflows {
        /// Those that are configured, by name.
        workflows: Vec<WorkflowFigures>,
        /// Whether there are older runs in that time that were not looked at.
        more: bool,
        /// Runs that cannot be read and are not counted, for who may see all.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unreadable: Vec<Unreadable>,
    },
    /// To [`Request::ListEvents`].
    Events {
        /// The events, latest run first, each with the one that resolved it. One that is of several runs is there for each.
        events: Vec<serde_json::Value>,
        /// Runs whose event is left out because its fields were removed.
        without_fields: u64,
        /// Where the next page begins; absent after the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<RunId>,
        /// Runs that cannot be read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unreadable: Vec<Unreadable>,
    },
    /// To [`Request::AuditDecisions`].
    DecisionsAudited {
        /// What was found.
        audit: Box<DecisionAudit>,
        /// Where the next page begins; absent after the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<RunId>,
    },
    /// To [`Request::ListSilences`], [`Request::AddSilence`] and [`Request::EndSilence`].
    Silences {
        /// Those that have not ended, as they are afterwards.
        silences: Vec<SilenceView>,
    },
    /// To [`Request::ListConsent`].
    ConsentEntries {
        /// Entries, in no particular order.
        entries: Vec<ConsentEntry>,
        /// Where the next page begins; absent after the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<String>,
        /// Those that cannot be read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unreadable: Vec<Unreadable>,
    },
    /// To [`Request::ShowConsent`] and [`Request::RecordConsent`].
    Consent {
        /// What is known afterwards.
        view: Box<ConsentView>,
    },
    /// To [`Request::ExplainRecipient`].
    RecipientExplained {
        /// What is known.
        explanation: Box<RecipientExplanation>,
    },
    /// To [`Request::ShowTestPage`].
    TestPage {
        /// What came of it.
        report: TestPageReport,
    },
    /// To [`Request::ListTexts`].
    Texts {
        /// The texts.
        texts: Vec<TextView>,
        /// Whether there may be more.
        more: bool,
    },
    /// To everything about on-call schedules: the layers that are meant, as they are afterwards.
    OnCall {
        /// By schedule and layer.
        layers: Vec<LayerView>,
    },
    /// To [`Request::ShowCalendar`].
    Calendar {
        /// iCalendar (RFC 5545).
        text: String,
    },
    /// To [`Request::ReadCalendarCopy`].
    CalendarCopy {
        /// Its text; absent where there is no copy.
        text: Option<String>,
    },
    /// To [`Request::ListAgents`], [`Request::StopAgents`] and [`Request::StartAgents`].
    Agents {
        /// As they are afterwards.
        agents: AgentsView,
    },
    /// To [`Request::ListApprovals`].
    Approvals {
        /// What agents asked for.
        approvals: Vec<ApprovalView>,
    },
    /// To [`Request::ShowApproval`] and [`Request::DecideApproval`].
    Approval {
        /// As it is afterwards.
        approval: Box<ApprovalView>,
    },
    /// To [`Request::AddToken`], [`Request::ListTokens`] and [`Request::RevokeToken`]: the tokens there are afterwards.
    Tokens {
        /// Without their texts, which nobody has.
        tokens: Vec<Token>,
    },
}

/// What became of one dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum DeadLetterChange {
    /// Its message waits to be sent, or its event to be worked on.
    Replayed,
    /// It was put away unsent.
    Discarded,
    /// To send it now would be wrong; it stays a dead letter.
    Stale {
        /// What makes it stale, in words.
        reason: String,
    },
    /// It was replayed or discarded before.
    Gone,
}
