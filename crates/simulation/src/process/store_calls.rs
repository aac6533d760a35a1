//! The store as one process sees it. In: calls of a role. Out: the same calls to the store in memory, with faults.
//!
//! Never: adds to what the store answers.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    agent_stop::AgentStop,
    approval::Approval,
    consent::{Consent, ConsentEntry},
    effect::{Effect, OutcomeEvent},
    event::{ContentHash, EventKey},
    group::{Group, GroupKey},
    id::{MessageId, RunId},
    oncall::{Override, copy::CalendarState},
    originator::ReceiptCount,
    outbound::SendingState,
    phone::E164,
    preflight::{Admitted, Preflight, PreflightReport},
    provider::ProviderMessageId,
    rate_limit::{RateRequest, Reservation},
    run::Run,
    silence::Silence,
    status::{Backlog, Heartbeat},
    timeline::{DeadLetter, Entry, Outcome, ReplyRoute},
    token::Token,
    workflow::WorkflowDefinition,
};
use jiff::{SignedDuration, Timestamp};
use ports::{
    AnswerStore, ApprovalStore, AuditStore, CalendarStore, Change, Changed, ConsentStore, DeadLetterStore,
    DueStore, EffectEnd, EffectStore, GivenAnswer, GroupStore, Kept, LookupStore, Opened, OpeningEvent,
    OutcomeLog, OutcomeStore, OverrideStore, PreflightStore, RateLimitStore, ReceiptStore, RetentionStore,
    RunStore, SealingStore, SendingStore, SilenceStore, StatusStore, StoreError, TokenStore, Versioned,
    store::{AuditCounts, ConsentPage, DeadLetterFilter, Listed, Resolution, RunFilter},
};

use super::Instrumented;
use crate::chance::Point;

/// Passes the verbs of a store's port on, one line each: all that differs is the point at which a process may die.
macro_rules! pass_on {
    ($port:ident: $($point:ident: fn $name:ident($($arg:ident: $type:ty),*) -> $output:ty;)*) => {
        #[async_trait]
        impl $port for Instrumented {
            $(async fn $name(&self, $($arg: $type),*) -> Result<$output, StoreError> {
                self.0.call(Point::$point, self.0.world.store.$name($($arg),*)).await
            })*
        }
    };
}

pass_on! {
    RunStore:
    OpenRun: fn open_run(change: Change, event: OpeningEvent) -> Opened;
    ChangeRun: fn change_run(change: Change, version: u64) -> Changed;
    Store: fn content_of(event: &EventKey) -> Option<ContentHash>;
    Store: fn load_run(id: &RunId) -> Option<Versioned<Arc<Run>>>;
    Store: fn resolve(resolution: &Resolution) -> Vec<RunId>;
    Store: fn open_runs(workflow: &str, subject: &str) -> Vec<RunId>;
    Store: fn list_runs(filter: &RunFilter, max: u16) -> Vec<Listed<Run>>;
    Store: fn timeline(id: &RunId) -> Vec<Entry>;
    Store: fn keep_workflow(hash: &str, definition: &WorkflowDefinition) -> ();
    Store: fn workflow(hash: &str) -> Option<WorkflowDefinition>;
}

pass_on! {
    DueStore:
    Store: fn take_due(shard: Option<u8>, now: Timestamp, hidden_until: Timestamp, max: u16) -> Vec<RunId>;
    Store: fn next_due() -> Option<Timestamp>;
}

pass_on! {
    GroupStore:
    Store: fn group(key: &GroupKey) -> Option<Versioned<Group>>;
    KeepGroup: fn keep_group(key: &GroupKey, group: &Group, version: u64, kept_until: Timestamp, now: Timestamp) -> bool;
}

pass_on! {
    LookupStore:
    Store: fn message_of_sid(sid: &ProviderMessageId) -> Option<MessageId>;
    Store: fn claim_sid(sid: &ProviderMessageId, message: &MessageId) -> MessageId;
    Store: fn reply_routes(number: &E164, now: Timestamp) -> Vec<ReplyRoute>;
}

pass_on! {
    ConsentStore:
    Store: fn consent(number: &E164) -> Consent;
    Store: fn record_consent(entry: &ConsentEntry) -> ();
    Store: fn consent_log(number: &E164) -> Vec<ConsentEntry>;
    Store: fn consent_page(after: Option<&str>, max: u16) -> ConsentPage;
}

pass_on! {
    DeadLetterStore:
    Store: fn add_dead_letter(letter: &DeadLetter) -> ();
    Store: fn dead_letters(filter: &DeadLetterFilter, max: u16) -> Vec<Listed<DeadLetter>>;
    Store: fn dead_letter(id: &str) -> Option<DeadLetter>;
    Store: fn remove_dead_letter(id: &str) -> bool;
}

pass_on! {
    EffectStore:
    Store: fn add_effect(effect: &Effect) -> ();
    TakeEffects: fn take_effects(destination: &str, now: Timestamp, hidden_until: Timestamp, max: u16) -> Vec<Effect>;
    Store: fn some_effects(max: u16) -> Vec<Effect>;
    Store: fn effects_of_run(run: &RunId, destination: &str) -> Vec<Effect>;
    PostponeEffect: fn postpone_effect(effect: &Effect, due: Timestamp) -> ();
    EndEffect: fn end_effect(effect: &Effect, end: EffectEnd) -> ();
}

pass_on! {
    OutcomeStore:
    Store: fn outcomes(after: u64, max: u16) -> Vec<(u64, Outcome)>;
}

pass_on! {
    OverrideStore:
    Store: fn overrides(now: Timestamp) -> Vec<Override>;
    Store: fn add_override(held: &Override) -> ();
    Store: fn end_override(held: &Override, kept: Option<&Override>) -> bool;
}

pass_on! {
    CalendarStore:
    Store: fn calendars() -> Vec<CalendarState>;
    Store: fn calendar_text(schedule: &str, layer: &str) -> Option<String>;
    Store: fn keep_calendar(state: &CalendarState, text: Option<&str>) -> ();
    Store: fn remove_calendar(schedule: &str, layer: &str) -> ();
    Store: fn take_calendar(schedule: &str, layer: &str, now: Timestamp, held: SignedDuration) -> bool;
}

pass_on! {
    SendingStore:
    Store: fn sending() -> Option<SendingState>;
    Store: fn note_sending(noted: Option<&SendingState>, new: &SendingState) -> bool;
}

pass_on! {
    PreflightStore:
    Store: fn preflight() -> Preflight;
    Store: fn keep_preflight(report: &PreflightReport) -> ();
    Store: fn note_admitted(admitted: &Admitted) -> ();
}

pass_on! {
    StatusStore:
    Store: fn report(heartbeat: &Heartbeat, forgotten_before: Timestamp) -> ();
    Store: fn withdraw(process: &str) -> ();
    Store: fn heartbeats() -> Vec<Heartbeat>;
    Store: fn backlog(now: Timestamp, destinations: &[String]) -> Backlog;
}

pass_on! {
    ReceiptStore:
    Store: fn add_receipts(counts: &[ReceiptCount], now: Timestamp) -> ();
    Store: fn receipts(now: Timestamp) -> Vec<ReceiptCount>;
}

pass_on! {
    SilenceStore:
    Store: fn silences(now: Timestamp) -> Vec<Silence>;
    Store: fn add_silence(silence: &Silence, now: Timestamp) -> ();
    Store: fn remove_silence(id: &str) -> bool;
}

pass_on! {
    RateLimitStore:
    Store: fn acquire(request: &RateRequest, now: Timestamp) -> Reservation;
}

pass_on! {
    AuditStore:
    Store: fn data_loss_since() -> Option<Timestamp>;
    Store: fn audit_counts() -> AuditCounts;
}

pass_on! {
    SealingStore:
    Store: fn seal_stored(max: u16) -> u64;
}

pass_on! {
    RetentionStore:
    Store: fn purge(before: Timestamp, max: u16) -> u64;
    Store: fn ended_with_texts(before: Timestamp, max: u16) -> Vec<RunId>;
    Store: fn purge_letters(before: Timestamp, max: u16) -> u64;
    Store: fn purge_run(id: &RunId, before: Timestamp) -> bool;
}

pass_on! {
    TokenStore:
    Store: fn add_token(token: &Token) -> ();
    Store: fn token(id: &str) -> Option<Token>;
    Store: fn tokens() -> Vec<Token>;
    Store: fn remove_token(id: &str) -> bool;
    Store: fn agent_stops() -> Vec<AgentStop>;
    Store: fn stop_agents(stop: &AgentStop) -> ();
    Store: fn start_agents(label: Option<&str>) -> bool;
}

pass_on! {
    ApprovalStore:
    Store: fn approvals() -> Vec<Versioned<Approval>>;
    Store: fn approval(id: &str) -> Option<Versioned<Approval>>;
    Store: fn approvals_to_do() -> Vec<Versioned<Approval>>;
    KeepApproval: fn keep_approval(approval: &Approval, version: u64, pending_max: u16, now: Timestamp) -> Kept;
}

pass_on! {
    AnswerStore:
    Store: fn answer(key: &str, now: Timestamp) -> Option<GivenAnswer>;
    Store: fn keep_answer(key: &str, answer: &GivenAnswer, now: Timestamp, until: Timestamp) -> bool;
    Store: fn replace_answer(key: &str, answer: &GivenAnswer, until: Timestamp) -> ();
}

pass_on! {
    OutcomeLog:
    Store: fn log_outcome(event: &OutcomeEvent, most: u32) -> ();
    Store: fn replace_logged(event: &OutcomeEvent) -> ();
    Store: fn logged_outcomes(after: u64, max: u16) -> Vec<(u64, OutcomeEvent)>;
    Store: fn last_logged() -> u64;
}
