//! Commands. In: published wake-ups. Out: a panic where one reaches the wrong queue, or arrives changed.
//!
//! Never: requires that a wake-up survives the bus; it may be lost.

use std::sync::Arc;

use domain::{
    id::{MessageId, RunId},
    timeline::Command,
    workflow::Lane,
};
use ports::{Bus, Payload, Queue};

use super::{ack, consume, depth_becomes, next, nothing};

fn message(case: &str) -> MessageId {
    MessageId { run: RunId::derive(case, "e-1", "paging", None), number: 3 }
}

/// Each kind, in each queue that takes commands. Each queue gets commands of its own, published before any is consumed,
/// so that a command in the wrong queue is seen there.
pub async fn commands_arrive_unchanged_in_their_queue(bus: Arc<dyn Bus>) {
    let queues = [
        Queue::Send(Lane::Critical),
        Queue::Send(Lane::Standard),
        Queue::Send(Lane::Bulk),
        Queue::Escalation,
    ];
    let commands_of = |queue: Queue| {
        let message = message(&format!("commands {}", queue.name()));
        [
            Command::Dispatch { message: message.clone(), epoch: 7 },
            Command::ResolveDoubt { message: message.clone(), epoch: u32::MAX },
            Command::PollStatus { message: message.clone(), epoch: 0 },
            Command::LookNow { run: message.run },
        ]
    };
    for queue in queues {
        for command in commands_of(queue) {
            bus.publish(queue, &command).await.unwrap();
        }
    }
    for queue in queues {
        let mut deliveries = consume(&*bus, queue, 1).await;
        for command in commands_of(queue) {
            let delivery = next(&mut deliveries).await;
            assert_eq!(delivery.payload, Payload::Command(command), "in {}", queue.name());
            assert!(!delivery.redelivered);
            ack(delivery).await;
        }
        nothing(&mut deliveries).await;
    }
}

/// As long as the bus lives.
pub async fn an_unanswered_command_comes_back(bus: Arc<dyn Bus>) {
    let command = Command::LookNow { run: message("unanswered_command").run };
    bus.publish(Queue::Escalation, &command).await.unwrap();
    let mut deliveries = consume(&*bus, Queue::Escalation, 1).await;
    drop(next(&mut deliveries).await);
    let again = next(&mut deliveries).await;
    assert_eq!(again.payload, Payload::Command(command));
    assert!(again.redelivered);
    ack(again).await;
}

/// Done is done.
pub async fn an_acknowledged_command_does_not_come_back(bus: Arc<dyn Bus>) {
    let queue = Queue::Send(Lane::Critical);
    let command = Command::Dispatch { message: message("acknowledged_command"), epoch: 1 };
    bus.publish(queue, &command).await.unwrap();
    let mut deliveries = consume(&*bus, queue, 10).await;
    ack(next(&mut deliveries).await).await;
    nothing(&mut deliveries).await;
    depth_becomes(&*bus, queue, 0).await;
}

/// One command in one queue is in none of the others.
pub async fn queues_do_not_see_each_others_work(bus: Arc<dyn Bus>) {
    let queue = Queue::Send(Lane::Standard);
    let command = Command::Dispatch { message: message("own_queue"), epoch: 1 };
    bus.publish(queue, &command).await.unwrap();
    depth_becomes(&*bus, queue, 1).await;
    for other in Queue::ALL.into_iter().filter(|other| *other != queue) {
        assert_eq!(bus.depth(other).await.unwrap(), 0, "{}", other.name());
    }
    for other in [Queue::Events(Lane::Standard), Queue::Send(Lane::Critical), Queue::Escalation] {
        nothing(&mut consume(&*bus, other, 1).await).await;
    }
    ack(next(&mut consume(&*bus, queue, 1).await).await).await;
}
