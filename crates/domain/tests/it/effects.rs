//! What is told outside of what happens to a run. In: transitions. Out: proof of which effects they make.
//!
//! Never: stores one.

use domain::{
    content::LinkPolicy,
    effect::{Act, Effect, EffectAnswer, EffectNext, OutcomeKind, Ticket},
    outbound::{Destinations, Subscription, dead_letter, of_dead_letter},
    provider::{FailureClass, ProviderStatus},
    run::RunPhase,
    timeline::{Failure, TimelineEvent},
    workflow::OnDoubt,
};

use serde_json::json;

use crate::world::{World, at, audiences, definition, event, not_sent, paging, sent, step, unclear};

fn tracker() -> Subscription {
    Subscription { name: "ops".into(), opens_tickets: true, ..Subscription::default() }
}

fn hook() -> Subscription {
    Subscription { name: "hook".into(), events: OutcomeKind::ALL.into(), ..Subscription::default() }
}

/// A run whose steps are used up, with all that is told of it to the tracker and the hook.
fn exhausted(destinations: Vec<Subscription>) -> World {
    let mut definition = definition(vec![step(None, Some(60))]);
    definition.exhausted_ticket = Some("ops".into());
    let mut world = World::open(definition, audiences(&[1]));
    world.destinations = Some(Destinations(destinations));
    world.dispatch(1, 0);
    world.answer(1, &sent(1)).at(61).look();
    world.is(RunPhase::Exhausted, 0, &["submitted"]);
    world
}

fn told(world: &World) -> Vec<&str> {
    world.log.outbound.iter().map(|effect| effect.event.kind.as_str()).collect()
}

#[test]
fn an_exhausted_run_opens_a_ticket_and_tells_of_it() {
    let world = exhausted(vec![tracker(), hook()]);
    assert_eq!(told(&world), ["run.escalated", "run.exhausted", "ticket.wanted"]);
    let [.., ticket] = &world.log.outbound[..] else { panic!("an effect") };
    assert_eq!((ticket.act, ticket.destination.as_str()), (Act::OpenTicket, "ops"));
    assert!(ticket.id.starts_with(world.run.id().as_str()), "{}", ticket.id);
}

#[test]
fn a_run_has_one_ticket_at_a_destination_whatever_asks_for_it() {
    let mut both = definition(vec![step(None, Some(60))]);
    both.exhausted_ticket = Some("ops".into());
    both.steps[0].ticket = Some("ops".into());
    let mut world = World::open(both, audiences(&[1]));
    world.destinations = Some(Destinations(vec![tracker()]));
    world.dispatch(1, 0);
    world.answer(1, &sent(1)).at(61).look();
    let first = exhausted(vec![tracker()]);
    assert_eq!(world.log.outbound.len(), 1, "the step's was asked for before the destinations were known");
    assert_eq!(world.log.outbound[0].id, first.log.outbound[0].id);
}

#[test]
fn a_queue_without_a_destination_and_a_workflow_that_is_not_wanted_make_no_effects() {
    let elsewhere = Subscription { workflows: ["other".to_owned()].into(), ..hook() };
    assert_eq!(told(&exhausted(vec![elsewhere])), [""; 0]);
    let no_tracker = Subscription { name: "ops".into(), ..Subscription::default() };
    assert_eq!(told(&exhausted(vec![no_tracker])), [""; 0], "it is not told, and opens nothing");
}

#[test]
fn a_ticket_whose_queue_has_no_destination_is_a_dead_letter_and_told() {
    for destinations in [vec![hook()], Vec::new()] {
        let is_told = !destinations.is_empty();
        let world = exhausted(destinations);
        let [letter] = &world.log.dead_letters[..] else { panic!("{:?}", world.log.dead_letters) };
        assert_eq!(letter.reason, "effect");
        assert!(letter.error.starts_with("ops: no destination of integrations.toml"), "{}", letter.error);
        let failed = |what: &TimelineEvent| matches!(what, TimelineEvent::TicketFailed { .. });
        assert_eq!(world.entries(failed).len(), 1);
        let kinds = if is_told { vec!["run.escalated", "run.exhausted", "ticket.failed"] } else { vec![] };
        assert_eq!(told(&world), kinds);
        let replayed = of_dead_letter(letter, at(9_000)).unwrap();
        let opened = exhausted(vec![tracker()]).log.outbound[0].clone();
        assert_eq!((replayed.act, replayed.id), (Act::OpenTicket, opened.id), "as if there had been one");
    }
}

#[test]
fn a_ticket_says_which_step_began_and_not_that_nobody_took_the_run_on() {
    let mut both = definition(vec![step(None, Some(60)), step(None, Some(60))]);
    both.steps[1].ticket = Some("ops".into());
    both.exhausted_ticket = Some("desk".into());
    let mut world = World::open(both, audiences(&[1, 1]));
    let desk = Subscription { name: "desk".into(), opens_tickets: true, ..Subscription::default() };
    world.destinations = Some(Destinations(vec![tracker(), desk]));
    world.answer(1, &sent(1)).at(61).look();
    world.at(200).look();
    let details: Vec<_> = world.log.outbound.iter().map(|effect| effect.event.detail.as_deref()).collect();
    assert_eq!(details, [Some("step 2 began"), None]);
}

#[test]
fn a_tracker_that_is_told_of_events_too_hears_of_each_once() {
    let both = Subscription { events: OutcomeKind::ALL.into(), ..tracker() };
    let mut world = exhausted(vec![both]);
    let ticket = Ticket { destination: "ops".into(), key: "#7".into(), url: None };
    world.transition(|run, _, ctx| run.take_ticket(&ticket, ctx));
    world.log.outbound.clear();
    world.acknowledge("Ada");
    let acts: Vec<_> = world.log.outbound.iter().map(|effect| effect.act).collect();
    assert_eq!(acts, [Act::UpdateTicket]);
}

#[test]
fn a_late_acknowledgement_is_told_to_the_ticket_that_was_opened() {
    let mut world = exhausted(vec![tracker()]);
    world.log.outbound.clear();
    let ticket = Ticket { destination: "ops".into(), key: "#7".into(), url: None };
    for _ in 0..2 {
        world.transition(|run, _, ctx| run.take_ticket(&ticket, ctx));
    }
    assert_eq!(world.run.tickets(), std::slice::from_ref(&ticket), "it is taken once");
    world.acknowledge("Ada");
    let [effect] = &world.log.outbound[..] else { panic!("{:?}", told(&world)) };
    assert_eq!((effect.act, effect.event.kind), (Act::UpdateTicket, OutcomeKind::RunAcknowledged));
    assert_eq!(effect.event.by.as_deref(), Some("Ada"));
}

#[test]
fn a_resolution_after_the_end_is_told_once_and_leaves_the_phase() {
    let mut world = exhausted(vec![tracker(), hook()]);
    world.log.outbound.clear();
    let ticket = Ticket { destination: "ops".into(), key: "#7".into(), url: None };
    world.transition(|run, _, ctx| run.take_ticket(&ticket, ctx));
    world.log.outbound.clear();
    assert!(world.at(100).resolve());
    assert!(!world.at(101).resolve(), "it is noted once");
    world.is(RunPhase::Exhausted, 0, &["submitted"]);
    let acts: Vec<_> = world.log.outbound.iter().map(|effect| (effect.act, effect.event.kind)).collect();
    let kind = OutcomeKind::RunResolved;
    assert_eq!(acts, [(Act::Notify, kind), (Act::UpdateTicket, kind)]);
    assert_eq!(world.log.outbound[1].event.phase, Some(RunPhase::Exhausted));
    assert_eq!(world.log.outcomes.len(), 1, "it ended once");
}

#[test]
fn a_ticket_that_is_opened_after_the_resolution_hears_of_it() {
    let mut world = exhausted(vec![tracker()]);
    assert!(world.at(100).resolve(), "the ticket is wanted");
    world.log.outbound.clear();
    let ticket = Ticket { destination: "ops".into(), key: "#7".into(), url: None };
    world.at(101).transition(|run, _, ctx| run.take_ticket(&ticket, ctx));
    let [effect] = &world.log.outbound[..] else { panic!("{:?}", told(&world)) };
    assert_eq!((effect.act, effect.event.kind), (Act::UpdateTicket, OutcomeKind::RunResolved));
}

#[test]
fn a_run_that_expired_with_a_ticket_of_a_step_hears_of_a_resolution_and_one_without_does_not() {
    for queue in [Some("ops".to_owned()), None] {
        let mut step = step(None, Some(90_000));
        step.ticket.clone_from(&queue);
        let mut definition = definition(vec![step]);
        definition.exhausted_ticket = None;
        let mut world = World::open(definition, audiences(&[1]));
        world.answer(1, &not_sent(FailureClass::RetrySoon, 20_429)).at(86_400).look();
        world.is(RunPhase::Expired, 0, &["expired"]);
        assert_eq!(world.resolve(), queue.is_some(), "{queue:?}");
    }
}

#[test]
fn a_failed_text_is_told_when_it_is_not_tried_again() {
    let mut world = World::open(paging(), audiences(&[1, 1]));
    world.destinations = Some(Destinations(vec![hook()]));
    world.dispatch(1, 0);
    world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Undelivered);
    assert!(told(&world).contains(&"message.undeliverable"), "{:?}", told(&world));
    let about = world.log.outbound.iter().find(|effect| effect.event.message.is_some()).unwrap();
    assert_eq!(
        (about.event.message, about.event.detail.as_deref()),
        (Some(1), Some("undelivered, code 30003"))
    );
}

#[test]
fn what_is_told_shows_no_number() {
    let mut world = exhausted(vec![hook()]);
    world.acknowledge("+14155550123");
    for effect in &world.log.outbound {
        let json = serde_json::to_string(effect).unwrap();
        assert!(!json.contains("5550123"), "{json}");
    }
}

#[test]
fn an_effect_is_tried_until_its_time_is_up_and_busy_counts_as_no_attempt() {
    let world = exhausted(vec![tracker()]);
    let effect = &world.log.outbound[0];
    let failed = || EffectAnswer::Failed { reason: "answered 500".into(), is_in_doubt: true };
    let again = |effect: &Effect, answer, second| match effect.follow(answer, 3_600, at(second)) {
        EffectNext::Again(effect, due) => (*effect, due),
        other => panic!("{other:?}"),
    };
    let (tried, due) = again(effect, failed(), 62);
    assert!(due >= at(62) && due <= at(63), "{due}");
    assert_eq!((tried.attempts, tried.is_in_doubt), (1, true));
    let busy = EffectAnswer::Later { retry_after_ms: Some(30_000), reason: "answered 429".into() };
    let (waits, due) = again(&tried, busy, 70);
    assert!(due >= at(100), "what it asked for is waited for: {due}");
    assert_eq!((waits.attempts, waits.is_in_doubt), (1, true));
    assert_eq!(waits.last_failure.as_deref(), Some("answered 429"));
    assert!(matches!(waits.follow(failed(), 3_600, at(61 + 3_601)), EffectNext::Dead(_)));
    let refused = EffectAnswer::Refused { reason: "answered 422".into() };
    let gone = EffectAnswer::Gone { reason: "answered 404".into() };
    assert_eq!(again(effect, gone, 62).0.attempts, 1, "it may come back");
    assert_eq!(effect.follow(EffectAnswer::Needless, 3_600, at(62)), EffectNext::Delivered(None));
    let EffectNext::Dead(reason) = effect.follow(refused, 3_600, at(62)) else { panic!("it is given up") };
    let letter = dead_letter(&effect.clone().requested().requested(), &reason, at(62));
    assert_eq!((letter.reason.as_str(), letter.error.as_str()), ("effect", "ops: answered 422"));
    assert_eq!(letter.attempts, 2, "every request counts");
    let replayed = of_dead_letter(&letter, at(9_000)).unwrap();
    assert_eq!((replayed.attempts, replayed.is_in_doubt, replayed.since), (0, true, at(9_000)));
}

#[test]
fn texts_that_fail_open_one_ticket_where_the_workflow_wants_one() {
    let mut wanted = definition(vec![step(None, None)]);
    wanted.undeliverable_ticket = Some("ops".into());
    let mut world = World::open(wanted, audiences(&[2]));
    world.destinations = Some(Destinations(vec![tracker()]));
    world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Undelivered);
    let [effect] = &world.log.outbound[..] else { panic!("{:?}", told(&world)) };
    assert_eq!((effect.act, effect.event.message), (Act::OpenTicket, Some(1)));
    assert_eq!(effect.event.detail.as_deref(), Some("a text did not arrive"));
    assert_eq!(world.run.phase(), RunPhase::Active, "the other text may still arrive");
    world.answer(2, &not_sent(FailureClass::Recipient, 21_211));
    assert_eq!(world.log.outbound.len(), 1, "the run has asked for its ticket");
    assert_eq!(world.run.ticket(), Some("ops"));
}

#[test]
fn a_text_that_cannot_be_composed_opens_a_ticket_as_well() {
    let mut wanted = definition(vec![step(None, None)]);
    wanted.undeliverable_ticket = Some("ops".into());
    wanted.links = LinkPolicy::Refuse;
    let mut bad = event();
    bad.data = json!({"title": "look at https://example.com/x"}).as_object().unwrap().clone();
    let world = World::open_at(wanted, audiences(&[1]), &bad, at(0));
    let because = world.log.timeline.iter().find_map(|entry| match &entry.what {
        TimelineEvent::TicketWanted { because, .. } => Some(*because),
        _ => None,
    });
    assert_eq!(because, Some(Some(Failure::Undeliverable)), "{:?}", world.phases());
}

#[test]
fn a_text_that_needs_a_review_opens_a_ticket_where_the_workflow_wants_one() {
    let mut wanted = definition(vec![step(Some(3_600), None)]);
    wanted.needs_review_ticket = Some("ops".into());
    wanted.on_doubt = OnDoubt::Review;
    let mut world = World::open(wanted, audiences(&[1]));
    world.destinations = Some(Destinations(vec![tracker()]));
    world.answer(1, &unclear());
    for second in [40, 60, 180, 600] {
        world.at(second).look().no_answer(1);
    }
    let opened: Vec<_> = world.log.outbound.iter().filter(|effect| effect.act == Act::OpenTicket).collect();
    let [ticket] = &opened[..] else { panic!("{:?}", told(&world)) };
    assert_eq!(ticket.event.detail.as_deref(), Some("a text needs a review"));
}
