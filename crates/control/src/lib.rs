//! What operators may do, behind one authorization check. The command line and every later face are thin over it.
//!
//! In: a request and who makes it. Out: stored changes and answers made for reading.
//! Never: sends a text; it changes state, and the roles act on that.

mod agents;
mod basis;
mod calendar;
mod canaries;
mod consent;
mod consent_view;
mod control;
mod dead_letter;
mod decision_audit;
mod decision_audit_view;
mod error;
mod event_list;
mod explanation;
mod held_data;
mod layer;
mod letter_page;
mod new_test_page;
mod oncall;
mod own_heartbeat;
mod personal;
mod preview;
mod raise;
mod recipient_explanation;
mod recipient_explanation_view;
mod request;
mod rollout;
mod run_list;
mod server;
mod silence_view;
mod silences;
mod status;
mod status_report;
mod stream;
mod test_page;
mod test_page_report;
mod view;

pub use consent_view::{ConsentLine, ConsentView, NewConsent, RecordedChange};
pub use control::{Control, ControlPorts};
pub use decision_audit_view::{DecisionAudit, DifferentDecision};
pub use error::ControlError;
pub use explanation::{ExplainedLine, Explanation, StepExplanation, TextExplanation, VerdictExplanation};
pub use held_data::{Erasure, HeldData};
pub use layer::{LayerQuery, LayerView, NewOverride, OverrideView, ShiftSwap};
pub use new_test_page::{NewTestPage, TEST_PAGE_WITHIN_S_MAX};
pub use own_heartbeat::OwnHeartbeat;
pub use preview::{EventPreview, EventType, TextPreview};
pub use recipient_explanation_view::{NotReached, RecipientExplanation, TargetMissed, TextView, Whom};
pub use request::{Answer, DeadLetterChange, LetterCursor, Principal, Request, RunQuery};
pub use run_list::RunConditions;
pub use server::{CONTROL_PATH, Envelope, router};
pub use silence_view::{NewSilence, SilenceView};
pub use status_report::{Installation, StatusReport};
pub use test_page_report::{TestPageLeg, TestPageReport};
pub use view::{MessageView, RunView, TimelineLine};
