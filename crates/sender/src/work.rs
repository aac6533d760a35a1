//! One delivery, from receipt to answer.

use domain::{time::after_ms, timeline::Command, workflow::Lane};
use ports::{Delivery, Payload, Queue};
use runtime::Undeliverable;

use crate::{dispatch, doubt, open, poll, sender_state::Sender};

/// How long a piece of work waits after a port failed, in milliseconds.
const RETRY_AFTER_MS: i64 = 1_000;

/// Does the work, stores the result, then answers. What a port's failure interrupts comes back.
pub(crate) async fn work(sender: &Sender, queue: Queue, lane: Lane, delivery: Delivery) {
    let ports = &*sender.ports;
    let result = match &delivery.payload {
        Payload::Event(bytes) => {
            let (redelivered, published_at) = (delivery.redelivered, delivery.published_at);
            let event = Undeliverable::new(bytes, &delivery);
            open::event(sender, event, open::DeliveryInfo { lane, redelivered, published_at }).await
        }
        Payload::Command(Command::Dispatch { message, epoch }) => {
            dispatch::command(sender, message, *epoch).await
        }
        Payload::Command(Command::ResolveDoubt { message, epoch }) => {
            doubt::resolve(ports, message, *epoch).await
        }
        Payload::Command(Command::PollStatus { message, epoch }) => poll::poll(ports, message, *epoch).await,
        Payload::Command(Command::LookNow { .. }) | Payload::Timer(_) => {
            let (what, error) =
                (format!("{:?}", delivery.payload), "a wake-up of escalation came to a sender");
            ports.dead_letters.add(Undeliverable::new(what.as_bytes(), &delivery), "misrouted", error).await
        }
        Payload::Unreadable { body, reason } => {
            ports.dead_letters.add(Undeliverable::new(body, &delivery), "unreadable", reason).await
        }
    };
    let answered = match &result {
        Ok(()) => delivery.acker.ack().await.map(|_| ()),
        Err(error) => {
            tracing::warn!(queue = queue.name(), %error, "work was interrupted and will be done again");
            let at = after_ms(ports.clock.now(), RETRY_AFTER_MS);
            delivery.acker.retry_at(at).await
        }
    };
    if let Err(error) = answered {
        tracing::warn!(queue = queue.name(), %error, "a delivery was not answered and will come again");
    }
}
