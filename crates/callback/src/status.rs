//! A status of one of our messages.

use domain::{message::MessageEvent, provider::FailureClass};
use runtime::{Context, RunCache};
use twilio::{Form, StatusCallback};

use crate::Rejection;

/// Stores the status with its message. A repeated, late or early one is welcome and changes what it can.
pub(crate) async fn receive(
    ctx: &Context,
    recent: &RunCache,
    form: &Form,
    query: Option<&str>,
) -> Result<(), Rejection> {
    let callback = StatusCallback::from_form(form, query)?;
    // Our own id is in the URL, so that a callback may come before our response is stored. Without it the SID must do.
    let message = match &callback.message {
        Some(message) => Some(message.clone()),
        None => ctx.store.message_of_sid(&callback.sid).await.map_err(runtime::RoleError::from)?,
    };
    let message = message.ok_or_else(|| Rejection::Unknown(callback.sid.to_string()))?;
    let Some(status) = callback.status else {
        tracing::info!("message.id" = %message, status = callback.raw_status, "a status that says nothing of a text was put aside");
        return Ok(());
    };
    let class = match callback.error_code {
        Some(_) => ctx.provider.classify(callback.error_code),
        None => FailureClass::Informational,
    };
    let event = MessageEvent::Status { sid: &callback.sid, status, code: callback.error_code, class };
    let is_known = ctx
        .change_recent(recent, &message.run, |run, workflow, now, fx| {
            run.apply_to_message(message.number, &event, workflow, now, fx);
            run.message(message.number).is_some()
        })
        .await?;
    if is_known == Some(true) { Ok(()) } else { Err(Rejection::Unknown(callback.sid.to_string())) }
}
