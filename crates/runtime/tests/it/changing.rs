//! Changing runs: by compare-and-set, and with the definition they were opened with.

use std::sync::Arc;

use conformance::{
    fixture::{at, at_once},
    roles::{STEP_S, event, paging_definition},
};
use domain::{
    admission::Admission,
    consent::Consent,
    id::RunId,
    message::MessagePhase,
    run::{DispatchInput, RunPhase},
    timeline::TimelineEvent,
    workflow::Workflow,
};
use runtime::RunCache;

use crate::harness::World;

#[tokio::test]
async fn a_change_of_a_run_that_others_changed_since_is_made_of_the_run_as_it_is() {
    let world = World::new();
    let seen = world.open_new(&event(1)).await;
    let id = seen.value.id().clone();
    world.runs.apply(&id, |run, ctx| run.cancel("ada", ctx)).await.unwrap().unwrap();
    let mut phases = Vec::new();
    let applied = world.runs.apply_to(seen, |run, ctx| {
        phases.push(run.phase());
        run.acknowledge("ben", "operator", None, ctx);
    });
    let applied = applied.await.unwrap().unwrap();
    assert_eq!(phases, [RunPhase::Active, RunPhase::Cancelled]);
    assert_eq!((applied.run.value.phase(), applied.run.version), (RunPhase::Cancelled, 3));
    assert_eq!(count(&world, &id, |what| matches!(what, TimelineEvent::AcknowledgedLate { .. })).await, 1);
}

#[tokio::test]
async fn a_message_is_claimed_by_one_of_those_who_saw_it_waiting() {
    let world = World::new();
    let seen = world.open_new(&event(1)).await;
    let epoch = seen.value.messages()[0].epoch();
    let (consent, admission) = (Consent::default(), Admission::default());
    let claim = |seen| {
        let input = DispatchInput { consent: &consent, admission: &admission };
        world.runs.claim(seen, move |run, ctx| run.begin_dispatch(1, epoch, &input, ctx))
    };
    let claimed = claim(seen.clone()).await.unwrap().unwrap();
    let stored = world.runs.load(seen.value.id()).await.unwrap().unwrap();
    assert!(matches!(stored.value.messages()[0].phase(), MessagePhase::Dispatching { .. }));
    assert_eq!((claimed.submission().attempt, claimed.claimed_at()), (1, at(0)));
    assert_eq!(claimed.into_run(), stored);
    assert!(claim(seen).await.unwrap().is_none(), "another was first");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_changes_of_one_run_all_take_effect() {
    let world = Arc::new(World::new());
    let id = world.open_new(&event(1)).await.value.id().clone();
    at_once(8, |n| {
        let (world, id) = (world.clone(), id.clone());
        async move {
            let note = TimelineEvent::Replayed { by: format!("operator {n}") };
            world.runs.apply(&id, |_, ctx| ctx.note_run(note.clone())).await.unwrap().unwrap();
        }
    })
    .await;
    assert_eq!(count(&world, &id, |what| matches!(what, TimelineEvent::Replayed { .. })).await, 8);
    assert_eq!(world.runs.load(&id).await.unwrap().unwrap().version, 9);
}

#[tokio::test]
async fn a_transition_that_changes_nothing_is_not_stored() {
    let world = World::new();
    let run = world.open_new(&event(1)).await;
    let applied = world.runs.apply(run.value.id(), |run, _| run.phase()).await.unwrap().unwrap();
    assert_eq!((applied.value, applied.run.version), (RunPhase::Active, 1));
    let unknown = RunId::derive("monitoring", "e-9", "paging", None);
    assert!(world.runs.apply(&unknown, |run, _| run.phase()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_cached_run_that_others_changed_since_is_read_again() {
    let world = World::new();
    let id = world.open_new(&event(1)).await.value.id().clone();
    let cache = RunCache::default();
    let note = |by: &str| TimelineEvent::Replayed { by: by.to_owned() };
    world.runs.apply_cached(&cache, &id, |_, ctx| ctx.note_run(note("first"))).await.unwrap().unwrap();
    world.runs.apply(&id, |run, ctx| run.cancel("ada", ctx)).await.unwrap().unwrap();
    let phase = world.runs.apply_cached(&cache, &id, |run, _| run.phase()).await.unwrap();
    assert_eq!(phase, Some(RunPhase::Cancelled));
}

#[tokio::test]
async fn a_run_keeps_the_definition_it_was_opened_with() {
    let world = World::new();
    world.runs.keep_workflows().await.unwrap();
    let id = world.open_new(&event(1)).await.value.id().clone();
    let mut definition = paging_definition();
    definition.steps.truncate(1);
    definition.steps[0].ack_within_s = Some(60);
    let later = world.service(Workflow::compile(definition).unwrap());
    for (seconds, step) in [(60, 0), (STEP_S - 1, 0), (STEP_S, 1)] {
        world.clock.set(at(seconds));
        later.tick(&id).await.unwrap();
        let run = later.load(&id).await.unwrap().unwrap().value;
        assert_eq!((run.step(), run.phase()), (step, RunPhase::Active), "after {seconds} s");
    }
}

#[tokio::test]
async fn a_store_that_is_closed_is_an_error_and_no_change() {
    let world = World::new();
    let id = world.open_new(&event(1)).await.value.id().clone();
    let runs = world.close().await;
    assert!(runs.apply(&id, |run, ctx| run.cancel("ada", ctx)).await.is_err());
    assert!(runs.open_notice(&event(2), runs.workflows().workflows().next().unwrap()).await.is_err());
}

/// How many lines of the timeline are such.
async fn count(world: &World, id: &RunId, is_such: fn(&TimelineEvent) -> bool) -> usize {
    let timeline = world.store.timeline(id).await.unwrap();
    timeline.iter().filter(|entry| is_such(&entry.what)).count()
}
