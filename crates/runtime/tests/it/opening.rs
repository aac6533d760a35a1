//! Opening runs: once for each event, and not at all where the subject is resolved.

use std::sync::Arc;

use conformance::{
    fixture::at,
    roles::{event, paging},
};
use domain::{
    event::EventKey,
    run::{Run, RunPhase},
    team::SourceTeams,
    workflow::{Lane, Workflow, WorkflowDefinition},
};
use ports::{
    Queue, Versioned,
    store::{Resolution, RunFilter, readable},
};
use runtime::{OpenedRun, Precedent, RunService, WorkflowRegistry};
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
    let listed = readable(world.store.list_runs(&RunFilter::default(), 10).await.unwrap()).0;
    let [run] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((run.phase(), run.messages().len()), (RunPhase::Resolved, 0));
    assert_eq!(world.bus.depth(COMMANDS).await.unwrap(), 0);
    assert!(matches!(world.open(&event).await, OpenedRun::Known));
}

/// Two teams share a workflow, and all sources its subjects.
fn of_teams(world: &World) -> RunService {
    let mut definition = WorkflowDefinition::clone(&paging().definition);
    definition.shared_subjects = vec!["*".to_owned()];
    let workflow = Workflow::compile(definition).unwrap();
    let teams = [("conformance", "red"), ("red-2", "red"), ("blue", "blue")];
    let teams = SourceTeams::new(teams.map(|(source, team)| (source.to_owned(), team.to_owned())));
    world.service_of(WorkflowRegistry::new([workflow]).with_teams(teams))
}

#[tokio::test]
async fn shared_subjects_stay_within_a_team() {
    let world = World::new();
    let runs = of_teams(&world);
    let workflows = runs.workflows();
    let workflow = workflows.workflows().next().unwrap();
    let by = |source: &str| Resolution {
        workflow: workflow.name().to_owned(),
        marker: workflow.definition.resolution_marker(source, "db-1"),
        subject: "db-1".to_owned(),
        by: EventKey { source: source.to_owned(), id: "e-resolved".to_owned() },
        at: at(5),
    };
    let mut event = event(1);
    (event.key.source, event.subject) = ("conformance".to_owned(), Some("db-1".to_owned()));
    // The resolution of another team overtook it, and it opens all the same.
    assert_eq!(runs.resolve(&by("blue")).await.unwrap(), []);
    let opened = world.open_in(&runs, &event).await;
    let OpenedRun::New(run, _) = opened else { panic!("{opened:?}") };
    assert_eq!(runs.resolve(&by("blue")).await.unwrap(), []);
    let mut of_own = by("red-2");
    of_own.at = at(6);
    let expected = [run.value.id().clone()];
    assert_eq!(runs.resolve(&of_own).await.unwrap(), expected);
    // What is of no team is shared by all.
    let mut of_none = by("nobody-s");
    of_none.at = at(7);
    assert_eq!(runs.resolve(&of_none).await.unwrap(), expected);
}

async fn stored(world: &World, run: &Run) -> Versioned<Arc<Run>> {
    world.runs.load(run.id()).await.unwrap().unwrap()
}
