//! One request to the provider, between two writes: the claim before it, the outcome after it.
//!
//! Top to bottom: [`command`] finds the message, asks the policy's facts and the limits, and claims it; [`submit`] makes
//! the request and stores its outcome.

use domain::{
    admission::Admission,
    id::MessageId,
    message::{Message, MessageEvent, MessagePhase},
    provider::{Submission, SubmitOutcome},
    run::{Dispatch, DispatchInput, Run},
};
use ports::Versioned;
use runtime::{Applied, RoleError};

use crate::sender_state::Sender;

/// Sends one message on command, unless its epoch has moved on.
///
/// Consent is read before the claim, so that the policy's second look is at the facts of this moment.
pub(crate) async fn command(sender: &Sender, message: &MessageId, epoch: u32) -> Result<(), RoleError> {
    let Sender { ports, admission } = sender;
    let Some(stored) = ports.runs.load(&message.run).await? else { return Ok(()) };
    let now = ports.clock.now();
    let Some(waiting) =
        stored.value.message(message.number).filter(|m| m.epoch() == epoch && m.is_ready(now))
    else {
        return Ok(());
    };
    let consent = ports.consent.consent(&waiting.recipient().number).await?;
    let workflow = ports.runs.workflow_of(&stored.value).await?;
    let admission = if stored.value.allows(message.number, &consent, &ports.runs.context(&workflow)) {
        admission.admit(ports, &workflow.definition, stored.value.lane(), waiting, now).await?
    } else {
        Admission::default()
    };
    let input = DispatchInput { consent: &consent, admission: &admission };
    let data_loss_since = ports.audit.data_loss_since().await?;
    let applied = ports
        .runs
        .apply_to(stored, |run, ctx| {
            if let Some(since) = data_loss_since
                && run.message(message.number).is_some_and(|message| message.epoch() == epoch)
                && run.doubt_data_loss(message.number, since, ctx)
            {
                return Dispatch::Stay;
            }
            run.begin_dispatch(message.number, epoch, &input, ctx)
        })
        .await?;
    match applied {
        Some(Applied { value: Dispatch::Send(submission), run }) => submit(sender, &submission, run).await,
        Some(Applied { value: Dispatch::Stay, .. }) | None => Ok(()),
    }
}

/// Makes the request whose claim is stored in `run`, and stores what came of it.
///
/// Dying anywhere in here leaves a claim that lapses into doubt.
pub(crate) async fn submit(
    sender: &Sender,
    submission: &Submission,
    run: Versioned<Run>,
) -> Result<(), RoleError> {
    let Sender { ports, admission } = sender;
    let (number, attempt) = (submission.message.number, submission.attempt);
    let now = ports.clock.now();
    let claimed_at = match run.value.message(number).map(Message::phase) {
        Some(MessagePhase::Dispatching { started_at, .. }) => *started_at,
        Some(_) | None => now,
    };
    let (outcome, in_outage) = match SubmitOutcome::of_late_request(claimed_at, now) {
        Some(late) => (late, !admission.is_free()),
        None => {
            let outcome = ports.provider.submit(submission).await;
            let in_outage = admission.note(ports, &outcome);
            (outcome, in_outage)
        }
    };
    ports
        .runs
        .apply_to(run, |run, ctx| {
            let event = MessageEvent::Answered { attempt, outcome: &outcome, in_outage };
            run.apply_to_message(number, &event, ctx);
        })
        .await?;
    Ok(())
}
