//! One request to the provider, between two writes: the intent before it, the outcome after it.

use domain::{
    carrier::Submission,
    id::MessageId,
    message::MessageEvent,
    run::{Dispatch, Setting},
};
use shell::{Context, RoleError};

/// Sends one message on command, unless its epoch has moved on.
///
/// Consent is read before the claim, so that the policy's second look is at the facts of this moment.
pub(crate) async fn command(ctx: &Context, message: &MessageId, epoch: u32) -> Result<(), RoleError> {
    let Some(stored) = ctx.store.load_run(&message.run).await? else { return Ok(()) };
    let Some(recipient) = stored.value.message(message.number).map(|m| m.recipient.number.clone()) else {
        return Ok(());
    };
    let consent = ctx.store.consent(&recipient).await?;
    let losses_since = ctx.store.losses_since().await?;
    let applied = ctx
        .change(&message.run, |run, workflow, now, fx| {
            if let Some(since) = losses_since
                && run.message(message.number).is_some_and(|message| message.epoch == epoch)
                && run.doubt_losses(message.number, since, workflow, now, fx)
            {
                return Dispatch::Stay;
            }
            let setting = Setting { workflow, environment: &ctx.environment, now };
            run.begin_dispatch(message.number, epoch, &consent, &setting, fx)
        })
        .await?;
    match applied.map(|applied| applied.value) {
        Some(Dispatch::Send(submission)) => submit(ctx, &submission).await,
        Some(Dispatch::Stay) | None => Ok(()),
    }
}

/// Makes the request whose intent is stored, and stores what came of it.
///
/// Dying anywhere in here leaves a claim that lapses into doubt.
pub(crate) async fn submit(ctx: &Context, submission: &Submission) -> Result<(), RoleError> {
    let outcome = ctx.carrier.submit(submission).await;
    let MessageId { run, number } = &submission.message;
    let attempt = submission.attempt;
    ctx.change(run, |run, workflow, now, fx| {
        run.apply_to_message(
            *number,
            &MessageEvent::Answered { attempt, outcome: &outcome },
            workflow,
            now,
            fx,
        );
    })
    .await?;
    Ok(())
}
