//! A worker that runs: its timers, its sweep, its housekeeping and its end.

use std::sync::atomic::Ordering;

use conformance::{
    fixture::{Opening, at, letter, open_new},
    roles::{STEP_S, until},
};
use domain::{
    id::RunId,
    run::RunPhase,
    timeline::{Command, TimelineEvent},
};
use ports::{
    Queue,
    store::{DeadLetterFilter, readable},
};

use crate::harness::{RETENTION_S, TEXTS_S, World};

#[tokio::test]
async fn a_run_goes_through_its_steps_as_its_timers_fire() {
    let world = World::new();
    let id = world.open(1).await;
    let worker = world.start();
    world.clock.set(at(STEP_S));
    world.reaches(&id, 1, RunPhase::Active).await;
    world.clock.set(at(2 * STEP_S));
    world.reaches(&id, 1, RunPhase::Exhausted).await;
    worker.stop().await;
}

/// A run whose claim lapses after half a minute. It is stored without the run service, so no timer was started.
async fn open_without_timer(world: &World) -> RunId {
    let change = Opening::new("sweep", 1).change();
    open_new(&*world.store, &change).await;
    change.run.id().clone()
}

async fn is_in_doubt(world: &World, id: &RunId) -> bool {
    world.run(id).await.unwrap().message(1).unwrap().phase().name() == "in_doubt"
}

#[tokio::test]
async fn a_due_run_without_a_timer_is_found_by_the_sweep() {
    let world = World::new();
    let id = open_without_timer(&world).await;
    let worker = world.start();
    world.clock.set(at(60));
    until("the lapsed claim is in doubt", async || is_in_doubt(&world, &id).await).await;
    worker.stop().await;
}

#[tokio::test]
async fn the_sweep_goes_on_after_the_store_was_away() {
    let world = World::new();
    let id = open_without_timer(&world).await;
    world.due.failures.store(3, Ordering::SeqCst);
    let worker = world.start();
    for (left, seconds) in [(2, 60), (1, 70), (0, 80)] {
        until("a failure", async || world.due.failures.load(Ordering::SeqCst) == left).await;
        assert!(!is_in_doubt(&world, &id).await);
        world.clock.set(at(seconds));
    }
    until("the lapsed claim is in doubt", async || is_in_doubt(&world, &id).await).await;
    worker.stop().await;
}

#[tokio::test]
async fn an_ended_run_is_removed_after_the_retention_and_not_earlier() {
    let world = World::new();
    let id = world.open(1).await;
    world.clock.set(at(1));
    world.ports.runs.apply(&id, |run, ctx| run.cancel("ada", ctx)).await.unwrap().unwrap();
    let worker = world.start();
    for (seconds, is_kept) in [(1 + RETENTION_S, true), (1 + RETENTION_S + 3_600, false)] {
        world.clock.set(at(seconds));
        world.retention.purged_up_to(at(seconds - RETENTION_S)).await;
        assert_eq!(world.run(&id).await.is_some(), is_kept, "after {seconds} s");
    }
    worker.stop().await;
}

#[tokio::test]
async fn texts_and_letters_are_removed_earlier_than_runs() {
    let world = World::new();
    let id = world.open(1).await;
    world.clock.set(at(1));
    world.ports.runs.apply(&id, |run, ctx| run.cancel("ada", ctx)).await.unwrap().unwrap();
    world.store.add_dead_letter(&letter("housekeeping", 1, 1)).await.unwrap();
    let worker = world.start();
    let letters =
        async || readable(world.store.dead_letters(&DeadLetterFilter::default(), 9).await.unwrap()).0;
    for (seconds, are_kept) in [(1 + TEXTS_S, true), (1 + TEXTS_S + 3_600, false)] {
        world.clock.set(at(seconds));
        world.retention.purged_up_to(at(seconds - RETENTION_S)).await;
        let run = world.run(&id).await.unwrap();
        assert_eq!(run.messages()[0].text().is_some(), are_kept, "after {seconds} s");
        assert_eq!(!letters().await.is_empty(), are_kept, "after {seconds} s");
    }
    let lines = world.store.timeline(&id).await.unwrap();
    assert_eq!(lines.last().unwrap().what, TimelineEvent::TextsRemoved);
    worker.stop().await;
}

#[tokio::test]
async fn a_command_of_senders_becomes_a_dead_letter_and_the_next_is_worked_on() {
    let world = World::new();
    let id = world.open(1).await;
    let message = world.run(&id).await.unwrap().message_id(1);
    let misrouted = Command::PollStatus { message, epoch: 1 };
    world.bus.publish(Queue::Escalation, &misrouted).await.unwrap();
    let worker = world.start();
    let letters =
        async || readable(world.store.dead_letters(&DeadLetterFilter::default(), 10).await.unwrap()).0;
    until("a dead letter", async || !letters().await.is_empty()).await;
    assert_eq!(letters().await[0].reason, "misrouted");
    world.clock.set(at(STEP_S));
    world.reaches(&id, 1, RunPhase::Active).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_told_to_stop_leaves_work_that_takes_too_long() {
    let world = World::new();
    world.due.answers.forget_permits(usize::MAX);
    let worker = world.start();
    until("a question", async || world.due.asked.load(Ordering::SeqCst) > 0).await;
    worker.shutdown.cancel();
    let mut waited_s = 0;
    while !worker.task.is_finished() {
        waited_s += 1;
        world.clock.set(at(waited_s));
        tokio::task::yield_now().await;
        assert!(waited_s < 1_000, "the worker does not stop");
    }
    worker.task.await.unwrap().unwrap();
    assert!(waited_s >= 15, "it gave up after {waited_s} s");
}
