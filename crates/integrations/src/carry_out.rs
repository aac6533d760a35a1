//! One effect, from its taking to what is stored after its answer.
//!
//! Every await is a place where the process may die. Before the answer is stored, the effect comes back when its lease
//! ends, and is told apart from a first try by its epoch: what the first try may have made is looked for. A ticket is
//! taken into its run before the effect ends, so that a process that dies in between finds it there.

use std::{sync::Arc, time::Duration};

use domain::{
    breaker::ProviderSignal,
    effect::{Act, Effect, EffectAnswer, EffectNext, Ticket},
    limits::EFFECT_TIMEOUT_S,
    outbound::dead_letter,
    run::Run,
    time::after_s,
    timeline::sentence,
};
use ports::{EffectEnd, EffectRequest, within};
use runtime::RoleError;
use telemetry::span;
use tracing::Instrument as _;

use crate::{destination::Destination, integrations_ports::IntegrationsPorts};

/// How long an effect waits before it is looked at again whether those before it are done, in seconds.
const EARLIER_FIRST_S: u32 = 2;

/// Carries out an effect. Returns what that says of the destination, if anything.
pub(crate) async fn carry_out(
    ports: &IntegrationsPorts,
    destination: &Destination,
    effect: Effect,
) -> Option<ProviderSignal> {
    let id = effect.id.clone();
    match attempt(ports, destination, effect).await {
        Ok(signal) => signal,
        Err(error) => {
            tracing::warn!(effect = id, destination = destination.name, %error, "an effect was interrupted; it comes back");
            None
        }
    }
}

async fn attempt(
    ports: &IntegrationsPorts,
    destination: &Destination,
    effect: Effect,
) -> Result<Option<ProviderSignal>, RoleError> {
    let run = match effect.run() {
        Some(id) => ports.runs.load(id).await?.map(|run| Arc::unwrap_or_clone(run.value)),
        None => None,
    };
    let has_ticket = run.as_ref().is_some_and(|run| run.ticket_at(&destination.name).is_some());
    if effect.act == Act::OpenTicket && has_ticket {
        ports.effects.end_effect(&effect, EffectEnd::Delivered).await?;
        return Ok(None);
    }
    if destination.in_order && waits_for_earlier(ports, &effect).await? {
        let again_at = after_s(ports.clock.now(), EARLIER_FIRST_S);
        ports.effects.postpone_effect(&effect, again_at).await?;
        return Ok(None);
    }
    let request = request(ports, effect, run).await?;
    let most = Duration::from_secs(EFFECT_TIMEOUT_S.into());
    let traceparent = request.run.as_ref().and_then(Run::traceparent);
    let span = span::effect(&destination.name, request.effect.act.as_str(), traceparent);
    let carried_out = destination.client.carry_out(&request).instrument(span.clone());
    let answer = within(&*ports.clock, most, carried_out).await;
    let answer = answer.unwrap_or_else(|| EffectAnswer::Failed {
        reason: format!("no answer within {EFFECT_TIMEOUT_S} s"),
        is_in_doubt: true,
    });
    let signal = match &answer {
        EffectAnswer::Done(_) | EffectAnswer::Ignored | EffectAnswer::Refused { .. } => {
            Some(ProviderSignal::Answer)
        }
        EffectAnswer::Denied { .. } => Some(ProviderSignal::Stopped(None)),
        EffectAnswer::Later { .. } | EffectAnswer::Failed { .. } => Some(ProviderSignal::Trouble),
        EffectAnswer::Gone { .. } | EffectAnswer::Needless => None,
    };
    let effect = match &answer {
        EffectAnswer::Needless => request.effect,
        EffectAnswer::Done(_)
        | EffectAnswer::Ignored
        | EffectAnswer::Denied { .. }
        | EffectAnswer::Refused { .. }
        | EffectAnswer::Later { .. }
        | EffectAnswer::Failed { .. }
        | EffectAnswer::Gone { .. } => request.effect.requested(),
    };
    telemetry::metrics().sending.effect(&destination.name, effect.act.as_str(), &answer);
    let effect = &effect;
    match effect.follow(answer, destination.give_up_after_s, ports.clock.now()) {
        EffectNext::Delivered(ticket) => delivered(ports, effect, ticket).await?,
        EffectNext::Again(effect, at) => {
            let Effect { id, last_failure, .. } = &*effect;
            tracing::warn!(effect = id, destination = destination.name, reason = last_failure, again_at = %at,
                "an effect is not carried out yet");
            ports.effects.postpone_effect(&effect, at).await?;
        }
        EffectNext::Dead(reason) => dead(ports, effect, &reason).await?,
    }
    Ok(signal)
}

/// Whether something that happened to the run before is still to be told. What happened at the same moment has no order.
async fn waits_for_earlier(ports: &IntegrationsPorts, effect: &Effect) -> Result<bool, RoleError> {
    let Some(run) = effect.run() else { return Ok(false) };
    let waiting = ports.effects.effects_of_run(run, &effect.destination).await?;
    Ok(waiting.iter().any(|other| other.id != effect.id && other.event.at < effect.event.at))
}

async fn request(
    ports: &IntegrationsPorts,
    effect: Effect,
    run: Option<Run>,
) -> Result<EffectRequest, RoleError> {
    let mut timeline = Vec::new();
    if let Some(run) = run.as_ref().filter(|_| effect.act != Act::Notify) {
        for entry in ports.timelines.timeline(run.id()).await? {
            let message = entry.message.and_then(|number| run.message(number));
            let whom = message.map_or("the recipient", |message| message.recipient().name.as_str());
            let at = entry.at.strftime("%Y-%m-%d %H:%M:%S UTC");
            timeline.push(format!("{at}  {}", sentence(&entry.what, whom)));
        }
    }
    let may_exist = effect.epoch > 1 || effect.attempts > 0 || effect.is_in_doubt;
    let run_url = ports.api_url.as_ref().zip(effect.run()).and_then(|(api, run)| {
        let mut url = api.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(["v1", "runs", run.as_str()]);
        Some(url.to_string())
    });
    Ok(EffectRequest { effect, run, timeline, run_url, may_exist, at: ports.clock.now() })
}

async fn delivered(
    ports: &IntegrationsPorts,
    effect: &Effect,
    ticket: Option<Ticket>,
) -> Result<(), RoleError> {
    if let (Some(ticket), Some(run)) = (ticket, effect.run()) {
        ports.runs.apply(run, |run, ctx| run.take_ticket(&ticket, ctx)).await?;
    }
    Ok(ports.effects.end_effect(effect, EffectEnd::Delivered).await?)
}

/// Gives an effect up, and says so in its run where it was to open a ticket.
pub(crate) async fn dead(ports: &IntegrationsPorts, effect: &Effect, reason: &str) -> Result<(), RoleError> {
    tracing::error!(effect = effect.id, destination = effect.destination, reason, "an effect is given up");
    if let Some(run) = effect.run().filter(|_| effect.act == Act::OpenTicket) {
        ports.runs.apply(run, |run, ctx| run.miss_ticket(&effect.destination, reason, ctx)).await?;
    }
    let letter = dead_letter(effect, reason, ports.clock.now());
    telemetry::metrics().runs.dead_letter(&letter.reason);
    Ok(ports.effects.end_effect(effect, EffectEnd::Dead(Box::new(letter))).await?)
}
