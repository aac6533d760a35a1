//! Wake-ups that repeat others. In: a run that is due, and a queue that is long or not. Out: what joins the queue.

use conformance::{
    fixture::at,
    roles::{event, paging_definition, until},
};
use domain::{
    id::{MessageId, RunId},
    limits::REPEATS_BEHIND_MAX,
    timeline::{Command, TimelineEvent},
    workflow::{Lane, Workflow},
};
use ports::Queue;
use runtime::RunService;

use crate::harness::World;

const QUEUE: Queue = Queue::Send(Lane::Critical);

/// A world whose run waits to be sent, with the wake-up that says so, and with an hour until its step is over.
async fn waiting() -> (World, RunService, RunId) {
    let world = World::new();
    let mut definition = paging_definition();
    definition.lane = Lane::Critical;
    definition.steps.iter_mut().for_each(|step| step.ack_within_s = Some(3_600));
    let runs = world.service(Workflow::compile(definition).unwrap());
    world.open_in(&runs, &event(1)).await;
    let id = RunId::derive(&event(1).key.source, &event(1).key.id, "paging", event(1).subject.as_deref());
    runs.tick(&id).await.unwrap();
    assert_eq!(depth(&world).await, 1);
    (world, runs, id)
}

async fn depth(world: &World) -> u64 {
    world.bus.depth(QUEUE).await.unwrap()
}

async fn looks(world: &World) -> u64 {
    world.bus.depth(Queue::Escalation).await.unwrap()
}

async fn lengthen(world: &World, by: u64) {
    let run = RunId::derive("others", "e-1", "paging", None);
    for epoch in 0..by {
        let message = MessageId { run: run.clone(), number: 1 };
        let epoch = u32::try_from(epoch).unwrap();
        world.bus.publish(QUEUE, &Command::Dispatch { message, epoch }).await.unwrap();
    }
}

async fn empty(world: &World) {
    while let Some(delivery) = world.bus.take(QUEUE).await.unwrap() {
        delivery.acker.ack().await.unwrap();
    }
}

#[tokio::test]
async fn a_wake_up_that_was_lost_is_repeated() {
    let (world, runs, id) = waiting().await;
    empty(&world).await;
    world.clock.set(at(30));
    runs.tick(&id).await.unwrap();
    assert_eq!(depth(&world).await, 1);
}

/// A backlog that grew by its own wake-ups never ended.
#[tokio::test]
async fn no_wake_up_is_repeated_into_a_long_queue() {
    let (world, runs, id) = waiting().await;
    lengthen(&world, REPEATS_BEHIND_MAX - 1).await;
    for seconds in [30, 59] {
        world.clock.set(at(seconds));
        runs.tick(&id).await.unwrap();
        assert_eq!(depth(&world).await, REPEATS_BEHIND_MAX, "after {seconds} s");
    }
    // One of the critical lane that is late for so long may have been lost.
    world.clock.set(at(60));
    runs.tick(&id).await.unwrap();
    assert_eq!(depth(&world).await, REPEATS_BEHIND_MAX + 1);
}

#[tokio::test]
async fn once_the_queue_is_short_wake_ups_are_repeated_again() {
    let (world, runs, id) = waiting().await;
    lengthen(&world, REPEATS_BEHIND_MAX).await;
    world.clock.set(at(30));
    runs.tick(&id).await.unwrap();
    empty(&world).await;
    world.clock.set(at(60));
    runs.tick(&id).await.unwrap();
    assert_eq!(depth(&world).await, 1);
}

#[tokio::test]
async fn the_first_wake_up_joins_a_long_queue() {
    let (world, runs, _) = waiting().await;
    lengthen(&world, REPEATS_BEHIND_MAX).await;
    let second = event(2);
    world.open_in(&runs, &second).await;
    let id = RunId::derive(&second.key.source, &second.key.id, "paging", second.subject.as_deref());
    runs.tick(&id).await.unwrap();
    assert_eq!(depth(&world).await, REPEATS_BEHIND_MAX + 2);
}

/// Each status of a run that was overdue already brought another, and the worker was behind by a minute.
#[tokio::test]
async fn a_run_that_is_due_is_left_to_the_sweep_where_the_queue_of_looks_is_long() {
    let (world, runs, id) = waiting().await;
    let note = || TimelineEvent::Replayed { by: "ada".to_owned() };
    world.clock.set(at(30));
    until("its timer fires", async || looks(&world).await == 1).await;
    runs.apply(&id, |_, ctx| ctx.note_run(note())).await.unwrap().unwrap();
    assert_eq!(looks(&world).await, 2);
    for _ in 0..REPEATS_BEHIND_MAX {
        world.bus.publish(Queue::Escalation, &Command::LookNow { run: id.clone() }).await.unwrap();
    }
    world.clock.set(at(32));
    let before = looks(&world).await;
    runs.apply(&id, |_, ctx| ctx.note_run(note())).await.unwrap().unwrap();
    assert_eq!(looks(&world).await, before);
    assert_eq!(world.store.next_due().await.unwrap(), Some(at(30)));
}
