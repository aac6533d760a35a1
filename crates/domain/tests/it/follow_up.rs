//! What follows once the provider took a text, or could not say whether it did: missing statuses, failed deliveries,
//! stopped accounts, and what operators settle.
//!
//! In: what the provider and operators say. Out: where the texts stand.
//! Never: repeats what the tables say about single transitions.

use domain::{
    consent::ConsentChange,
    doubt::DoubtAnswer,
    message::{MessageEvent, ReviewVerdict},
    policy::{Deferral, Rule},
    provider::{FailureClass, ProviderStatus},
    run::RunPhase::{Active, Completed, Exhausted, Expired},
    timeline::{Command, TimelineEvent},
    workflow::{Lane, OnDoubt, WorkflowDefinition},
};

use crate::world::{World, at, audiences, definition, not_sent, paging, reminder, sent, sid, step, unclear};

#[test]
fn a_status_whose_callback_was_lost_is_asked_for() {
    let mut world = World::open(reminder(), audiences(&[1]));
    world.answer(1, &sent(1)).at(60).look();
    assert!(matches!(world.commands[..], [Command::PollStatus { .. }]));
    world.polled(1, ProviderStatus::Delivered).is(Completed, 0, &["delivered"]);
    assert_eq!(world.next_due(), None);
    let asked = world.entries(|what| matches!(what, TimelineEvent::StatusAsked { .. }));
    assert_eq!(asked.len(), 1);
}

#[test]
fn a_failed_delivery_is_tried_again_where_nobody_else_is_told() {
    let definition = WorkflowDefinition { exhausted_ticket: None, ..reminder() };
    let mut world = World::open(definition, audiences(&[1]));
    world.answer(1, &sent(1)).status_of(1, 1, ProviderStatus::Undelivered, FailureClass::RetryLater);
    world.is(Active, 0, &["retry_wait"]);
    world.now = world.next_due().unwrap();
    world.look().take_commands().answer(1, &sent(2));
    // What comes late of the first attempt changes nothing.
    world.status_of(1, 1, ProviderStatus::Undelivered, FailureClass::RetryLater);
    world.status(1, 1, ProviderStatus::Delivered).is(Active, 0, &["submitted"]);
    world.status(1, 2, ProviderStatus::Delivered).is(Completed, 0, &["delivered"]);
    let contradictions = world.entries(|what| matches!(what, TimelineEvent::ContradictoryStatus { .. }));
    assert_eq!(contradictions.len(), 1);
}

#[test]
fn a_failed_delivery_that_leads_to_somebody_else_is_not_tried_again() {
    let (one, two) = (vec![step(None, None)], vec![step(None, None), step(None, None)]);
    let ticket = Some("ops".to_owned());
    for (steps, ticket, phases) in [
        (one, ticket.clone(), &["undelivered"][..]),
        (two.clone(), None, &["undelivered", "queued"]),
        (two, ticket, &["undelivered", "queued"]),
    ] {
        let definition = WorkflowDefinition { exhausted_ticket: ticket, ..definition(steps) };
        let mut world = World::open(definition, audiences(&[1, 1]));
        world.answer(1, &sent(1)).status_of(1, 1, ProviderStatus::Undelivered, FailureClass::RetryLater);
        assert_eq!(world.look().phases(), phases);
    }
}

#[test]
fn a_failed_delivery_that_no_attempt_can_help_ends_the_step_at_once() {
    let definition = WorkflowDefinition { exhausted_ticket: None, ..reminder() };
    let mut world = World::open(definition, audiences(&[1]));
    world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Undelivered).look();
    world.is(Exhausted, 0, &["undelivered"]);
}

#[test]
fn a_step_does_not_wait_for_a_recipient_who_opted_out() {
    let delivered = |recipients: u16| {
        let mut world = World::open(paging(), audiences(&[recipients, 1]));
        for number in 1..=recipients {
            world.answer(number, &sent(number.into()));
            world.status(number, number.into(), ProviderStatus::Delivered);
        }
        world
    };
    let change = |world: &mut World, name, number, change| {
        let phone = world.message(number).recipient().number.clone();
        world.transition(|run, _, ctx| run.take_consent_change(&sid(name), &phone, number, change, ctx));
    };
    let mut world = delivered(1);
    change(&mut world, 8, 1, ConsentChange::OptOut);
    assert!(world.next_due().is_some_and(|due| due <= world.now), "at once");
    world.look().is(Active, 1, &["delivered", "queued"]);
    assert_eq!(world.escalations(), ["every recipient of the step opted out"]);

    let mut world = delivered(2);
    change(&mut world, 8, 1, ConsentChange::OptOut);
    world.look().is(Active, 0, &["delivered", "delivered"]);
    change(&mut world, 9, 1, ConsentChange::OptIn);
    change(&mut world, 10, 2, ConsentChange::OptOut);
    world.look().is(Active, 0, &["delivered", "delivered"]);

    // Where no acknowledgement is asked for, a text under way may still arrive.
    let mut world = World::open(reminder(), audiences(&[1]));
    world.answer(1, &sent(1));
    change(&mut world, 8, 1, ConsentChange::OptOut);
    world.look().is(Active, 0, &["submitted"]);
}

#[test]
fn a_stopped_account_costs_no_attempt_and_loses_no_text() {
    let mut world = World::open(reminder(), audiences(&[1]));
    for _ in 0..8 {
        world.answer(1, &not_sent(FailureClass::Account, 20_003)).is(Active, 0, &["retry_wait"]);
        world.now = world.next_due().unwrap();
        world.look().take_commands();
    }
    assert_eq!((world.message(1).attempt(), world.message(1).counted_attempts()), (9, 1));
    world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Delivered).is(Completed, 0, &["delivered"]);
}

#[test]
fn an_operator_settles_what_is_held() {
    let held = || {
        let mut world = World::open(
            WorkflowDefinition { on_doubt: OnDoubt::Review, ..definition(vec![step(Some(3_600), None)]) },
            audiences(&[1]),
        );
        world.answer(1, &unclear());
        for _ in 0..4 {
            world.now = world.next_due().unwrap();
            world.look().no_answer(1);
        }
        world.is(Active, 0, &["held"]);
        world
    };
    let mut world = held();
    world.settle(1, &ReviewVerdict::NotSent).is(Active, 0, &["queued"]);
    assert!(matches!(world.commands.last(), Some(Command::Dispatch { .. })));
    let mut world = held();
    world.settle(1, &ReviewVerdict::Sent { sid: Some(sid(7)) }).is(Active, 0, &["submitted"]);
    world.status(1, 7, ProviderStatus::Delivered).is(Completed, 0, &["delivered"]);
    let mut world = held();
    world.settle(1, &ReviewVerdict::Sent { sid: None }).is(Active, 0, &["sent"]);
    assert!(!world.message(1).needs_review());
    let before = world.run.clone();
    world.settle(1, &ReviewVerdict::NotSent);
    assert_eq!(world.run, before, "it is settled once");
}

#[test]
fn a_timer_fires_for_deadlines_and_not_for_what_is_due_in_vain() {
    let claimed =
        |ack_within_s| World::open(definition(vec![step(None, Some(ack_within_s))]), audiences(&[1]));
    let due = claimed(600).next_due().unwrap();
    let until_due = u32::try_from(due.as_second() - at(0).as_second()).unwrap();
    let needs_timer = |world: &World| world.run.needs_timer(&world.workflow);
    assert!(!needs_timer(&claimed(600)), "the answer comes long before the claim lapses");
    for (later, is_rung) in [(5, true), (6, false)] {
        let world = claimed(until_due + later);
        assert_eq!(
            (world.next_due(), needs_timer(&world)),
            (Some(due), is_rung),
            "a deadline {later} s later"
        );
    }
    let mut world = claimed(600);
    world.answer(1, &sent(1));
    assert!(!needs_timer(&world), "its status comes before it is asked for");
    world.status(1, 1, ProviderStatus::Delivered);
    assert_eq!(world.next_due(), Some(at(600)));
    assert!(needs_timer(&world), "the deadline is next");
    world.acknowledge("Ada");
    assert!(!needs_timer(&world), "nothing is due");
}

#[test]
fn a6_a_refusal_that_says_later_does_not_count_as_an_attempt() {
    let refused = |in_outage| {
        let mut world = World::open(reminder(), audiences(&[1]));
        let outcome = not_sent(FailureClass::RetrySoon, 20_500);
        world.apply(1, &MessageEvent::Answered { attempt: 1, outcome: &outcome, in_outage });
        (world.phases(), world.message(1).counted_attempts())
    };
    assert_eq!(refused(false), (vec!["retry_wait"], 0));
    assert_eq!(refused(true), (vec!["retry_wait"], 0));
}

#[test]
fn a6_a_page_asks_again_within_ten_seconds_however_long_it_is_told_later() {
    let longest_wait = |lane| {
        let mut world = World::open(WorkflowDefinition { lane, ..reminder() }, audiences(&[1]));
        let mut longest = 0;
        while world.run.phase() == Active {
            world.answer(1, &not_sent(FailureClass::RetrySoon, 20_429));
            let due = world.next_due().unwrap();
            longest = longest.max(due.duration_since(world.now).as_secs());
            world.now = due;
            world.look().take_commands();
        }
        longest
    };
    assert!((8..=10).contains(&longest_wait(Lane::Critical)));
    assert!(longest_wait(Lane::Standard) > 30);
}

#[test]
fn a_text_waits_for_the_slot_of_its_sender_and_keeps_it() {
    let mut world = World::open(reminder(), audiences(&[5]));
    let epoch = world.message(1).epoch();
    world.hold = Some(Deferral { until: at(20), rule: Rule::SenderRate, is_slot: true });
    assert!(!world.dispatch(1, epoch));
    assert_eq!(world.message(1).slot_at(), Some(at(20)));
    assert_eq!(world.run.clock_from(), at(0), "the others may go at once");
    let decided =
        world.entries(|what| matches!(what, TimelineEvent::Decided(d) if d.rule == Rule::SenderRate));
    assert_eq!(decided.len(), 1);
    world.hold = None;
    assert!(!world.dispatch(1, world.message(1).epoch()), "it is early");
    world.at(20).look();
    assert!(world.message(1).has_slot(world.now));
    assert!(world.dispatch(1, world.message(1).epoch()));
    assert_eq!(world.message(1).slot_at(), None);
}

#[test]
fn a_text_whose_turn_comes_too_late_expires() {
    let mut world = World::open(WorkflowDefinition { not_after_s: 100, ..reminder() }, audiences(&[5]));
    world.hold = Some(Deferral { until: at(5_000), rule: Rule::RecipientRate, is_slot: false });
    world.take_commands().at(100).look().is(Expired, 0, &["expired"; 5]);
}

#[test]
fn a_doubt_about_the_second_attempt_is_not_settled_by_the_first() {
    let steps = definition(vec![step(Some(3_600), None)]);
    let definition = WorkflowDefinition { exhausted_ticket: None, on_doubt: OnDoubt::Resend, ..steps };
    let mut world = World::open(definition, audiences(&[1]));
    world.answer(1, &sent(1)).status_of(1, 1, ProviderStatus::Undelivered, FailureClass::RetryLater);
    world.now = world.next_due().unwrap();
    world.look().take_commands().answer(1, &unclear());
    for _ in 0..4 {
        world.now = world.next_due().unwrap();
        let answer = DoubtAnswer::Found {
            sid: sid(1),
            status: ProviderStatus::Undelivered,
            code: Some(30_003),
            class: FailureClass::RetryLater,
            evidence: "same text".into(),
        };
        world.look().doubt_answer(1, &answer);
    }
    world.is(Active, 0, &["queued"]);
}
