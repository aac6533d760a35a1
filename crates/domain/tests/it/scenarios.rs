//! How runs go on and how they end, told with fixed times.
//!
//! In: what happens to a run, second by second. Out: its step, its phase and where its texts stand.
//! Never: repeats what the tables say about single transitions.

use domain::{
    consent::{Consent, ConsentChange, ConsentEntry},
    limits::RECIPIENTS_PER_STEP_MAX,
    policy::Rule,
    provider::{FailureClass, ProviderStatus},
    quiet_hours::QuietHours,
    reply::Meaning,
    run::RunPhase::{self, Active, Exhausted, Expired, Suppressed},
    timeline::TimelineEvent,
    workflow::{Category, OnDoubt, Stage, WorkflowDefinition},
};
use jiff::Timestamp;

use crate::world::{
    World, addressee, at, audiences, definition, event, not_sent, paging, reminder, sent, step, unclear,
};

fn quiet(start: &str, end: &str, definition: WorkflowDefinition) -> WorkflowDefinition {
    let (start, end) = (start.parse().unwrap(), end.parse().unwrap());
    let hours = QuietHours::daily(start, end, "UTC");
    WorkflowDefinition { quiet_hours: Some(hours), ..definition }
}

fn opted_out() -> Consent {
    let mut consent = Consent::default();
    let (number, change) = (addressee(0).recipient.number, ConsentChange::OptOut);
    consent.apply(&ConsentEntry::observed(number, change, at(-100), "reply", String::new()));
    consent
}

#[test]
fn a_delivery_failure_escalates_at_once() {
    let mut world = World::open(paging(), audiences(&[1, 1]));
    world.answer(1, &sent(1)).at(7).status(1, 1, ProviderStatus::Failed);
    assert!(world.next_due().unwrap() <= at(7), "it is due at once");
    world.look().is(Active, 1, &["failed", "queued"]);
    assert_eq!(world.escalations(), ["no text of the step can arrive"]);
}

#[test]
fn silence_escalates_at_the_deadline_and_not_before() {
    let mut world = World::open(paging(), audiences(&[1, 1]));
    world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Delivered);
    assert_eq!(world.next_due(), Some(at(300)));
    world.at(299).look().is(Active, 0, &["delivered"]);
    world.at(300).look().is(Active, 1, &["delivered", "queued"]);
    assert_eq!(world.escalations(), ["not acknowledged in time"]);
}

#[test]
fn a_text_without_a_receipt_escalates_at_the_delivery_deadline() {
    let mut world = World::open(paging(), audiences(&[1, 1]));
    world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Sent);
    assert_eq!(world.next_due(), Some(at(60)), "the provider is asked before the deadline passes");
    world.at(60).look().polled(1, ProviderStatus::Sent);
    assert_eq!(world.next_due(), Some(at(120)));
    world.at(119).look().is(Active, 0, &["sent"]);
    world.at(120).look().is(Active, 1, &["sent", "queued"]);
    assert_eq!(world.escalations(), ["not delivered in time"]);
}

#[test]
fn a_step_goes_on_while_one_of_its_texts_can_arrive() {
    let mut world = World::open(paging(), audiences(&[2, 1]));
    world.answer(1, &sent(1)).answer(2, &sent(2)).status(1, 1, ProviderStatus::Failed);
    world.at(10).look().is(Active, 0, &["failed", "submitted"]);
    world.status(2, 2, ProviderStatus::Undelivered).look();
    world.is(Active, 1, &["failed", "undelivered", "queued"]);
}

#[test]
fn a_deferral_moves_the_deadlines_to_when_the_text_may_go_out() {
    let mut world = World::open(quiet("11:00", "13:00", paging()), audiences(&[1, 1]));
    world.is(Active, 0, &["queued"]);
    assert_eq!((world.run.clock_from(), world.next_due()), (at(3_600), Some(at(3_600))));
    world.at(3_599).look();
    assert!(world.commands.is_empty());
    world.at(3_600).look().take_commands().answer(1, &sent(1));
    world.at(3_719).look().is(Active, 0, &["submitted"]);
    world.at(3_720).look().is(Active, 1, &["submitted", "queued"]);
}

#[test]
fn a_text_that_is_not_sent_starts_no_clock_for_one_that_waits() {
    let mut people = audiences(&[2]);
    people[0].addressees[0].consent = opted_out();
    let world = World::open(quiet("11:00", "13:00", paging()), people);
    world.is(Active, 0, &["suppressed", "queued"]);
    assert_eq!(world.run.clock_from(), at(3_600));
}

#[test]
fn a_late_deferral_of_one_text_leaves_the_deadlines_of_one_that_went_out() {
    let mut world = World::open(quiet("12:01", "13:00", paging()), audiences(&[2, 1]));
    world.answer(1, &sent(1)).answer(2, &not_sent(FailureClass::RetryLater, 20_429));
    world.at(100).look().take_commands().is(Active, 0, &["submitted", "retry_wait"]);
    assert_eq!((world.run.clock_from(), world.next_due()), (at(0), Some(at(120))));
}

#[test]
fn a_failure_of_a_deferred_text_does_not_wait_for_the_end_of_the_deferral() {
    let definition =
        WorkflowDefinition { on_doubt: OnDoubt::Resend, ..definition(vec![step(Some(3_000), None); 2]) };
    let mut world = World::open(quiet("12:05", "13:00", definition), audiences(&[1, 1]));
    world.answer(1, &unclear());
    for second in [40, 60, 180, 600] {
        world.at(second).look().not_found(1);
    }
    world.look().take_commands().is(Active, 0, &["queued"]);
    assert_eq!(world.run.clock_from(), at(3_600));
    world.at(610).status(1, 1, ProviderStatus::Failed);
    assert!(world.next_due().unwrap() <= at(610));
    world.look();
    assert_eq!(world.run.step(), 1);
}

#[test]
fn a_page_that_nobody_may_get_ends_with_a_ticket() {
    let mut people = audiences(&[1, 1]);
    people.iter_mut().for_each(|audience| audience.addressees[0].consent = opted_out());
    let world = World::open(paging(), people);
    world.is(Exhausted, 1, &["suppressed", "suppressed"]);
    assert_eq!(world.log.outcomes[0].ticket.as_deref(), Some("ops"));
    assert_eq!(world.escalations(), ["every text of the step is suppressed"; 2]);
    assert!(world.log.reply_routes.is_empty() && world.requests.is_empty());
}

#[test]
fn a_reminder_that_nobody_may_get_is_suppressed_without_a_ticket() {
    let mut people = audiences(&[1]);
    people[0].addressees[0].consent = opted_out();
    let world = World::open(WorkflowDefinition { category: Category::Transactional, ..reminder() }, people);
    world.is(Suppressed, 0, &["suppressed"]);
    assert_eq!(world.log.outcomes[0].ticket, None);
}

#[test]
fn a_shadow_stage_decides_every_step_and_sends_nothing() {
    let world = World::open(WorkflowDefinition { stage: Stage::Shadow, ..paging() }, audiences(&[2, 1]));
    world.is(Suppressed, 1, &["suppressed", "suppressed", "suppressed"]);
    assert!(world.requests.is_empty() && world.log.outcomes[0].ticket.is_none());
    let decided =
        world.entries(|what| matches!(what, TimelineEvent::Decided(d) if d.rule == Rule::StageShadow));
    assert_eq!(decided.len(), 3);
    assert_eq!(world.next_due(), None);
}

#[test]
fn an_event_older_than_not_after_opens_as_expired() {
    let world = World::open_at(paging(), audiences(&[1]), &event(), at(86_400));
    world.is(Expired, 0, &[]);
    assert_eq!((world.next_due(), world.log.outcomes.len()), (None, 1));
    assert_eq!(World::open_at(paging(), audiences(&[1]), &event(), at(86_399)).run.phase(), Active);
}

#[test]
fn a_text_that_waits_past_not_after_expires_and_says_so() {
    let definition = WorkflowDefinition { not_after_s: 100, ..definition(vec![step(Some(200), None)]) };
    let mut world = World::open(definition, audiences(&[5]));
    assert_eq!(world.commands.len(), 5);
    world.at(99).look().is(Active, 0, &["queued"; 5]);
    world.at(100).look().is(Expired, 0, &["expired"; 5]);
    let decided = world.entries(|what| matches!(what, TimelineEvent::Decided(d) if d.rule == Rule::NotAfter));
    assert_eq!(decided.len(), 5, "each has its rule");
}

#[test]
fn steps_that_are_used_up_end_without_a_ticket_where_none_is_wanted() {
    let mut world =
        World::open(WorkflowDefinition { exhausted_ticket: None, ..paging() }, audiences(&[1, 1]));
    world.answer(1, &sent(1)).at(120).look().take_commands().answer(2, &sent(2));
    world.at(719).look().is(Active, 1, &["submitted", "submitted"]);
    world.at(720).look().is(Exhausted, 1, &["submitted", "submitted"]);
    assert_eq!((world.run.ticket(), world.log.outcomes[0].ticket.as_deref()), (None, None));
    assert!(world.next_due().is_some(), "what became of the texts is still asked for");
    for _ in 0..7 {
        world.now = world.next_due().unwrap();
        world.look().polled(1, ProviderStatus::Sent).polled(2, ProviderStatus::Sent);
    }
    assert_eq!(world.next_due(), None);
}

#[test]
fn a_step_that_notifies_nobody_is_left_at_once() {
    let mut people = audiences(&[0, 1]);
    people[0].unresolved.push("nobody is on call for oncall:platform".into());
    let world = World::open(paging(), people);
    world.is(Active, 1, &["dispatching"]);
    assert_eq!(world.escalations(), ["the step notifies nobody"]);
}

#[test]
fn an_acknowledgement_withdraws_texts_that_wait_but_not_one_on_the_wire() {
    let mut world = World::open(paging(), audiences(&[2, 1]));
    world.answer(1, &not_sent(FailureClass::RetrySoon, 20_429)).at(1).acknowledge("Ada");
    world.is(RunPhase::Acknowledged, 0, &["cancelled", "dispatching"]);
    world.answer(2, &not_sent(FailureClass::RetrySoon, 20_429));
    world.is(RunPhase::Acknowledged, 0, &["cancelled", "cancelled"]);
    assert_eq!(world.next_due(), None);
}

#[test]
fn an_acknowledgement_after_the_end_leaves_a_line_and_changes_nothing() {
    let mut world = World::open(reminder(), audiences(&[1]));
    world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Delivered);
    let before = world.run.clone();
    world.at(50).acknowledge("Ada");
    assert_eq!(world.run, before);
    assert_eq!(world.entries(|what| matches!(what, TimelineEvent::AcknowledgedLate { .. })).len(), 1);
    assert_eq!(world.log.outcomes.len(), 1);
}

#[test]
fn b5_a_reply_that_comes_twice_leaves_one_line() {
    let mut world = World::open(paging(), audiences(&[1]));
    world.answer(1, &sent(1)).at(10);
    for (name, meaning) in [(7, Meaning::NotUnderstood), (8, Meaning::Acknowledge)] {
        assert!(world.reply(name, meaning));
        let before = world.run.clone();
        assert!(!world.at(20).reply(name, meaning));
        assert_eq!(world.run, before);
    }
    let lines = |world: &World, of: fn(&TimelineEvent) -> bool| world.entries(of).len();
    assert_eq!(lines(&world, |what| matches!(what, TimelineEvent::ReplyUnclear { .. })), 1);
    assert_eq!(lines(&world, |what| matches!(what, TimelineEvent::Acknowledged { .. })), 1);
    assert_eq!(lines(&world, |what| matches!(what, TimelineEvent::AcknowledgedLate { .. })), 0);
    assert!(world.reply(9, Meaning::Acknowledge), "another text is another line");
    assert_eq!(lines(&world, |what| matches!(what, TimelineEvent::AcknowledgedLate { .. })), 1);
}

#[test]
fn a_resolving_event_ends_an_acknowledged_run_once() {
    let mut world = World::open(paging(), audiences(&[1]));
    world.answer(1, &sent(1)).at(10).acknowledge("Ada").at(20);
    assert!(world.resolve());
    assert!(!world.resolve() && !world.cancel());
    let ends: Vec<_> = world.log.outcomes.iter().map(|outcome| (outcome.phase, outcome.at)).collect();
    assert_eq!(ends, [(RunPhase::Acknowledged, at(10)), (RunPhase::Resolved, at(20))]);
}

#[test]
fn a_receipt_after_the_end_is_kept_and_reopens_nothing() {
    let mut world = World::open(paging(), audiences(&[1]));
    world.answer(1, &sent(1)).at(120).look().is(Exhausted, 1, &["submitted"]);
    world.status(1, 1, ProviderStatus::Delivered).look().is(Exhausted, 1, &["delivered"]);
    assert_eq!(world.log.outcomes.len(), 1);
}

#[test]
fn twenty_recipients_are_texted_once_each_and_the_rest_are_named() {
    let mut world = World::open(paging(), audiences(&[23, 1]));
    assert_eq!((world.run.messages().len(), world.requests.len()), (RECIPIENTS_PER_STEP_MAX, 0));
    let named = world.entries(|what| {
        matches!(what, TimelineEvent::StepStarted { unresolved, .. } if unresolved == &["3 more than the 20 that one step may notify"])
    });
    assert_eq!(named.len(), 1);
    let doubled = world.commands.clone();
    world.take_commands();
    world.commands = doubled;
    world.take_commands();
    assert_eq!(world.requests.len(), RECIPIENTS_PER_STEP_MAX);
    let codes: std::collections::BTreeSet<_> =
        world.run.messages().iter().map(|message| message.ack()).collect();
    assert_eq!(codes.len(), RECIPIENTS_PER_STEP_MAX, "each recipient has a code of their own");
    assert_eq!(world.log.reply_routes.len(), RECIPIENTS_PER_STEP_MAX);
}

#[test]
fn a3_only_a_source_that_shares_its_subjects_resolves_what_another_opened() {
    let by = domain::event::EventKey { source: "elsewhere".into(), id: "e-2".into() };
    for (shared, resolves) in
        [(&[][..], false), (&["monitor"], false), (&["monitor", "elsewhere"], true), (&["*"], true)]
    {
        let shared_subjects = shared.iter().map(|source| (*source).to_owned()).collect();
        let mut world = World::open(WorkflowDefinition { shared_subjects, ..paging() }, audiences(&[1]));
        assert_eq!(world.transition(|run, _, ctx| run.resolve(&by, &[], ctx)), resolves, "{shared:?}");
    }
    let definition = paging();
    assert_ne!(definition.resolution_marker("a", "db-1"), definition.resolution_marker("b", "db-1"));
}

#[test]
fn a_step_that_begins_twice_texts_nobody_twice() {
    let mut world = World::open(paging(), audiences(&[2, 1]));
    let (before, log) = (world.run.clone(), world.log.clone());
    world.transition(|run, _, ctx| run.start_step(0, &audiences(&[2])[0], ctx));
    assert_eq!((&world.run, &world.log), (&before, &log));
}

#[test]
fn a_reply_finds_its_run_for_as_long_as_the_run_waits_for_it() {
    let week_s = 7 * 24 * 3_600;
    let long = World::open(definition(vec![step(None, Some(week_s))]), audiences(&[1]));
    assert!(long.log.reply_routes[0].expires_at > at(i64::from(week_s)));
    let short = World::open(paging(), audiences(&[1]));
    assert_eq!(short.log.reply_routes[0].expires_at, at(3 * 24 * 3_600));
}

#[test]
fn no_time_that_an_event_may_name_panics() {
    // The earliest one means that none was set.
    for time in [Timestamp::MIN, Timestamp::MAX, at(-86_401), at(-1), at(1_000_000)] {
        let event = domain::event::Event { time: Some(time), ..event() };
        let world = World::open_at(paging(), audiences(&[1, 1]), &event, at(0));
        assert_eq!(world.run.phase(), if time == at(-86_401) { Expired } else { Active });
        assert!(
            world.run.not_after() <= at(86_400),
            "a clock that runs ahead does not lengthen the event's life"
        );
    }
    for now in [Timestamp::MIN, Timestamp::MAX] {
        let mut world = World::open_at(paging(), audiences(&[5, 1]), &event(), now);
        world.take_commands();
        for request in world.requests.clone() {
            world.answer(request.message.number, &unclear());
        }
        world.look().acknowledge("Ada");
        world.next_due();
    }
}

#[test]
fn a_workflow_with_more_steps_than_can_be_counted_ends() {
    let world = World::open(definition(vec![step(None, None); 300]), audiences(&[]));
    world.is(Exhausted, u8::MAX, &[]);
}
