//! What operators may do, behind one authorization check. The command line and every later face are thin over it.
//!
//! In: a request and who makes it. Out: stored changes and answers made for reading.
//! Never: sends a text; it changes state, and the roles act on that.

mod basis;
mod consent;
mod control;
mod dead_letter;
mod error;
mod explanation;
mod held_data;
mod oncall;
mod personal;
mod raise;
mod recipient_explanation;
mod request;
mod run_list;
mod server;
mod silences;
mod status;
mod status_report;
mod stream;
mod test_page;
mod view;

pub use consent::{ConsentLine, ConsentView, NewConsent, RecordedChange};
pub use control::{Control, ControlPorts};
pub use error::ControlError;
pub use explanation::{ExplainedLine, Explanation, StepExplanation, TextExplanation, VerdictExplanation};
pub use held_data::{Erasure, HeldData};
pub use oncall::{LayerQuery, LayerView, NewOverride, OverrideView, ShiftSwap};
pub use recipient_explanation::{NotReached, RecipientExplanation, TargetMissed, TextView, Whom};
pub use request::{Answer, DeadLetterChange, LetterCursor, Principal, Request, RunQuery};
pub use run_list::RunConditions;
pub use server::{CONTROL_PATH, Envelope, router};
pub use silences::{NewSilence, SilenceView};
pub use status_report::{Installation, StatusReport};
pub use test_page::{NewTestPage, TEST_PAGE_WITHIN_S_MAX};
pub use view::{MessageView, RunView, TimelineLine};
