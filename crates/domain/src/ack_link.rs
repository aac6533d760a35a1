//! Links by which a recipient acknowledges in a browser. In: a run, and what a link ends in. Out: the message that it is of.
//!
//! Never: decides whether an acknowledgement counts; the run does.

use jiff::Timestamp;

use crate::{limits::REPLY_ROUTE_S, message::Message, run::Run, time::after_s, workflow::Workflow};

/// The message whose link this is, if it is one of this run's and its time is not over: as long as its code is taken.
pub fn linked_message<'a>(
    run: &'a Run,
    number: u16,
    secret: &str,
    workflow: &Workflow,
    now: Timestamp,
) -> Option<&'a Message> {
    let message = run.message(number).filter(|message| message.link().is_some_and(|link| link.is(secret)))?;
    let within_s = workflow.step(message.step()).and_then(|step| step.ack_within_s).unwrap_or(0);
    let ends = after_s(run.not_after(), within_s).max(after_s(run.opened_at(), REPLY_ROUTE_S));
    (now < ends).then_some(message)
}
