//! Dead letters that operators replay or discard.

use conformance::{fixture::at, roles::event};
use control::{Answer, DeadLetterChange, Request, RunQuery};
use domain::{
    effect::{Act, Effect},
    outbound::dead_letter,
    timeline::DeadLetter,
    workflow::Lane,
};
use ports::{
    Queue,
    store::{AuditCounts, DeadLetterFilter},
};

use serde_json::json;

use crate::harness::World;

async fn execute(world: &World, request: Request) -> DeadLetterChange {
    let answer = world.operate(request).await.unwrap();
    let Answer::DeadLetterChanged { change } = answer else { panic!("{answer:?}") };
    change
}

async fn letters(world: &World) -> Vec<DeadLetter> {
    let request = Request::ListDeadLetters { filter: DeadLetterFilter::default(), after: None, max: 10 };
    let answer = world.operate(request).await.unwrap();
    let Answer::DeadLetters { letters, .. } = answer else { panic!("{answer:?}") };
    letters
}

fn replay(id: &str) -> Request {
    Request::Replay { id: id.to_owned() }
}

#[tokio::test]
async fn a_dead_text_is_replayed_once() {
    let world = World::new();
    let id = world.open(1).await;
    world.kill(&id, 1).await;
    let [letter] = letters(&world).await.try_into().unwrap();
    assert_eq!(execute(&world, replay(&letter.id)).await, DeadLetterChange::Replayed);
    assert_eq!(execute(&world, replay(&letter.id)).await, DeadLetterChange::Gone);
    assert_eq!(letters(&world).await, []);
    let (run, _) = world.changes(Request::ShowRun { id, reveal: false }).await;
    assert_eq!(run.messages[0].status, "queued");
    assert_eq!(run.timeline.iter().filter(|line| line.text == "text to Ada replayed by ada").count(), 1);
}

#[tokio::test]
async fn a_dead_text_of_an_ended_run_is_stale_and_stays_a_letter() {
    let world = World::new();
    let id = world.open(1).await;
    world.kill(&id, 1).await;
    world.changes(Request::Cancel { id }).await;
    let [letter] = letters(&world).await.try_into().unwrap();
    let change = execute(&world, replay(&letter.id)).await;
    assert_eq!(change, DeadLetterChange::Stale { reason: "the run is cancelled".to_owned() });
    assert_eq!(letters(&world).await, [letter]);
}

#[tokio::test]
async fn a_dead_event_is_published_again_only_where_a_workflow_takes_it() {
    let world = World::new();
    let mut unknown = event(2);
    unknown.kind = "incident.unknown".to_owned();
    for (id, event) in [("known", event(1)), ("unknown", unknown)] {
        let text = String::from_utf8(event.to_json()).unwrap();
        let letter =
            DeadLetter { id: id.to_owned(), event: Some(text), ..conformance::fixture::letter(id, 1, 0) };
        world.store.add_dead_letter(&letter).await.unwrap();
    }
    world.clock.set(at(60));
    assert!(matches!(execute(&world, replay("unknown")).await, DeadLetterChange::Stale { .. }));
    assert_eq!(execute(&world, replay("known")).await, DeadLetterChange::Replayed);
    assert_eq!(world.bus.depth(Queue::Events(Lane::Standard)).await.unwrap(), 1);
    assert_eq!(letters(&world).await.iter().map(|letter| letter.id.clone()).collect::<Vec<_>>(), ["unknown"]);
}

/// A letter as earlier versions stored it.
#[tokio::test]
async fn f1_a_refused_event_whose_publisher_was_not_kept_is_not_published_again() {
    let world = World::new();
    let text = String::from_utf8(event(1).to_json()).unwrap();
    let letter = DeadLetter {
        reason: "unreadable".to_owned(),
        event: Some(text),
        ..conformance::fixture::letter("forged", 1, 0)
    };
    world.store.add_dead_letter(&letter).await.unwrap();
    let change = execute(&world, replay(&letter.id)).await;
    assert!(
        matches!(&change, DeadLetterChange::Stale { reason } if reason.contains("who published it")),
        "{change:?}"
    );
    assert_eq!(world.bus.depth(Queue::Events(Lane::Standard)).await.unwrap(), 0);
    assert_eq!(letters(&world).await, [letter]);
}

#[tokio::test]
async fn a_discarded_letter_is_gone_and_nothing_is_published() {
    let world = World::new();
    world.store.add_dead_letter(&conformance::fixture::letter("discarded", 1, 0)).await.unwrap();
    let discard = || Request::Discard { id: "discarded-1".to_owned() };
    assert_eq!(execute(&world, discard()).await, DeadLetterChange::Discarded);
    assert_eq!(execute(&world, discard()).await, DeadLetterChange::Gone);
    assert_eq!(execute(&world, replay("discarded-1")).await, DeadLetterChange::Gone);
    assert_eq!(world.bus.depth(Queue::Events(Lane::Standard)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_discarded_letter_of_a_run_leaves_a_line_there_once() {
    let world = World::new();
    let id = world.open(1).await;
    world.kill(&id, 1).await;
    let [letter] = letters(&world).await.try_into().unwrap();
    let discard = || Request::Discard { id: letter.id.clone() };
    let (one, other) = tokio::join!(execute(&world, discard()), execute(&world, discard()));
    let changes = [&one, &other];
    assert!(
        changes.contains(&&DeadLetterChange::Discarded) && changes.contains(&&DeadLetterChange::Gone),
        "{changes:?}"
    );
    assert_eq!(execute(&world, discard()).await, DeadLetterChange::Gone);
    assert_eq!(letters(&world).await, []);
    let (run, _) = world.changes(Request::ShowRun { id, reveal: false }).await;
    assert_eq!(run.messages[0].status, "dead");
    let lines =
        run.timeline.iter().filter(|line| line.text == "dead letter of the text to Ada discarded by ada");
    assert_eq!(lines.count(), 1, "{:?}", run.timeline);
}

#[tokio::test]
async fn a_discarded_letter_of_an_effect_leaves_a_line_in_the_run_that_it_was_about() {
    let world = World::new();
    let id = world.open(1).await;
    let event = json!({"id": "e", "kind": "ticket.wanted", "at": at(0), "run": id});
    let effect = Effect::new(&serde_json::from_value(event).unwrap(), "ops", Act::OpenTicket);
    let letter = dead_letter(&effect, "answered 422", at(1));
    world.store.add_dead_letter(&letter).await.unwrap();
    assert_eq!(execute(&world, Request::Discard { id: letter.id }).await, DeadLetterChange::Discarded);
    let (run, _) = world.changes(Request::ShowRun { id, reveal: false }).await;
    let line = run.timeline.last().unwrap();
    assert_eq!((line.text.as_str(), line.message), ("dead letter for ops discarded by ada", None));
}

#[test]
fn what_goes_over_the_control_socket_keeps_its_spelling() {
    let request = Request::ListRuns(RunQuery { needs_review: true, max: 1, ..RunQuery::default() });
    assert_eq!(serde_json::to_value(&request).unwrap()["held"], true);
    let change = Answer::DeadLetterChanged { change: DeadLetterChange::Replayed };
    let expected = serde_json::json!({"answer": "settled", "settled": {"result": "replayed"}});
    assert_eq!(serde_json::to_value(&change).unwrap(), expected);
    let counts = serde_json::to_value(Answer::AuditCounts { counts: AuditCounts::default() }).unwrap();
    assert!(counts["sums"]["forgotten"].is_u64(), "{counts}");
}

#[tokio::test]
async fn a_ticket_without_a_destination_is_stale_until_there_is_one() {
    let world = World::new();
    let id = world.open(1).await;
    let event = json!({"id": "e", "kind": "ticket.wanted", "at": at(0), "run": id});
    let effect = Effect::new(&serde_json::from_value(event).unwrap(), "ops", Act::OpenTicket);
    let letter = dead_letter(&effect, "no destination", at(1));
    world.store.add_dead_letter(&letter).await.unwrap();
    world.tell(&[]).await;
    let refused = execute(&world, replay(&letter.id)).await;
    let DeadLetterChange::Stale { reason } = refused else { panic!("{refused:?}") };
    assert!(reason.contains("named ops"), "{reason}");
    world.tell(&["ops"]).await;
    assert_eq!(execute(&world, replay(&letter.id)).await, DeadLetterChange::Replayed);
    let taken = world.store.take_effects("ops", at(10_000), at(10_060), 10).await.unwrap();
    assert_eq!((taken.len(), taken[0].act), (1, Act::OpenTicket));
    let (run, _) = world.changes(Request::ShowRun { id, reveal: false }).await;
    assert_eq!(run.timeline.last().unwrap().text, "dead letter for ops replayed by ada");
}

#[tokio::test]
async fn a_dead_effect_is_tried_anew_and_what_it_asked_for_may_exist() {
    let world = World::new();
    let effect: Effect = serde_json::from_value(json!({
        "id": "r0a0123456789abcdef-k2v9x0a7dq0v", "destination": "ops", "act": "open_ticket",
        "event": {"id": "e", "kind": "ticket.wanted", "at": at(0), "run": "r0a0123456789abcdef"},
        "since": at(0), "attempts": 7, "epoch": 9,
    }))
    .unwrap();
    let letter = dead_letter(&effect, "answered 422", at(1));
    world.store.add_dead_letter(&letter).await.unwrap();
    assert_eq!(execute(&world, replay(&letter.id)).await, DeadLetterChange::Replayed);
    assert_eq!(execute(&world, replay(&letter.id)).await, DeadLetterChange::Gone);
    assert_eq!(letters(&world).await, []);
    let taken = world.store.take_effects("ops", at(10_000), at(10_060), 10).await.unwrap();
    let [anew] = &taken[..] else { panic!("{taken:?}") };
    assert_eq!((anew.attempts, anew.is_in_doubt, anew.event.run.clone()), (0, true, effect.event.run));
}
