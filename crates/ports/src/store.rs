//! The store's ports, one small trait per concern, and the values that pass through them.
//!
//! In: the domain's values. Out: durable state. Never: a trait that a role must implement in part: each takes those it
//! uses.

mod approvals;
mod audit;
mod calendars;
mod consent;
mod dead_letters;
mod due;
mod effects;
mod groups;
mod lookup;
mod outcome_log;
mod outcomes;
mod overrides;
mod preflight;
mod rate_limits;
mod receipts;
mod retention;
mod runs;
mod sealing;
mod sending;
mod silences;
mod status;
mod tokens;
mod values;

pub use approvals::{ApprovalStore, Kept};
pub use audit::AuditStore;
pub use calendars::CalendarStore;
pub use consent::{ConsentPage, ConsentStore};
pub use dead_letters::DeadLetterStore;
pub use due::DueStore;
pub use effects::{EffectEnd, EffectStore};
pub use groups::GroupStore;
pub use lookup::LookupStore;
pub use outcome_log::OutcomeLog;
pub use outcomes::OutcomeStore;
pub use overrides::OverrideStore;
pub use preflight::PreflightStore;
pub use rate_limits::RateLimitStore;
pub use receipts::ReceiptStore;
pub use retention::RetentionStore;
pub use runs::RunStore;
pub use sealing::SealingStore;
pub use sending::SendingStore;
pub use silences::SilenceStore;
pub use status::StatusStore;
pub use tokens::{AnswerStore, GivenAnswer, TokenStore};
pub use values::{
    AuditCounts, Change, Changed, DeadLetterFilter, EffectCounts, EventCounts, Listed, Opened, OpeningEvent,
    Resolution, RunFilter, StoreError, TimerSlot, Unreadable, Versioned, readable,
};

/// All of a store's ports, for the code that opens a backend and hands them out, and for the `conformance` suite.
pub trait Store:
    RunStore
    + DueStore
    + LookupStore
    + ApprovalStore
    + CalendarStore
    + ConsentStore
    + DeadLetterStore
    + EffectStore
    + GroupStore
    + OutcomeStore
    + OverrideStore
    + PreflightStore
    + SealingStore
    + SendingStore
    + SilenceStore
    + StatusStore
    + RateLimitStore
    + ReceiptStore
    + AuditStore
    + RetentionStore
    + TokenStore
    + AnswerStore
    + OutcomeLog
{
}

impl<T> Store for T where
    T: RunStore
        + DueStore
        + LookupStore
        + ApprovalStore
        + CalendarStore
        + ConsentStore
        + DeadLetterStore
        + EffectStore
        + GroupStore
        + OutcomeStore
        + OverrideStore
        + PreflightStore
        + SealingStore
        + SendingStore
        + SilenceStore
        + StatusStore
        + RateLimitStore
        + ReceiptStore
        + AuditStore
        + RetentionStore
        + TokenStore
        + AnswerStore
        + OutcomeLog
{
}
