//! Runs: listed, read, noted, moved on. In: arguments that were checked. Out: small answers.
//!
//! Never: acknowledges a run: what an agent says of it is an observation, and the answer says so.

use control::{Answer, Control, ControlError, Principal, Request, RunConditions, RunQuery, RunView};
use domain::{
    agent::AgentRefusal,
    id::{MessageId, RunId},
    run::RunPhase,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    approvals::{Wish, wish},
    error_code::Refusal,
    events::as_identifier,
    facts::Fact,
    input::{Mode, RunAck, RunEscalate, RunTimeline, RunsList},
    output::{Page, ROWS_MAX, fit, fit_into},
};

/// One run of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RunRow {
    run_id: String,
    state: String,
    workflow: String,
    event_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The step under way, from 1.
    step: u8,
    #[schemars(with = "String")]
    opened_at: Timestamp,
    /// When something happens next without anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    next_action_at: Option<Timestamp>,
    /// Text messages, and how many of them arrived.
    texts: usize,
    delivered: usize,
}

impl RunRow {
    fn of(run: &RunView) -> Self {
        Self {
            run_id: run.id.clone(),
            state: run.phase.as_str().to_owned(),
            workflow: run.workflow.clone(),
            event_id: as_identifier(&run.event_id),
            subject: run.subject.as_deref().map(as_identifier),
            step: run.step,
            opened_at: run.opened_at,
            next_action_at: next_action_at(run),
            texts: run.messages.len(),
            delivered: run.messages.iter().filter(|message| message.status == "delivered").count(),
        }
    }
}

fn next_action_at(run: &RunView) -> Option<Timestamp> {
    let messages = run.messages.iter().filter_map(|message| message.next_at);
    messages.chain(run.next_step_at).chain(run.step_ends_at).min()
}

/// One run, and what happened to it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Timeline {
    #[serde(flatten)]
    run: RunRow,
    /// Give it as `expected_version` when you change the run.
    version: u64,
    messages: Vec<MessageRow>,
    /// What happened, in order.
    facts: Vec<Fact>,
    /// Give it as `cursor` for what happened before that.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// One text message.
#[derive(Debug, Serialize, JsonSchema)]
struct MessageRow {
    message: usize,
    step: u8,
    /// How its recipient was chosen, for example `oncall:platform`.
    target: String,
    /// The recipient's number, masked.
    to: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<u32>,
    attempts: u16,
}

/// Text messages of one run that are shown, the latest.
const MESSAGES_MAX: usize = 5;
/// Bytes of facts: beside the run and its messages there is room for less than a list has.
const FACTS_BYTES_MAX: usize = 1_000;

pub(crate) async fn list(
    control: &Control,
    who: &Principal,
    input: RunsList,
) -> Result<Page<RunRow>, Refusal> {
    let phase = input.state.map(|state| phase(&state)).transpose()?;
    let query = RunQuery {
        phase,
        workflow: input.workflow,
        after: input.cursor.map(|cursor| run_id(&cursor)).transpose()?,
        conditions: RunConditions { since: input.since, ..RunConditions::default() },
        max: ROWS_MAX as u16,
        ..RunQuery::default()
    };
    let Answer::Runs { runs, more, stopped_after, .. } =
        control.execute(who, Request::ListRuns(query)).await?
    else {
        return Err(Refusal::unexpected());
    };
    let (rows, is_cut) = fit(runs.iter().map(RunRow::of).collect());
    let last = rows.last().map(|row| row.run_id.clone());
    let stopped = stopped_after.map(|run| run.to_string());
    let next_cursor = if is_cut || more { last } else { stopped };
    Ok(Page { rows, next_cursor })
}

pub(crate) async fn timeline(
    control: &Control,
    who: &Principal,
    input: RunTimeline,
) -> Result<Timeline, Refusal> {
    let id = match (input.run_id, input.message_id) {
        (Some(run), None) => run_id(&run)?,
        (None, Some(message)) => {
            let message: Result<MessageId, _> = message.parse();
            message.map_err(|_| Refusal::invalid("message_id: expected the id of a text message"))?.run
        }
        _ => return Err(Refusal::invalid("give exactly one of run_id and message_id")),
    };
    let before = input.cursor.map(|cursor| cursor.parse::<usize>()).transpose();
    let before =
        before.map_err(|_| Refusal::invalid("cursor: expected the next_cursor of the page before"))?;
    let (run, version) = show(control, who, id).await?;
    let mut all = facts_of(&run);
    let end = before.unwrap_or(all.len()).min(all.len());
    // The latest first, as many as fit, and then in order.
    all.truncate(end);
    all.reverse();
    let (mut facts, is_cut) = fit_into(all, FACTS_BYTES_MAX);
    facts.reverse();
    let next_cursor = is_cut.then(|| (end - facts.len()).to_string());
    let first = run.messages.len().saturating_sub(MESSAGES_MAX);
    let messages = run.messages.iter().enumerate().skip(first).map(|(index, message)| MessageRow {
        message: index + 1,
        step: message.step,
        target: message.target.clone(),
        to: message.to.clone(),
        status: message.status.clone(),
        error_code: message.error_code,
        attempts: message.attempts,
    });
    Ok(Timeline { version, messages: messages.collect(), facts, next_cursor, run: RunRow::of(&run) })
}

/// What happened, and what recipients wrote, in order.
fn facts_of(run: &RunView) -> Vec<Fact> {
    let replies = run.replies.iter().map(Fact::of_reply);
    let mut facts: Vec<Fact> = run.timeline.iter().map(Fact::of).chain(replies).collect();
    facts.sort_by_key(|fact| fact.at);
    facts
}

/// What came of a note.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Noted {
    run_id: String,
    /// `noted`, or `known`: the same note stands there already.
    result: String,
    /// Always false: only a person's answer, or the end of the event, stops the escalation.
    stops_escalation: bool,
    /// Until when at most the next step waits, where the workflow lets agents hold it. Then the escalation goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    holds_until: Option<Timestamp>,
    state: String,
    version: u64,
}

pub(crate) async fn ack(control: &Control, who: &Principal, input: RunAck) -> Result<Noted, Refusal> {
    let id = run_id(&input.run_id)?;
    let (seen, version) = show(control, who, id.clone()).await?;
    // The same call again has the same answer, though it was this one that changed the version.
    if input.expected_version > version {
        return Err(stale(&seen.id, version));
    }
    let Answer::Run { run, changed, version } =
        control.execute(who, Request::Observe { id, note: input.reason }).await?
    else {
        return Err(Refusal::unexpected());
    };
    let result = if changed { "noted" } else { "known" };
    Ok(Noted {
        run_id: run.id,
        result: result.to_owned(),
        stops_escalation: false,
        holds_until: run.held_by_agent_until,
        state: run.phase.as_str().to_owned(),
        version,
    })
}

/// What came of an escalation.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Escalated {
    run_id: String,
    /// `next_step_started`, `pending_approval` (a person decides: see `approval_get`), or with `dry_run` `allowed` or
    /// `would_need_approval`.
    result: String,
    /// The approval that a person decides on, and until when they may.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    approval_expires_at: Option<Timestamp>,
    /// The step under way, from 1.
    step: u8,
    state: String,
    version: u64,
}

pub(crate) async fn escalate(
    control: &Control,
    who: &Principal,
    input: RunEscalate,
) -> Result<Escalated, Refusal> {
    let id = run_id(&input.run_id)?;
    let (seen, version) = show(control, who, id.clone()).await?;
    if input.expected_version != version {
        return Err(stale(&seen.id, version));
    }
    if input.mode == Mode::DryRun {
        return match control.may_escalate(who, &id).await {
            Err(ControlError::Agent(AgentRefusal::NeedsApproval)) => {
                Ok(escalated("would_need_approval", &seen, version))
            }
            allowed => allowed.map(|()| escalated("allowed", &seen, version)).map_err(Refusal::from),
        };
    }
    let request = Request::Escalate { id: id.clone() };
    let executed = match control.execute_at(who, request, Some(version)).await {
        Err(ControlError::Agent(AgentRefusal::NeedsApproval)) => {
            let approval = control.ask_to_escalate(who, &id, version).await?;
            return Ok(match wish(&approval)? {
                Wish::Done(_) => escalated("next_step_started", &seen, version),
                Wish::Waits(waits) => Escalated {
                    approval_id: Some(waits.id),
                    approval_expires_at: Some(waits.expires_at),
                    ..escalated("pending_approval", &seen, version)
                },
            });
        }
        executed => executed?,
    };
    let Answer::Run { run, changed, version } = executed else { return Err(Refusal::unexpected()) };
    if changed { Ok(escalated("next_step_started", &run, version)) } else { Err(stale(&run.id, version)) }
}

fn escalated(result: &str, run: &RunView, version: u64) -> Escalated {
    Escalated {
        run_id: run.id.clone(),
        result: result.to_owned(),
        approval_id: None,
        approval_expires_at: None,
        step: run.step,
        state: run.phase.as_str().to_owned(),
        version,
    }
}

async fn show(control: &Control, who: &Principal, id: RunId) -> Result<(RunView, u64), Refusal> {
    let Answer::Run { run, version, .. } =
        control.execute(who, Request::ShowRun { id, reveal: false }).await?
    else {
        return Err(Refusal::unexpected());
    };
    Ok((*run, version))
}

fn stale(run: &str, version: u64) -> Refusal {
    let message = format!("run {run} is at version {version}: read its timeline again");
    Refusal { version: Some(version), retry: true, ..Refusal::new("stale_version", message) }
}

fn run_id(text: &str) -> Result<RunId, Refusal> {
    text.parse().map_err(|_| Refusal::invalid("expected the id of a run, as runs_list gives it"))
}

fn phase(text: &str) -> Result<RunPhase, Refusal> {
    RunPhase::ALL.into_iter().find(|phase| phase.as_str() == text).ok_or_else(|| {
        let names: Vec<_> = RunPhase::ALL.iter().map(|phase| phase.as_str()).collect();
        Refusal::invalid(format!("state: expected one of {}", names.join(", ")))
    })
}
