//! What agents give. In: JSON. Out: values that are checked once more, for a schema that was shown is no promise.
//!
//! Never: a field that is not listed.

use domain::agent::Observation;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Whether anything happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Show what would happen. Nothing is stored or sent.
    DryRun,
    /// Do it.
    Commit,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventTypes {
    /// One type alone, for example `incident.created`.
    pub(crate) event_type: Option<String>,
    /// Where the page before ended: its `next_cursor`.
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunsList {
    /// Only runs that stand there: `active`, `acknowledged`, `completed`, `resolved`, `exhausted`, `suppressed`,
    /// `expired` or `cancelled`.
    pub(crate) state: Option<String>,
    /// Only runs of this workflow.
    pub(crate) workflow: Option<String>,
    /// Only runs opened at this time or later, for example `2026-01-31T12:00:00Z`.
    #[schemars(with = "Option<String>")]
    pub(crate) since: Option<Timestamp>,
    /// Where the page before ended: its `next_cursor`.
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunTimeline {
    /// The run's id. Give this or `message_id`.
    #[schemars(regex(pattern = "^r[0-9a-z]{4,24}$"))]
    pub(crate) run_id: Option<String>,
    /// The id of one of its text messages.
    pub(crate) message_id: Option<String>,
    /// Where the page before ended: its `next_cursor`. Without it, the latest facts.
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventRaise {
    /// Its type, one that `event_types` lists.
    #[schemars(length(min = 1, max = 200))]
    pub(crate) event_type: String,
    /// Names what happened. The same id again is the same event, and texts nobody a second time.
    #[schemars(length(min = 1, max = 200))]
    pub(crate) event_id: String,
    /// What it is about, for example `db-1`; a later event about the same resolves it.
    #[schemars(length(min = 1, max = 200))]
    pub(crate) subject: Option<String>,
    /// When it happened, for example `2026-01-31T12:00:00Z`.
    #[schemars(with = "Option<String>")]
    pub(crate) occurred_at: Option<Timestamp>,
    /// The fields that `event_types` describes for this type. Not a phone number, and not a text: the workflow words it.
    pub(crate) fields: Map<String, Value>,
    /// `dry_run` shows the text, its length and who would get it; `commit` raises the event.
    pub(crate) mode: Mode,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunAck {
    /// The run's id.
    #[schemars(regex(pattern = "^r[0-9a-z]{4,24}$"))]
    pub(crate) run_id: String,
    /// The version of the run that you have seen. An older one is taken as well: a note changes nothing.
    pub(crate) expected_version: u64,
    /// What you note.
    #[schemars(with = "String", extend("enum" = Observation::ALL.map(Observation::as_str)))]
    pub(crate) reason: Observation,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunEscalate {
    /// The run's id.
    #[schemars(regex(pattern = "^r[0-9a-z]{4,24}$"))]
    pub(crate) run_id: String,
    /// The version of the run that you have seen.
    pub(crate) expected_version: u64,
    /// `dry_run` says whether you may; `commit` pages the next step now.
    pub(crate) mode: Mode,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalGet {
    /// The approval's id, as the call that took a person's decision was answered with.
    #[schemars(regex(pattern = "^a[0-9a-z]{4,24}$"))]
    pub(crate) approval_id: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeadLettersList {
    /// Only letters with this cause, for example `undeliverable`.
    pub(crate) cause: Option<String>,
    /// Where the page before ended: its `next_cursor`.
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeadLetterReplay {
    /// The letter's id.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) dead_letter_id: String,
    /// `dry_run` says whether you may; `commit` has its text sent.
    pub(crate) mode: Mode,
}
