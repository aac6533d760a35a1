//! A status of one of our messages.

use domain::{message::MessageEvent, provider::StatusReport};
use runtime::{RoleError, RunCache};

use crate::{callback_ports::CallbackPorts, rejection::Rejection};

/// Stores the status with its message. A repeated, late or early one is welcome and changes what it can.
pub(crate) async fn receive(
    ports: &CallbackPorts,
    cache: &RunCache,
    report: StatusReport,
) -> Result<(), Rejection> {
    let StatusReport { message, sid, status, raw_status, code, unread_code, class } = report;
    // Our own id is in the URL, so that a report may come before our response is stored. Without it the SID must do.
    let message = match message {
        Some(message) => Some(message),
        None => ports.lookup.message_of_sid(&sid).await.map_err(RoleError::from)?,
    };
    let message = message.ok_or_else(|| Rejection::Unknown(sid.to_string()))?;
    if let Some(unread) = unread_code {
        tracing::warn!("message.id" = %message, code = unread, "the error code of a status is no number; the status counts");
    }
    let Some(status) = status else {
        tracing::info!("message.id" = %message, status = raw_status, "a status that says nothing of a text was ignored");
        return Ok(());
    };
    let event = MessageEvent::Status { sid: &sid, status, code, class };
    let is_known = ports
        .runs
        .apply_cached(cache, &message.run, |run, ctx| {
            run.apply_to_message(message.number, &event, ctx);
            run.message(message.number).is_some()
        })
        .await?;
    if is_known == Some(true) { Ok(()) } else { Err(Rejection::Unknown(sid.to_string())) }
}
