//! Dead letters: listed, and replayed one at a time. In: arguments that were checked. Out: small answers.
//!
//! Never: shows an event or a reason in somebody's words, or replays what may have been sent.

use control::{Answer, Control, DeadLetterChange, LetterCursor, Principal, Request};
use domain::timeline::DeadLetter;
use jiff::Timestamp;
use ports::store::DeadLetterFilter;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    error_code::Refusal,
    input::{DeadLetterReplay, DeadLettersList, Mode},
    output::{Page, ROWS_MAX, fit},
};

/// One dead letter of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LetterRow {
    id: String,
    cause: String,
    #[schemars(with = "String")]
    at: Timestamp,
    attempts: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
    /// `message` for a text, `event` for what could not be worked on, `effect` for a ticket or a notice.
    kind: String,
}

impl LetterRow {
    fn of(letter: &DeadLetter) -> Self {
        let kind = match &letter.message {
            Some(_) => "message",
            None if letter.reason == "effect" => "effect",
            None => "event",
        };
        Self {
            id: letter.id.clone(),
            cause: letter.reason.clone(),
            at: letter.at,
            attempts: letter.attempts,
            run_id: letter.message.as_ref().map(|message| message.run.to_string()),
            workflow: letter.workflow.clone(),
            kind: kind.to_owned(),
        }
    }
}

pub(crate) async fn list(
    control: &Control,
    who: &Principal,
    input: DeadLettersList,
) -> Result<Page<LetterRow>, Refusal> {
    let after = input.cursor.map(|cursor| cursor_of(&cursor)).transpose()?;
    let filter = DeadLetterFilter { reason: input.cause, ..DeadLetterFilter::default() };
    let request = Request::ListDeadLetters { filter, after, max: ROWS_MAX as u16 };
    let Answer::DeadLetters { letters, more, .. } = control.execute(who, request).await? else {
        return Err(Refusal::unexpected());
    };
    let (rows, is_cut) = fit(letters.iter().map(LetterRow::of).collect::<Vec<_>>());
    let last = rows.last().map(|row| format!("{} {}", row.at, row.id));
    Ok(Page { rows, next_cursor: last.filter(|_| is_cut || more) })
}

fn cursor_of(text: &str) -> Result<LetterCursor, Refusal> {
    let place = text.split_once(' ').and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    let (at, id) =
        place.ok_or_else(|| Refusal::invalid("cursor: expected the next_cursor of the page before"))?;
    Ok(LetterCursor { at, id })
}

/// What came of a replay.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Replayed {
    dead_letter_id: String,
    /// `requeued`, `already_replayed`, or with `dry_run` `allowed`.
    result: String,
}

pub(crate) async fn replay(
    control: &Control,
    who: &Principal,
    input: DeadLetterReplay,
) -> Result<Replayed, Refusal> {
    let id = input.dead_letter_id;
    let done = |result: &str| Replayed { dead_letter_id: id.clone(), result: result.to_owned() };
    // What was replayed is no dead letter any more, and is not told from one that never was.
    control.may_replay(who, &id).await?;
    if input.mode == Mode::DryRun {
        return Ok(done("allowed"));
    }
    let Answer::DeadLetterChanged { change } =
        control.execute(who, Request::Replay { id: id.clone() }).await?
    else {
        return Err(Refusal::unexpected());
    };
    match change {
        DeadLetterChange::Replayed => Ok(done("requeued")),
        DeadLetterChange::Gone => Ok(done("already_replayed")),
        DeadLetterChange::Stale { reason } => Err(Refusal::new("refused", reason)),
        DeadLetterChange::Discarded => Err(Refusal::unexpected()),
    }
}
