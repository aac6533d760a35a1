//! How a run escalates where its workflow says more than a list of steps.
//!
//! In: what happens to a run, second by second. Out: who is texted, and whose acknowledgement counts.
//! Never: repeats what the properties say of every run.

use domain::{
    consent::{Consent, ConsentChange, ConsentEntry},
    directory::Recipient,
    provider::ProviderStatus,
    run::{
        Addressee, Audience,
        RunPhase::{Acknowledged, Active, Cancelled, Completed, Exhausted, Resolved},
    },
    timeline::{Command, TimelineEvent, sentence},
    workflow::{AcknowledgedBy, Step, WorkflowDefinition},
};

use crate::world::{World, addressee, at, audiences, definition, paging, sent, step};

fn all(step: Step) -> Step {
    Step { acknowledged_by: AcknowledgedBy::All, ..step }
}

/// It texts for information and goes on after so many seconds.
fn informing(after_s: u32) -> Step {
    Step { continue_after_s: Some(after_s), ..step(None, None) }
}

/// One person with two more numbers.
fn reachable() -> Vec<Audience> {
    let mut audiences = audiences(&[1, 1]);
    let more = ["+14155550150", "+14155550151"].map(|number| number.parse().unwrap());
    audiences[0].addressees[0].recipient.more_numbers = more.into();
    audiences
}

fn numbers(world: &World) -> Vec<&str> {
    world.run.messages().iter().map(|message| message.recipient().number.as_str()).collect()
}

fn said(world: &World, picks: fn(&TimelineEvent) -> bool) -> Vec<String> {
    world.entries(picks).into_iter().map(|entry| sentence(&entry.what, "Ada")).collect()
}

#[test]
fn a_step_that_waits_for_all_is_acknowledged_by_the_last_of_them() {
    let mut world =
        World::open(definition(vec![all(step(None, Some(300))), step(None, Some(600))]), audiences(&[3, 1]));
    for number in 1..=3 {
        world.answer(number, &sent(number.into())).status(number, number.into(), ProviderStatus::Delivered);
    }
    world.acknowledge_of("Person 0", 1).acknowledge_of("Person 2", 3).is(
        Active,
        0,
        &["delivered", "delivered", "delivered"],
    );
    let partly = said(&world, |what| matches!(what, TimelineEvent::AcknowledgedPartly { .. }));
    assert_eq!(
        partly,
        [
            "acknowledged by Person 0 (reply); still awaited: Person 1, Person 2",
            "acknowledged by Person 2 (reply); still awaited: Person 1"
        ]
    );
    assert_eq!(world.run.still_awaited(&world.workflow), ["Person 1"]);
    world.acknowledge_of("Person 1", 2);
    assert_eq!(world.run.phase(), Acknowledged);
}

#[test]
fn a_step_that_waits_for_all_escalates_at_its_deadline_or_when_one_cannot_be_reached() {
    let open = || {
        let steps = vec![all(step(None, Some(300))), step(None, Some(600))];
        World::open(definition(steps), audiences(&[2, 1]))
    };
    let mut world = open();
    world.answer(1, &sent(1)).answer(2, &sent(2)).acknowledge_of("Person 0", 1);
    world.at(300).look();
    assert_eq!((world.run.step(), world.escalations()), (1, vec!["not acknowledged in time"]));
    // Who was awaited then still completes the step.
    world.acknowledge_of("Person 1", 2);
    assert_eq!(world.run.phase(), Acknowledged);

    let mut world = open();
    world.answer(1, &sent(1)).answer(2, &sent(2)).acknowledge_of("Person 0", 1);
    world.at(10).status(2, 2, ProviderStatus::Undelivered).look();
    assert_eq!(
        (world.run.step(), world.escalations()),
        (1, vec!["not everybody of the step can be reached"])
    );
    // Anybody of the next step will do.
    world.acknowledge_of("Person 30", 3);
    assert_eq!(world.run.phase(), Acknowledged);

    // An operator acknowledges for all.
    let mut world = open();
    world.transition(|run, _, ctx| run.acknowledge("op", "operator", None, ctx));
    assert_eq!(world.run.phase(), Acknowledged);
}

#[test]
fn all_steps_are_gone_through_again_and_the_rounds_are_counted() {
    let mut world = World::open(WorkflowDefinition { repeat: 2, ..paging() }, audiences(&[1, 1]));
    for second in [300, 900, 1_200, 1_800, 2_100] {
        world.take_commands();
        world.at(second).look();
    }
    assert_eq!((world.run.phase(), world.run.step(), world.run.round()), (Active, 1, 2));
    assert_eq!(
        said(&world, |what| matches!(what, TimelineEvent::StepStarted { .. })),
        [
            "step 1 started",
            "step 2 started",
            "step 1 started, round 2",
            "step 2 started, round 2",
            "step 1 started, round 3",
            "step 2 started, round 3"
        ]
    );
    assert_eq!(world.run.messages().len(), 6);
    world.at(2_700).look();
    assert_eq!(world.run.phase(), Exhausted);
}

#[test]
fn a_step_that_only_informs_is_told_and_stops_nothing() {
    let mut world = World::open(definition(vec![informing(60), step(None, Some(600))]), audiences(&[1, 1]));
    world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Delivered).look();
    world.is(Active, 0, &["delivered"]);
    assert_eq!(world.next_due(), Some(at(60)));
    world.at(60).look().is(Active, 1, &["delivered", "queued"]);
    assert_eq!(world.escalations(), ["it only informs"]);
    // An acknowledgement of it counts as any other.
    world.acknowledge_of("Person 0", 1).is(Acknowledged, 1, &["delivered", "cancelled"]);

    // At once, with a text that still waits: it goes out all the same.
    let mut world = World::open(definition(vec![informing(0), step(None, Some(600))]), audiences(&[5, 1]));
    assert_eq!((world.run.step(), world.phases()[0]), (1, "queued"));
    world.at(30).look().take_commands();
    assert_eq!(world.requests.len(), 6);
}

#[test]
fn a_delay_is_cancelled_by_an_acknowledgement_and_cut_short_by_an_operator() {
    let open = || {
        let second = Step { delay_s: Some(120), ..step(None, Some(600)) };
        let mut world = World::open(definition(vec![step(None, Some(300)), second]), audiences(&[1, 1]));
        world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Delivered);
        world.at(300).look().is(Active, 0, &["delivered"]);
        assert_eq!(world.next_due(), Some(at(420)));
        world
    };
    let mut world = open();
    world.at(400).acknowledge_of("Person 0", 1).at(420).look().is(Acknowledged, 0, &["delivered"]);
    let mut world = open();
    world.at(419).look().is(Active, 0, &["delivered"]);
    world.at(420).look().is(Active, 1, &["delivered", "queued"]);
    let mut world = open();
    world.at(310).escalate().is(Active, 1, &["delivered", "queued"]);
    assert_eq!(world.run.clock_from(), at(310));

    // The first step may wait as well: what resolves itself meanwhile texts nobody.
    let first = Step { delay_s: Some(60), ..step(None, Some(300)) };
    let mut world = World::open(definition(vec![first]), audiences(&[1]));
    world.is(Active, 0, &[]);
    assert_eq!(world.next_due(), Some(at(60)));
    world.at(30).resolve();
    world.at(60).look().is(Resolved, 0, &[]);
}

#[test]
fn a_text_that_does_not_arrive_goes_to_the_next_number_before_the_step_is_over() {
    let mut world = World::open(paging(), reachable());
    let codes: Vec<_> =
        world.log.reply_routes.iter().map(|route| (route.number.as_str(), route.code)).collect();
    assert_eq!(codes.len(), 3, "a reply from each of their numbers counts: {codes:?}");
    world.answer(1, &sent(1)).at(7).status(1, 1, ProviderStatus::Failed);
    world.is(Active, 0, &["failed", "queued"]);
    let [.., Command::Dispatch { message, .. }] = &world.commands[..] else { panic!("{:?}", world.commands) };
    assert_eq!(message.number, 2);
    world.take_commands();
    // No receipt within two minutes.
    world.answer(2, &sent(2)).at(126).look().is(Active, 0, &["failed", "submitted"]);
    world.at(127).look().take_commands();
    assert_eq!(numbers(&world), ["+14155550100", "+14155550150", "+14155550151"]);
    let texts: Vec<_> = world.run.messages().iter().map(|message| (message.text(), message.ack())).collect();
    assert!(texts[0].0.is_some() && texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    world.answer(3, &sent(3)).at(140).status(3, 3, ProviderStatus::Undelivered);
    assert_eq!(world.escalations(), [""; 0], "the second may still arrive");
    world.status(2, 2, ProviderStatus::Failed).look();
    assert_eq!((world.run.step(), world.escalations()), (1, vec!["no text of the step can arrive"]));
    let tickets = world.entries(|what| matches!(what, TimelineEvent::TicketWanted { .. }));
    assert_eq!(tickets, Vec::<&domain::timeline::Entry>::new());
}

#[test]
fn consent_is_that_of_each_number_and_an_acknowledgement_that_of_the_person() {
    let steps = vec![all(step(Some(120), Some(300))), step(None, Some(600))];
    let mut people = reachable();
    people[0].addressees.push(addressee(1));
    let mut world = World::open(definition(steps), people);
    let second = world.run.message(1).unwrap().recipient().more_numbers[0].clone();
    let mut consent = Consent::default();
    let change = ConsentChange::OptOut;
    consent.apply(&ConsentEntry::observed(second.clone(), change, at(0), "reply", String::new()));
    world.consent.insert(second.as_str().to_owned(), consent);
    world.answer(1, &sent(1)).answer(2, &sent(2)).at(5).status(1, 1, ProviderStatus::Failed).take_commands();
    assert_eq!(world.phases()[2..], ["suppressed", "queued"], "the one that opted out is passed over");
    world.take_commands().answer(4, &sent(4));
    // Whichever of their texts they answer.
    world.acknowledge_of("Person 0", 4);
    assert_eq!(world.run.still_awaited(&world.workflow), ["Person 1"]);
    assert_eq!(world.run.awaited_beside(1), ["Person 1"]);
    world.acknowledge_of("Person 1", 2);
    assert_eq!(world.run.phase(), Acknowledged);
    assert!(world.run.messages().iter().all(|message| message.recipient().more_numbers.is_empty()));
}

#[test]
fn a_number_that_two_people_share_is_texted_once() {
    let mut people = reachable();
    let shared = people[0].addressees[0].recipient.more_numbers[0].clone();
    let other = Recipient { number: shared, ..addressee(1).recipient };
    people[0].addressees.push(Addressee { recipient: other, ..addressee(1) });
    let mut world = World::open(paging(), people);
    world.answer(1, &sent(1)).answer(2, &sent(2)).at(5).status(1, 1, ProviderStatus::Failed);
    assert_eq!(numbers(&world), ["+14155550100", "+14155550150", "+14155550151"]);
}

#[test]
fn an_acknowledgement_that_expires_pages_again_until_the_run_is_resolved() {
    let definition = WorkflowDefinition {
        ack_expires_s: Some(1_800),
        resolved_by: Some("incident.resolved".into()),
        not_after_s: 7_200,
        ..paging()
    };
    let mut world = World::open(definition, audiences(&[1, 1]));
    world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Delivered);
    world.at(60).acknowledge_of("Person 0", 1).is(Acknowledged, 0, &["delivered"]);
    assert_eq!((world.next_due(), world.run.index().needs_due_row), (Some(at(1_860)), true));
    assert!(world.run.needs_timer(&world.workflow) && world.run.is_unfinished());
    // It is renewed.
    world.at(600).acknowledge_of("Person 0", 1);
    assert_eq!(world.next_due(), Some(at(2_400)));
    world.at(2_399).look().is(Acknowledged, 0, &["delivered"]);
    world.at(2_400).look().is(Active, 0, &["delivered", "queued"]);
    let text = world.message(2).text().unwrap().0.clone();
    assert!(text.starts_with("Still open: db-1 is down. Reply "), "{text}");
    assert_eq!(
        said(&world, |what| matches!(what, TimelineEvent::AcknowledgementExpired { .. })),
        ["not resolved since it was acknowledged: paging again from step 1"]
    );
    // Nobody answers: it escalates, and the second step's acknowledgement is the one that expires next.
    world.at(2_700).look().is(Active, 1, &["delivered", "cancelled", "queued"]);
    world.at(2_710).acknowledge_of("Person 30", 3);
    world.at(4_510).look();
    assert_eq!((world.run.phase(), world.run.step(), world.run.expired_acks()), (Active, 1, 2));
    assert!(world.resolve());
    world.at(7_000).look();
    assert_eq!((world.run.phase(), world.next_due(), world.run.is_unfinished()), (Resolved, None, false));
    // What would page when the event is of no use any more holds for good; an operator may end what would page.
    let mut late = World::open(world.workflow.definition.as_ref().clone(), audiences(&[1, 1]));
    late.answer(1, &sent(1)).status(1, 1, ProviderStatus::Delivered);
    late.at(290).acknowledge_of("Person 0", 1);
    assert!(late.cancel() && late.run.phase() == Cancelled && late.next_due().is_none());
    let mut late = World::open(late.workflow.definition.as_ref().clone(), audiences(&[1, 1]));
    late.answer(1, &sent(1)).status(1, 1, ProviderStatus::Delivered);
    late.at(5_400).acknowledge_of("Person 0", 1);
    assert_eq!((late.run.phase(), late.run.ack_hold()), (Acknowledged, None));
}

#[test]
fn whoever_was_paged_hands_the_run_to_the_next_step_also_after_taking_it() {
    let open = || {
        let mut world = World::open(paging(), audiences(&[1, 1]));
        world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Delivered);
        world.at(10);
        world
    };
    let mut world = open();
    world.hand_over(1, 1);
    assert!(world.next_due().unwrap() <= at(10), "at once");
    world.look().is(Active, 1, &["delivered", "queued"]);
    assert_eq!(world.escalations(), ["handed over by Person 0"]);
    // It is not theirs any more.
    world.hand_over(2, 1).look().is(Active, 1, &["delivered", "queued"]);
    assert_eq!(
        said(&world, |what| matches!(what, TimelineEvent::ReplyUnclear { .. })),
        ["reply from Ada acknowledges nothing: the run has moved on, or is over"]
    );
    // The same text, told twice, is one.
    let before = world.log.timeline.len();
    world.hand_over(2, 1);
    assert_eq!(world.log.timeline.len(), before);

    let mut world = open();
    world.acknowledge_of("Person 0", 1).at(600).hand_over(1, 1).look();
    world.is(Active, 1, &["delivered", "queued"]);
    world.at(610).acknowledge_of("Person 30", 2);
    world.hand_over(3, 2).look().is(Exhausted, 1, &["delivered", "cancelled"]);
    let outcomes: Vec<_> = world.log.outcomes.iter().map(|outcome| outcome.phase).collect();
    assert_eq!(outcomes, [Acknowledged, Acknowledged, Exhausted], "nobody follows: it needs its ticket");
    // What is over is nobody's to hand on.
    world.hand_over(4, 2).escalate().is(Exhausted, 1, &["delivered", "cancelled"]);
    let mut world = open();
    world.resolve();
    world.hand_over(5, 1).escalate().is(Resolved, 0, &["delivered"]);
}

#[test]
fn a_run_that_only_informs_and_then_texts_completes() {
    let mut world = World::open(definition(vec![informing(0), step(None, None)]), audiences(&[1, 1]));
    world.is(Active, 1, &["dispatching", "dispatching"]);
    world.answer(2, &sent(2)).status(2, 2, ProviderStatus::Delivered);
    assert_eq!(world.run.phase(), Completed);
}
