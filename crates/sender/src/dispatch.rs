//! One request to the provider, between two writes: the claim before it, the outcome after it.
//!
//! Top to bottom: [`command`] finds the message, asks the policy's facts and the limits, and claims it; [`submit`] makes
//! the request, for which it needs a claim that is stored, and stores its outcome.

use domain::{
    admission::Admission,
    id::MessageId,
    message::MessageEvent,
    provider::SubmitOutcome,
    run::{Dispatch, DispatchInput},
};
use runtime::{Claimed, RoleError};
use telemetry::span;
use tracing::Instrument as _;

use crate::sender_state::Sender;

/// Sends one message on command, unless its epoch has moved on.
///
/// Consent is read before the claim, so that the policy decides again on current facts.
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
    // The claim decides with the same silences: a text that it lets go must have been charged here.
    let ctx = ports.runs.context_of(&stored.value, &workflow).await?;
    let admission = if stored.value.allows(message.number, &consent, &ctx) {
        admission.admit(ports, &workflow.definition, stored.value.lane(), waiting, now).await?
    } else {
        Admission::default()
    };
    let input = DispatchInput { consent: &consent, admission: &admission };
    let data_loss_since = ports.audit.data_loss_since().await?;
    let claimed = ports
        .runs
        .claim(stored, |run, ctx| {
            if let Some(since) = data_loss_since
                && run.message(message.number).is_some_and(|message| message.epoch() == epoch)
                && run.doubt_data_loss(message.number, since, ctx)
            {
                return Dispatch::Stay;
            }
            run.begin_dispatch(message.number, epoch, &input, ctx)
        })
        .await?;
    match claimed {
        Some(claimed) => submit(sender, claimed).await,
        None => Ok(()),
    }
}

/// Makes the request of a claim, and stores what came of it.
///
/// Dying anywhere in here leaves a claim that lapses into doubt, also where consent forbids the request: the provider does
/// not have the text then, and what follows asks the policy again.
pub(crate) async fn submit(sender: &Sender, claimed: Claimed) -> Result<(), RoleError> {
    let Sender { ports, admission } = sender;
    let submission = claimed.submission();
    let (number, attempt) = (submission.message.number, submission.attempt);
    // The claim is stored: an opt-out that was stored before this read is seen here, whatever was known when the step was
    // planned; what comes after it comes while the request is on its way.
    let consent = ports.consent.consent(&submission.to).await?;
    if let Some(decision) = ports.runs.forbids(&consent, claimed.run()).await? {
        ports
            .runs
            .apply_to(claimed.into_run(), |run, ctx| run.withdraw(number, attempt, &decision, ctx))
            .await?;
        return Ok(());
    }
    let late = SubmitOutcome::of_late_request(claimed.claimed_at(), ports.clock.now());
    let (outcome, in_outage) = match late {
        Some(late) => (late, !admission.is_free()),
        None => {
            let span = span::submit(claimed.run(), number, attempt);
            let begun_at = ports.clock.now();
            let outcome = ports.provider.submit(submission).instrument(span.clone()).await;
            telemetry::metrics().sending.submitted(&outcome, ports.clock.now().duration_since(begun_at));
            match &outcome {
                SubmitOutcome::Sent { sid, .. } => span::sent(&span, sid.as_str()),
                SubmitOutcome::NotSent(_) | SubmitOutcome::InDoubt { .. } => span::failed(&span),
            }
            let in_outage = admission.note(ports, &outcome);
            (outcome, in_outage)
        }
    };
    ports
        .runs
        .apply_to(claimed.into_run(), |run, ctx| {
            let event = MessageEvent::Answered { attempt, outcome: &outcome, in_outage };
            run.apply_to_message(number, &event, ctx);
        })
        .await?;
    admission.note_sending(ports).await;
    Ok(())
}
