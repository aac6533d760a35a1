//! An event opens its runs, and the first texts go out in the same delivery.
//!
//! The run, the policy's decisions and the claims are one write. A process that dies before it changed nothing; one
//! that dies after it left claims that lapse into doubt, which is resolved by asking the provider.

use async_trait::async_trait;
use domain::{
    adapter::chose_id,
    event::Event,
    lane_placement::LanePlacement,
    limits::EVENT_BODY_BYTES_MAX,
    phone::{identifier_without_numbers, without_numbers},
    provider::Submission,
    run::{Dispatch, Run, StepContext},
    schema::FieldError,
    workflow::{Lane, Workflow},
};
use futures::future::join_all;
use jiff::Timestamp;
use ports::Queue;
use runtime::{OpenedRun, RoleError, StepHook, Undeliverable};

use telemetry::span;
use tracing::Instrument as _;

use crate::{dispatch, resolve, sender_state::Sender};

/// What the bus knows of a delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeliveryInfo {
    /// In which lane it came.
    pub(crate) lane: Lane,
    /// It was handed out before, to a worker that may have acted on it.
    pub(crate) redelivered: bool,
    /// When it was published, where known.
    pub(crate) published_at: Option<Timestamp>,
}

/// Works on one event: opens what it opens, resolves what it resolves.
pub(crate) async fn event(
    sender: &Sender,
    came: Undeliverable<'_>,
    info: DeliveryInfo,
) -> Result<(), RoleError> {
    let (ports, bytes) = (&*sender.ports, came.body);
    // Events that producers publish to the exchange themselves have passed no endpoint.
    if bytes.len() > EVENT_BODY_BYTES_MAX {
        let error = format!("{} bytes, and an event may have {EVENT_BODY_BYTES_MAX}", bytes.len());
        return ports.dead_letters.add(came, "too_large", &error).await;
    }
    let event = match Event::from_json(bytes) {
        Ok(event) => event,
        Err(errors) => return ports.dead_letters.add(came, "invalid_event", &list(&errors)).await,
    };
    let queue = Queue::Events(info.lane);
    let span = span::process(queue.name(), &event.key.source, &event.key.id, event.traceparent.as_deref());
    work_on(sender, &event, came, info).instrument(span).await
}

async fn work_on(
    sender: &Sender,
    event: &Event,
    came: Undeliverable<'_>,
    info: DeliveryInfo,
) -> Result<(), RoleError> {
    let ports = &*sender.ports;
    let workflows = ports.runs.workflows();
    let routes = workflows.routes(&event.kind, &event.key.source);
    if routes.is_empty() {
        let error = workflows.unroutable(&event.key.source);
        return ports.dead_letters.add(came, "unroutable", &error).await;
    }
    // What comes over HTTP lost such a time on its way in.
    if let Some(warning) = event.unset_time() {
        tracing::warn!(
            "event.id" = identifier_without_numbers(&event.key.id),
            "{}",
            without_numbers(&warning)
        );
    }
    if !routes.resolves.is_empty() {
        resolve::event(sender, event, &routes.resolves).await?;
    }
    let mut is_taken = !routes.resolves.is_empty();
    for workflow in routes.opens {
        let errors = workflow.schema.validate(&event.data);
        if errors.is_empty() {
            is_taken = true;
            open(sender, event, came, workflow, info).await?;
        } else {
            let error = format!("workflow {}: {}", workflow.name(), list(&errors));
            ports.dead_letters.add(came, "invalid_event", &error).await?;
        }
    }
    // What came over HTTP was counted there.
    if is_taken && came.origin.is_some() && !info.redelivered {
        telemetry::metrics().intake.accepted(&event.key.source, 1, 0);
    }
    Ok(())
}

fn list(errors: &[FieldError]) -> String {
    let said = |error: &FieldError| match error.pointer.as_str() {
        // About the event as a whole.
        "" => error.message.clone(),
        pointer => format!("{pointer}: {}", error.message),
    };
    errors.iter().map(said).collect::<Vec<_>>().join("; ")
}

async fn open(
    sender: &Sender,
    event: &Event,
    came: Undeliverable<'_>,
    workflow: &Workflow,
    info: DeliveryInfo,
) -> Result<(), RoleError> {
    let Sender { ports, admission } = sender;
    // Another process may have opened this run and sent its texts before the store lost it.
    let data_loss_since = if info.redelivered { ports.audit.data_loss_since().await? } else { None };
    let now = ports.clock.now();
    let quota = || admission.quota_of(&event.key.source, now);
    let placement = LanePlacement::of(workflow.definition.lane, info.lane, quota);
    let mut inline = Inline {
        sender,
        doubted_from: data_loss_since.map(|_| {
            info.published_at.or(event.claimed_time()).map_or(now, |first_seen| first_seen.min(now))
        }),
        placement,
    };
    match ports.runs.open(event, workflow, placement, info.published_at, &mut inline).await? {
        OpenedRun::Known | OpenedRun::Resolved => Ok(()),
        // Two processes took what a tool says of one thing at the same moment; what opened the run stands.
        OpenedRun::Conflict if chose_id(&event.key.id) => Ok(()),
        OpenedRun::Conflict => {
            let error = "another event came first with the same source and id, but other content";
            ports.dead_letters.add(came, "conflict", error).await
        }
        OpenedRun::New(_, claimed) => {
            let submits = claimed.into_iter().map(|claimed| dispatch::submit(sender, claimed));
            join_all(submits).await.into_iter().collect()
        }
    }
}

/// Claims the messages of a step while its run is opened, so that opening and sending cost one write.
struct Inline<'a> {
    sender: &'a Sender,
    /// The store lost writes, and the event may have been worked on since this time: the provider is asked first.
    doubted_from: Option<Timestamp>,
    placement: LanePlacement,
}

#[async_trait]
impl StepHook for Inline<'_> {
    async fn step_started(
        &mut self,
        run: &mut Run,
        ctx: &mut StepContext<'_>,
    ) -> Result<Vec<Submission>, RoleError> {
        let ready = run.ready(ctx.now);
        let mut submissions = Vec::new();
        if let Some(first_seen) = self.doubted_from {
            ready.iter().for_each(|number| run.doubt_first_time(*number, first_seen, ctx));
            return Ok(submissions);
        }
        let Sender { ports, admission } = self.sender;
        if !admission.is_sent_at_once(self.placement, ready.len()) {
            return Ok(submissions);
        }
        for number in ready {
            let Some(message) = run.message(number) else { continue };
            let definition = &ctx.workflow.definition;
            let admission = admission.admit(ports, definition, run.lane(), message, ctx.now).await?;
            if let Dispatch::Send(submission) = run.admit(number, &admission, ctx) {
                submissions.push(submission);
            }
        }
        Ok(submissions)
    }
}
