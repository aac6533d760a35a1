//! Opening runs: once for each event, and not at all where the subject is resolved.

use conformance::{fixture::at, roles::event};
use domain::{
    event::EventKey,
    run::{Run, RunPhase},
    workflow::Lane,
};
use ports::{
    Queue, Versioned,
    store::{Resolution, RunFilter},
};
use runtime::{OpenedRun, Precedent};
use serde_json::json;

use crate::harness::World;

const COMMANDS: Queue = Queue::Send(Lane::Standard);

#[tokio::test]
async fn a_run_opened_twice_is_known_and_texts_nobody_again() {
    let world = World::new();
    let run = world.open_new(&event(1)).await;
    assert_eq!(world.bus.depth(COMMANDS).await.unwrap(), 1, "the command to send the first text");
    world.clock.set(at(10));
    assert!(matches!(world.open(&event(1)).await, OpenedRun::Known));
    assert_eq!(world.runs.precedent(&event(1)).await.unwrap(), Precedent::Same);
    assert_eq!(stored(&world, &run.value).await, run);
    assert_eq!(world.bus.depth(COMMANDS).await.unwrap(), 1);
}

#[tokio::test]
async fn an_event_with_a_known_key_and_other_content_is_a_conflict() {
    let world = World::new();
    let run = world.open_new(&event(1)).await;
    let mut other = event(1);
    other.data.insert("title".to_owned(), json!("db-2 is down"));
    assert!(matches!(world.open(&other).await, OpenedRun::Conflict));
    assert_eq!(world.runs.precedent(&other).await.unwrap(), Precedent::Other);
    assert_eq!(world.runs.precedent(&event(2)).await.unwrap(), Precedent::None);
    assert_eq!(stored(&world, &run.value).await, run);
}

#[tokio::test]
async fn a_run_whose_resolution_overtook_it_opens_as_resolved() {
    let world = World::new();
    let event = event(1);
    let subject = event.subject.clone().unwrap();
    let workflows = world.runs.workflows();
    let definition = &workflows.workflows().next().unwrap().definition;
    let resolution = Resolution {
        workflow: definition.name.clone(),
        marker: definition.resolution_marker(&event.key.source, &subject),
        subject,
        by: EventKey { source: event.key.source.clone(), id: "e-resolved".to_owned() },
        at: at(5),
    };
    assert_eq!(world.runs.resolve(&resolution).await.unwrap(), []);
    assert!(matches!(world.open(&event).await, OpenedRun::Resolved));
    let listed = world.store.list_runs(&RunFilter::default(), 10).await.unwrap();
    let [run] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((run.phase(), run.messages().len()), (RunPhase::Resolved, 0));
    assert_eq!(world.bus.depth(COMMANDS).await.unwrap(), 0);
    assert!(matches!(world.open(&event).await, OpenedRun::Known));
}

async fn stored(world: &World, run: &Run) -> Versioned<Run> {
    world.runs.load(run.id()).await.unwrap().unwrap()
}
