//! Asks the provider for the status of a text that no callback has brought.

use domain::{
    id::MessageId,
    message::{MessageEvent, MessagePhase},
    poll::PollAnswer,
};
use runtime::RoleError;

use crate::sender_ports::SenderPorts;

/// Asks, and stores the answer, unless a status came meanwhile.
pub(crate) async fn poll(ports: &SenderPorts, id: &MessageId, epoch: u32) -> Result<(), RoleError> {
    let Some(stored) = ports.runs.load(&id.run).await? else { return Ok(()) };
    let message = stored.value.message(id.number).filter(|message| message.epoch() == epoch);
    let Some(MessagePhase::Submitted { sid, .. }) = message.map(|message| message.phase()) else {
        return Ok(());
    };
    let begun_at = ports.clock.now();
    let fetched = ports.provider.fetch(sid).await;
    let took = ports.clock.now().duration_since(begun_at);
    telemetry::metrics().sending.asked("fetch", fetched.is_ok(), took);
    let answer = match fetched {
        Ok(Some(found)) => PollAnswer::Status {
            status: found.status,
            code: found.error_code,
            class: ports.provider.classify(found.error_code),
        },
        Ok(None) => PollAnswer::Unknown,
        Err(error) => PollAnswer::NoAnswer { reason: error.to_string() },
    };
    ports
        .runs
        .apply(&id.run, |run, ctx| {
            if run.message(id.number).is_some_and(|message| message.epoch() == epoch) {
                run.apply_to_message(id.number, &MessageEvent::Polled(&answer), ctx);
            }
        })
        .await?;
    Ok(())
}
