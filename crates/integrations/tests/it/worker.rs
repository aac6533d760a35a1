//! What becomes of effects. In: runs that want a ticket, and destinations that answer or do not. Out: tickets in their
//! runs, dead letters, and nothing lost. Never: sleeps.

use std::{collections::BTreeMap, sync::Arc};

use conformance::{fixture::at, roles::until};
use domain::{
    effect::{Act, Effect, EffectAnswer, OutcomeEvent, OutcomeKind},
    id::RunId,
};
use ports::{
    Clock as _,
    store::{EffectCounts, readable},
};

use crate::harness::{Scripted, World, ticket};

fn failed(is_in_doubt: bool) -> EffectAnswer {
    EffectAnswer::Failed { reason: "answered 500".to_owned(), is_in_doubt }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_comes_back_into_its_run() {
    let world = World::new(&["ops"]);
    let id = world.open(1).await;
    let tracker = Scripted::answering([]);
    let worker = world.start(&[("ops", tracker.clone())].into());
    until("the ticket", async || !world.run(&id).await.tickets().is_empty()).await;
    assert_eq!(world.run(&id).await.tickets(), [ticket("ops", id.as_str())]);
    until("the count", async || world.counts().await.waiting == 0).await;
    let timeline = world.store.timeline(&id).await.unwrap();
    let said = serde_json::to_string(&timeline).unwrap();
    assert!(said.contains("ticket_wanted") && said.contains("ticket_opened"), "{said}");
    let request = tracker.requests.lock().unwrap()[0].clone();
    assert!(!request.may_exist && request.timeline.iter().any(|line| line.contains("ticket wanted")));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_tried_again_and_may_exist() {
    let world = World::new(&["ops"]);
    world.open(1).await;
    let tracker = Scripted::answering([failed(true)]);
    let worker = world.start(&[("ops", tracker.clone())].into());
    until("the first request", async || tracker.asked() >= 1).await;
    world.in_time("the second request", 2, async || tracker.asked() >= 2).await;
    let second = tracker.requests.lock().unwrap()[1].clone();
    assert!(second.may_exist && second.effect.is_in_doubt);
    until("the end", async || world.counts().await.delivered == 1).await;
    worker.stop().await;
}

/// Between the answer and what is stored after it.
#[tokio::test(flavor = "multi_thread")]
async fn an_effect_whose_worker_died_comes_back_and_may_exist() {
    let world = World::new(&["ops"]);
    let id = world.open(1).await;
    let silent = Arc::new(Scripted { hangs: true, ..Scripted::default() });
    let first = world.start(&[("ops", silent.clone())].into());
    until("the first request", async || silent.asked() == 1).await;
    first.kill();
    let tracker = Scripted::answering([]);
    let second = world.start(&[("ops", tracker.clone())].into());
    world.clock.set(at(59));
    assert_eq!(tracker.asked(), 0, "its lease has not ended");
    world.in_time("the request", 61, async || tracker.asked() >= 1).await;
    until("the ticket", async || !world.run(&id).await.tickets().is_empty()).await;
    assert!(tracker.requests.lock().unwrap()[0].may_exist);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_a_dead_letter_and_said_in_the_run() {
    let world = World::new(&["ops"]);
    let id = world.open(1).await;
    let refused = EffectAnswer::Refused { reason: "answered 422".to_owned() };
    let worker = world.start(&[("ops", Scripted::answering([refused]))].into());
    until("the end", async || world.counts().await.dead == 1).await;
    let letters = readable(world.store.dead_letters(&Default::default(), 10).await.unwrap()).0;
    assert_eq!((letters[0].reason.as_str(), letters[0].error.as_str()), ("effect", "ops: answered 422"));
    let said = serde_json::to_string(&world.store.timeline(&id).await.unwrap()).unwrap();
    assert!(said.contains("ticket_failed"), "{said}");
    assert_eq!(world.run(&id).await.tickets(), []);
    worker.stop().await;
}

/// Not before every process can have the new configuration.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_destination_that_was_removed_becomes_a_dead_letter() {
    let world = World::new(&["ops"]);
    let id = world.open(1).await;
    let worker = world.start(&BTreeMap::new());
    world.in_time("the look that finds it", 50, async || world.clock.now() > at(200)).await;
    assert_eq!(world.counts().await.dead, 0, "another process may know it");
    world.in_time("the dead letter", 595, async || world.counts().await.dead == 1).await;
    let letters = readable(world.store.dead_letters(&Default::default(), 10).await.unwrap()).0;
    assert!(letters[0].error.contains("has this name any more: add it again"), "{letters:?}");
    let said = serde_json::to_string(&world.store.timeline(&id).await.unwrap()).unwrap();
    assert!(said.contains("ticket_failed"), "{said}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_hangs_holds_no_other_up() {
    let world = World::new(&["hook", "ops"]);
    for n in 1..=20 {
        world.open(n).await;
    }
    let silent = Arc::new(Scripted { hangs: true, ..Scripted::default() });
    let hook = Scripted::answering([]);
    let worker = world.start(&[("ops", silent.clone()), ("hook", hook.clone())].into());
    until("all that the other one is told", async || hook.asked() == 20).await;
    until("their end", async || world.counts().await.delivered == 20).await;
    assert_eq!(silent.asked(), 2, "as many at once as it may have");
    let expected = EffectCounts { due: 40, delivered: 20, waiting: 20, dead: 0 };
    assert_eq!(world.counts().await, expected);
    worker.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_in_trouble_is_left_alone_for_a_while() {
    let world = World::new(&["hook"]);
    for n in 1..=40 {
        world.open(n).await;
    }
    let hook = Scripted::answering((0..40).map(|_| failed(false)));
    let worker = world.start(&[("hook", hook.clone())].into());
    until("the breaker", async || hook.asked() >= 10).await;
    world.clock.set(at(0));
    let asked = hook.asked();
    assert!(asked < 20, "{asked} of 40 were tried at once");
    assert_eq!(world.counts().await.waiting, 40, "none is lost");
    worker.stop().await;
}

/// Each request more with a wrong secret is one that the other side counts against us.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_does_not_take_its_secret_is_left_alone_at_once() {
    let world = World::new(&["hook"]);
    for n in 1..=40 {
        world.open(n).await;
    }
    let denied = EffectAnswer::Denied { reason: "answered 401".to_owned() };
    let hook = Scripted::answering([denied.clone(), denied]);
    let worker = world.start(&[("hook", hook.clone())].into());
    // The secret is corrected meanwhile.
    world.in_time("the end", 0, async || world.counts().await.delivered == 40).await;
    worker.stop().await;
    let requests = hook.requests.lock().unwrap().clone();
    let at_once = requests.iter().filter(|request| request.at == at(0)).count();
    assert!(at_once <= 2, "{at_once} were tried at once, where two may be");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_to_a_run_is_told_in_its_order_also_when_the_first_is_late() {
    let world = World::new(&[]);
    let runs = [world.open(1).await, world.open(2).await];
    let of = |run: &RunId, second: i64| {
        let event = OutcomeEvent {
            id: format!("{run}-{second}"),
            at: at(second),
            run: Some(run.clone()),
            kind: OutcomeKind::RunEscalated,
            workflow: None,
            source: None,
            event_id: None,
            subject: None,
            phase: None,
            step: None,
            message: None,
            by: None,
            detail: None,
            ticket: None,
            approval: None,
        };
        Effect::new(&event, "ordered", Act::Notify)
    };
    // The first of one run fails twice.
    let told = Scripted::answering([failed(false), failed(false)]);
    for (run, second) in [(&runs[0], -5), (&runs[0], -3), (&runs[1], -4), (&runs[0], -1)] {
        world.store.add_effect(&of(run, second)).await.unwrap();
    }
    let worker = world.start(&[("ordered", told.clone())].into());
    world.in_time("the end", 0, async || world.counts().await.delivered == 4).await;
    worker.stop().await;
    let requests = told.requests.lock().unwrap().clone();
    let order_of = |run: &RunId| {
        let of_run = requests.iter().filter(|request| request.effect.run() == Some(run));
        let mut order: Vec<_> = of_run.map(|request| request.effect.event.at).collect();
        order.dedup();
        order
    };
    assert_eq!(order_of(&runs[0]), [at(-5), at(-3), at(-1)]);
    assert_eq!(order_of(&runs[1]), [at(-4)]);
    assert_eq!(requests.len(), 6, "two of them failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_its_ticket_gets_no_second_one() {
    let world = World::new(&["ops"]);
    let id = world.open(1).await;
    let known = ticket("ops", "#1");
    world.ports.runs.apply(&id, |run, ctx| run.take_ticket(&known, ctx)).await.unwrap();
    let tracker = Scripted::answering([]);
    let worker = world.start(&[("ops", tracker.clone())].into());
    until("the end", async || world.counts().await.delivered == 1).await;
    assert_eq!(tracker.asked(), 0);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_counts_every_request_and_says_where_its_ticket_names_the_run() {
    let world = World::new(&["ops"]);
    let id = world.open(1).await;
    let busy = EffectAnswer::Later { retry_after_ms: None, reason: "answered 429".to_owned() };
    let refused = EffectAnswer::Refused { reason: "answered 422".to_owned() };
    let tracker = Scripted::answering([failed(false), busy, refused]);
    let worker = world.start(&[("ops", tracker.clone())].into());
    world.in_time("the end", 0, async || world.counts().await.dead == 1).await;
    let letters = readable(world.store.dead_letters(&Default::default(), 10).await.unwrap()).0;
    assert_eq!(letters[0].attempts, 3);
    let requests = tracker.requests.lock().unwrap().clone();
    assert_eq!(requests[1].effect.last_failure.as_deref(), Some("answered 500"));
    assert_eq!(requests[2].effect.last_failure.as_deref(), Some("answered 429"));
    let address = format!("https://callout.example/sms/v1/runs/{id}");
    assert_eq!(requests[0].run_url, Some(address));
    worker.stop().await;
}

/// Twenty updates of tickets that are gone: they are tried, all at once, and none keeps the others from it.
#[tokio::test(flavor = "multi_thread")]
async fn tickets_that_are_gone_keep_no_other_from_being_tried() {
    let world = World::new(&["hook"]);
    for n in 1..=20 {
        world.open(n).await;
    }
    let gone = |_| EffectAnswer::Gone { reason: "answered 404".to_owned() };
    let hook = Scripted::answering((0..20).map(gone));
    let worker = world.start(&[("hook", hook.clone())].into());
    until("all of them", async || hook.asked() >= 20).await;
    worker.stop().await;
}
