//! One delivery, from receipt to answer.

use domain::{
    id::digest,
    timeline::{Command, DeadLetter},
};
use jiff::SignedDuration;
use ports::{Delivery, Payload, Queue};
use shell::{Context, RoleError};

use crate::{dispatch, doubt, guard::Sender, open, poll};

/// How long a piece of work waits after a port failed, in milliseconds.
const RETRY_AFTER_MS: i64 = 1_000;

/// Does the work, stores the result, then answers. What a port's failure interrupts comes back.
pub(crate) async fn work(sender: &Sender, queue: Queue, delivery: Delivery) {
    let ctx = &*sender.ctx;
    let result = match &delivery.payload {
        Payload::Event(bytes) => {
            let seen = open::Seen { redelivered: delivery.redelivered, published_at: delivery.published_at };
            open::event(sender, bytes, seen).await
        }
        Payload::Command(Command::Dispatch { message, epoch }) => {
            dispatch::command(sender, message, *epoch).await
        }
        Payload::Command(Command::ResolveDoubt { message, epoch }) => {
            doubt::resolve(ctx, message, *epoch).await
        }
        Payload::Command(Command::PollStatus { message, epoch }) => poll::ask(ctx, message, *epoch).await,
        Payload::Command(Command::LookNow { .. }) | Payload::Alarm(_) => {
            poison(ctx, b"", "misrouted", "a wake-up for the escalation worker came to a sender").await
        }
        Payload::Unreadable { body, reason } => poison(ctx, body, "unreadable", reason).await,
    };
    let answered = match &result {
        Ok(()) => delivery.receipt.ack().await.map(|_| ()),
        Err(error) => {
            tracing::warn!(queue = queue.name(), %error, "work was interrupted and will be done again");
            let at = ctx.clock.now() + SignedDuration::from_millis(RETRY_AFTER_MS);
            delivery.receipt.retry_at(at).await
        }
    };
    if let Err(error) = answered {
        tracing::warn!(queue = queue.name(), %error, "a delivery was not answered and will come again");
    }
}

/// Keeps what cannot be worked on, with its reason, where an operator finds it.
pub(crate) async fn poison(ctx: &Context, body: &[u8], reason: &str, error: &str) -> Result<(), RoleError> {
    let text = String::from_utf8_lossy(body);
    let name: String = digest(&[&text])[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    tracing::warn!(reason, error, dead_letter = %name, "an event became a dead letter");
    ctx.store
        .add_dead_letter(&DeadLetter {
            id: format!("e{name}"),
            reason: reason.to_owned(),
            error: error.to_owned(),
            at: ctx.clock.now(),
            message: None,
            workflow: None,
            source: domain::event::Event::from_json(body).ok().map(|event| event.key.source),
            attempts: 0,
            traceparent: None,
            event: Some(text.into_owned()),
        })
        .await?;
    Ok(())
}
