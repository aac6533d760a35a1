//! Asks the provider what became of a message in doubt.

use domain::{
    doubt::{DoubtAnswer, Sought, is_candidate, read_answer, window},
    id::MessageId,
    message::{MessageEvent, MessagePhase},
    provider::ProviderMessage,
    run::Run,
};
use runtime::RoleError;

use crate::sender_ports::SenderPorts;

/// Asks, and stores the answer, unless the doubt was resolved meanwhile.
pub(crate) async fn resolve(ports: &SenderPorts, message: &MessageId, epoch: u32) -> Result<(), RoleError> {
    let Some(stored) = ports.runs.load(&message.run).await? else { return Ok(()) };
    if !is_in_doubt(&stored.value, message.number, epoch) {
        return Ok(());
    }
    let answer = ask(ports, &stored.value, message).await?;
    ports
        .runs
        .apply(&message.run, |run, ctx| {
            if is_in_doubt(run, message.number, epoch) {
                run.apply_to_message(message.number, &MessageEvent::DoubtAnswered(&answer), ctx);
            }
        })
        .await?;
    Ok(())
}

fn is_in_doubt(run: &Run, number: u16, epoch: u32) -> bool {
    run.message(number)
        .is_some_and(|m| m.epoch() == epoch && matches!(m.phase(), MessagePhase::InDoubt { .. }))
}

async fn ask(ports: &SenderPorts, run: &Run, id: &MessageId) -> Result<DoubtAnswer, RoleError> {
    let Some((message, MessagePhase::InDoubt { started_at, lost_until, .. })) =
        run.message(id.number).map(|m| (m, m.phase()))
    else {
        return Ok(DoubtAnswer::NoAnswer { reason: "the doubt was resolved meanwhile".to_owned() });
    };
    let (from, until) = window(*started_at, *lost_until);
    let begun_at = ports.clock.now();
    let listed = ports.provider.look_up(&message.recipient().number, from, until).await;
    let took = ports.clock.now().duration_since(begun_at);
    telemetry::metrics().sending.asked("look_up", listed.is_ok(), took);
    let listed = match listed {
        Ok(listed) => listed,
        Err(error) => return Ok(DoubtAnswer::NoAnswer { reason: error.to_string() }),
    };
    let mut unbound: Vec<ProviderMessage> = Vec::new();
    for found in listed {
        let bound_to = ports.lookup.message_of_sid(&found.sid).await?;
        if is_candidate(bound_to.as_ref(), id) {
            unbound.push(found);
        }
    }
    let Some(text) = message.text() else {
        return Ok(DoubtAnswer::NoAnswer { reason: "its text could not be composed".to_owned() });
    };
    let sought = Sought { number: &message.recipient().number, text, failed_sids: message.failed_sids() };
    loop {
        let answer = read_answer(&sought, &unbound, |code| ports.provider.classify(code));
        let DoubtAnswer::Found { sid, .. } = &answer else { return Ok(answer) };
        // Another text may look the same and be asked about at the same time: the name goes to one of them.
        if ports.lookup.claim_sid(sid, id).await? == *id {
            return Ok(answer);
        }
        unbound.retain(|found| found.sid != *sid);
    }
}
