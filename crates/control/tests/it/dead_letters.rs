//! Dead letters that operators replay or discard.

use conformance::{fixture::at, roles::event};
use control::{Answer, Request, Settled};
use domain::{timeline::DeadLetter, workflow::Lane};
use ports::{Queue, store::DeadLetterFilter};

use crate::harness::World;

async fn settle(world: &World, request: Request) -> Settled {
    let answer = world.operate(request).await.unwrap();
    let Answer::Settled { settled } = answer else { panic!("{answer:?}") };
    settled
}

async fn letters(world: &World) -> Vec<DeadLetter> {
    let request = Request::ListDeadLetters { filter: DeadLetterFilter::default(), max: 10 };
    let answer = world.operate(request).await.unwrap();
    let Answer::DeadLetters { letters } = answer else { panic!("{answer:?}") };
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
    assert_eq!(settle(&world, replay(&letter.id)).await, Settled::Replayed);
    assert_eq!(settle(&world, replay(&letter.id)).await, Settled::Gone);
    assert_eq!(letters(&world).await, []);
    let (run, _) = world.changes(Request::ShowRun { id }).await;
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
    let settled = settle(&world, replay(&letter.id)).await;
    assert_eq!(settled, Settled::Stale { reason: "the run is cancelled".to_owned() });
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
    assert!(matches!(settle(&world, replay("unknown")).await, Settled::Stale { .. }));
    assert_eq!(settle(&world, replay("known")).await, Settled::Replayed);
    assert_eq!(world.bus.depth(Queue::Events(Lane::Standard)).await.unwrap(), 1);
    assert_eq!(letters(&world).await.iter().map(|letter| letter.id.clone()).collect::<Vec<_>>(), ["unknown"]);
}

#[tokio::test]
async fn a_discarded_letter_is_gone_and_nothing_is_published() {
    let world = World::new();
    world.store.add_dead_letter(&conformance::fixture::letter("discarded", 1, 0)).await.unwrap();
    let discard = || Request::Discard { id: "discarded-1".to_owned() };
    assert_eq!(settle(&world, discard()).await, Settled::Discarded);
    assert_eq!(settle(&world, discard()).await, Settled::Gone);
    assert_eq!(settle(&world, replay("discarded-1")).await, Settled::Gone);
    assert_eq!(world.bus.depth(Queue::Events(Lane::Standard)).await.unwrap(), 0);
}
