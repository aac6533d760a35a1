//! An event opens its runs, and the first texts go out in the same delivery.
//!
//! The run, the policy's decisions and the intent to send are one write. A process that dies before it changed nothing;
//! one that dies after it left claims that lapse into doubt, which is settled by asking the provider.

use domain::{
    event::Event,
    limits::{EVENT_BODY_BYTES_MAX, INLINE_DISPATCH_MAX},
    message::MessagePhase,
    run::{Dispatch, Run, Setting},
    timeline::Effects,
    workflow::{Lane, Workflow},
};
use futures::future::join_all;
use jiff::Timestamp;
use ports::{Change, Opened, Versioned, store::Resolution};
use runtime::{Context, RoleError};

use crate::{admission::Sender, dispatch};

/// What the bus knows of a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeliveryInfo {
    /// In which lane it came.
    pub(crate) lane: Lane,
    /// Somebody had it before, and may have acted on it.
    pub(crate) redelivered: bool,
    /// When it was published, where known.
    pub(crate) published_at: Option<Timestamp>,
}

/// Works on one event: opens what it opens, resolves what it resolves.
pub(crate) async fn event(sender: &Sender, bytes: &[u8], info: DeliveryInfo) -> Result<(), RoleError> {
    let ctx = &*sender.ctx;
    // Producers that publish to the exchange have passed no door.
    if bytes.len() > EVENT_BODY_BYTES_MAX {
        let error = format!("{} bytes, and an event may have {EVENT_BODY_BYTES_MAX}", bytes.len());
        return ctx.dead_letter(bytes, "too_large", &error).await;
    }
    let event = match Event::from_json(bytes) {
        Ok(event) => event,
        Err(errors) => return ctx.dead_letter(bytes, "invalid_event", &list(&errors)).await,
    };
    let routes = ctx.workflows.routes(&event.kind);
    if routes.opens.is_empty() && routes.resolves.is_empty() {
        return ctx.dead_letter(bytes, "unroutable", "no workflow names this event type").await;
    }
    for workflow in routes.resolves {
        resolve(ctx, &event, workflow).await?;
    }
    for workflow in routes.opens {
        let errors = workflow.schema.validate(&event.data);
        if errors.is_empty() {
            open(sender, &event, workflow, info).await?;
        } else {
            let error = format!("workflow {}: {}", workflow.name(), list(&errors));
            ctx.dead_letter(bytes, "invalid_event", &error).await?;
        }
    }
    Ok(())
}

fn list(errors: &[domain::schema::FieldError]) -> String {
    errors.iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect::<Vec<_>>().join("; ")
}

async fn resolve(ctx: &Context, event: &Event, workflow: &Workflow) -> Result<(), RoleError> {
    let Some(subject) = &event.subject else {
        tracing::warn!("event.id" = event.key.id, "a resolving event without a subject resolves nothing");
        return Ok(());
    };
    let at = event.time.unwrap_or_else(|| ctx.clock.now());
    let resolution = Resolution {
        workflow: workflow.name().to_owned(),
        subject: subject.clone(),
        by: event.key.clone(),
        at,
    };
    for id in ctx.store.resolve(&resolution).await? {
        ctx.change(&id, |run, workflow, now, fx| run.resolve(&event.key, workflow, now, fx)).await?;
    }
    Ok(())
}

async fn open(
    sender: &Sender,
    event: &Event,
    workflow: &Workflow,
    info: DeliveryInfo,
) -> Result<(), RoleError> {
    let ctx = &*sender.ctx;
    // Somebody may have opened this run and sent its texts before the store lost it.
    let data_loss_since = if info.redelivered { ctx.store.data_loss_since().await? } else { None };
    let now = ctx.clock.now();
    let happened_at = event.time.unwrap_or(now);
    let mut fx = Effects::default();
    let mut run = Run::open(event, workflow, now, &mut fx);
    let came_lowered = info.lane > run.lane;
    run.lower_lane(info.lane, now, &mut fx);
    if info.lane == run.lane && !came_lowered {
        run.lower_lane(sender.admission.quota_of(&event.key.source, now).of(run.lane), now, &mut fx);
    }
    // It holds a place of the lane in which it came, and that lane is for others now.
    let gives_way = run.lane > info.lane.max(workflow.definition.lane);
    let mut submissions = Vec::new();
    let mut step = (run.phase == domain::run::RunPhase::Active).then_some(0);
    while let Some(index) = step {
        let audience = ctx.audience(&run, workflow, index, now).await?;
        run.start_step(index, &audience, &Setting { workflow, environment: &ctx.environment, now }, &mut fx);
        let mut ready: Vec<u16> = ready(&run, now);
        if data_loss_since.is_some() {
            let first_seen = info.published_at.unwrap_or(happened_at).min(now);
            for number in std::mem::take(&mut ready) {
                run.doubt_first_time(number, first_seen, workflow, now, &mut fx);
            }
        }
        let waits_its_turn = gives_way || sender.admission.takes_turns(run.lane);
        if ready.len() <= INLINE_DISPATCH_MAX && !waits_its_turn {
            for number in ready {
                let Some(message) = run.message(number) else { continue };
                match sender.admission.hold(ctx, &workflow.definition, run.lane, message, now).await? {
                    Some(hold) => run.hold_back(number, &hold, workflow, now, &mut fx),
                    None => {
                        if let Dispatch::Send(submission) = run.claim(number, workflow, now, &mut fx) {
                            submissions.push(submission);
                        }
                    }
                }
            }
        }
        step = run.tick(workflow, now, &mut fx);
    }
    let (due, needs_timer) = (run.next_due(workflow), run.needs_timer(workflow));
    let commands = fx.commands.clone();
    let log = fx.clone();
    match ctx.store.open_run(Change { run: run.clone(), due, needs_timer, effects: fx }, happened_at).await? {
        Opened::Known => Ok(()),
        Opened::AlreadyResolved { by } => open_resolved(ctx, event, workflow, &by).await,
        Opened::New { timer } => {
            ctx.emit(&run, &log);
            ctx.wake(&run, due, timer, &commands).await;
            let run = Versioned::opened(run);
            join_all(submissions.iter().map(|submission| dispatch::submit(sender, submission, run.clone())))
                .await
                .into_iter()
                .collect()
        }
    }
}

/// The resolving event overtook this one: the run opens as resolved and texts nobody.
async fn open_resolved(
    ctx: &Context,
    event: &Event,
    workflow: &Workflow,
    by: &domain::event::EventKey,
) -> Result<(), RoleError> {
    let now = ctx.clock.now();
    let mut fx = Effects::default();
    let mut run = Run::open(event, workflow, now, &mut fx);
    run.resolve(by, workflow, now, &mut fx);
    let log = fx.clone();
    ctx.store.open_run(Change { run: run.clone(), due: None, needs_timer: false, effects: fx }, now).await?;
    ctx.emit(&run, &log);
    Ok(())
}

fn ready(run: &Run, now: Timestamp) -> Vec<u16> {
    run.messages
        .iter()
        .filter(|message| matches!(message.phase, MessagePhase::Queued { not_before } if not_before <= now))
        .map(|message| message.number)
        .collect()
}
