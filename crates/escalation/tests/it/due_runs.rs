//! What becomes of runs that are due.

use conformance::{
    fixture::{Opening, at, open_new, workflow_named},
    roles::{ADA, BEN, STEP_S, TICKET_QUEUE},
};
use domain::{id::RunId, run::RunPhase};
use jiff::SignedDuration;

use crate::harness::World;

async fn notified(world: &World, id: &RunId) -> Vec<String> {
    let run = world.run(id).await.unwrap();
    run.messages().iter().map(|message| message.recipient().number.as_str().to_owned()).collect()
}

#[tokio::test]
async fn the_next_step_starts_at_the_deadline_and_not_earlier() {
    let world = World::new();
    let id = world.open(1).await;
    world.clock.set(at(STEP_S) - SignedDuration::from_millis(1));
    escalation::due_runs(&world.ports, None, 4).await.unwrap();
    assert_eq!(notified(&world, &id).await, [ADA]);
    world.look_at(STEP_S).await;
    assert_eq!(notified(&world, &id).await, [ADA, BEN]);
    assert_eq!(world.stands(&id).await, (1, RunPhase::Active));
}

#[tokio::test]
async fn a_ticket_is_opened_after_the_last_step() {
    let world = World::new();
    let id = world.open(1).await;
    world.look_at(STEP_S).await;
    world.look_at(2 * STEP_S - 1).await;
    assert_eq!(world.run(&id).await.unwrap().ticket(), None);
    world.look_at(2 * STEP_S).await;
    assert_eq!(world.run(&id).await.unwrap().ticket(), Some(TICKET_QUEUE));
    assert_eq!(world.stands(&id).await, (1, RunPhase::Exhausted));
}

#[tokio::test]
async fn an_acknowledged_run_starts_no_further_step() {
    let world = World::new();
    let id = world.open(1).await;
    let runs = &world.ports.runs;
    runs.apply(&id, |run, ctx| run.acknowledge("Ada", "reply", None, ctx)).await.unwrap().unwrap();
    world.look_at(2 * STEP_S).await;
    assert_eq!(world.stands(&id).await, (0, RunPhase::Acknowledged));
    assert_eq!(notified(&world, &id).await, [ADA]);
}

#[tokio::test]
async fn a_run_that_cannot_be_worked_on_leaves_the_others_alone_and_comes_back() {
    let world = World::new();
    // Nobody stored the definition of this one.
    let broken = Opening::new("broken", 1).through(workflow_named("unknown")).due(at(STEP_S - 1));
    open_new(&*world.store, &broken).await;
    let id = world.open(1).await;
    world.look_at(STEP_S).await;
    assert_eq!(world.stands(&id).await, (1, RunPhase::Active));
    let next = world.store.next_due().await.unwrap().unwrap();
    assert!(next > at(STEP_S) && next < at(STEP_S + 60), "the broken run is due at {next}");
}
