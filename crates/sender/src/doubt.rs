//! Asks the provider what became of a message in doubt.

use domain::{
    doubt::{DoubtAnswer, read_answer, window},
    id::MessageId,
    message::{MessageEvent, MessagePhase},
    provider::ProviderMessage,
    run::Run,
};
use runtime::{Context, RoleError};

/// Asks, and stores the answer, unless the doubt was settled meanwhile.
pub(crate) async fn resolve(ctx: &Context, message: &MessageId, epoch: u32) -> Result<(), RoleError> {
    let Some(stored) = ctx.store.load_run(&message.run).await? else { return Ok(()) };
    if !is_in_doubt(&stored.value, message.number, epoch) {
        return Ok(());
    }
    let answer = ask(ctx, &stored.value, message).await?;
    ctx.change(&message.run, |run, workflow, now, fx| {
        if is_in_doubt(run, message.number, epoch) {
            run.apply_to_message(message.number, &MessageEvent::DoubtAnswered(&answer), workflow, now, fx);
        }
    })
    .await?;
    Ok(())
}

fn is_in_doubt(run: &Run, number: u16, epoch: u32) -> bool {
    run.message(number).is_some_and(|m| m.epoch == epoch && matches!(m.phase, MessagePhase::InDoubt { .. }))
}

async fn ask(ctx: &Context, run: &Run, id: &MessageId) -> Result<DoubtAnswer, RoleError> {
    let Some((message, MessagePhase::InDoubt { started_at, lost_until, .. })) =
        run.message(id.number).map(|m| (m, &m.phase))
    else {
        return Ok(DoubtAnswer::NoAnswer { reason: "the doubt was settled meanwhile".to_owned() });
    };
    let (from, until) = window(*started_at, *lost_until);
    let listed = match ctx.provider.look_up(&message.recipient.number, from, until).await {
        Ok(listed) => listed,
        Err(error) => return Ok(DoubtAnswer::NoAnswer { reason: error.to_string() }),
    };
    let mut unbound: Vec<ProviderMessage> = Vec::new();
    for found in listed {
        let bound_to = ctx.store.message_of_sid(&found.sid).await?;
        if bound_to.is_none_or(|bound| bound == *id) {
            unbound.push(found);
        }
    }
    loop {
        let answer = read_answer(message, &unbound, |code| ctx.provider.classify(code));
        let DoubtAnswer::Found { sid, .. } = &answer else { return Ok(answer) };
        // Another text may look the same and be asked about at the same time: the name goes to one of them.
        if ctx.store.claim_sid(sid, id).await? == *id {
            return Ok(answer);
        }
        unbound.retain(|found| found.sid != *sid);
    }
}
