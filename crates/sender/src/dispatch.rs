//! One request to the provider, between two writes: the intent before it, the outcome after it.

use domain::{
    id::MessageId,
    message::MessageEvent,
    provider::Submission,
    run::{Dispatch, Facts, Run, Setting},
};
use ports::Versioned;
use runtime::{Applied, RoleError};

use crate::admission::Sender;

/// Sends one message on command, unless its epoch has moved on.
///
/// Consent is read before the claim, so that the policy's second look is at the facts of this moment.
pub(crate) async fn command(sender: &Sender, message: &MessageId, epoch: u32) -> Result<(), RoleError> {
    let Sender { ctx, admission } = sender;
    let Some(stored) = ctx.store.load_run(&message.run).await? else { return Ok(()) };
    let now = ctx.clock.now();
    let Some(waiting) = stored.value.message(message.number).filter(|m| m.epoch == epoch && m.is_ready(now))
    else {
        return Ok(());
    };
    let consent = ctx.store.consent(&waiting.recipient.number).await?;
    let workflow = ctx.workflows.of(&stored.value, &*ctx.store).await?;
    let hold = admission.hold(ctx, &workflow.definition, stored.value.lane, waiting, now).await?;
    let facts = Facts { consent: &consent, hold: hold.as_ref() };
    let data_loss_since = ctx.store.data_loss_since().await?;
    let applied = ctx
        .change_seen(stored, |run, workflow, now, fx| {
            if let Some(since) = data_loss_since
                && run.message(message.number).is_some_and(|message| message.epoch == epoch)
                && run.doubt_data_loss(message.number, since, workflow, now, fx)
            {
                return Dispatch::Stay;
            }
            let setting = Setting { workflow, environment: &ctx.environment, now };
            run.begin_dispatch(message.number, epoch, &facts, &setting, fx)
        })
        .await?;
    match applied {
        Some(Applied { value: Dispatch::Send(submission), run }) => submit(sender, &submission, run).await,
        Some(Applied { value: Dispatch::Stay, .. }) | None => Ok(()),
    }
}

/// Makes the request whose intent is stored in `run`, and stores what came of it.
///
/// Dying anywhere in here leaves a claim that lapses into doubt.
pub(crate) async fn submit(
    sender: &Sender,
    submission: &Submission,
    run: Versioned<Run>,
) -> Result<(), RoleError> {
    let Sender { ctx, admission } = sender;
    let outcome = ctx.provider.submit(submission).await;
    let in_outage = admission.note(ctx, &outcome);
    let (number, attempt) = (submission.message.number, submission.attempt);
    ctx.change_seen(run, |run, workflow, now, fx| {
        let event = MessageEvent::Answered { attempt, outcome: &outcome, in_outage };
        run.apply_to_message(number, &event, workflow, now, fx);
    })
    .await?;
    Ok(())
}
