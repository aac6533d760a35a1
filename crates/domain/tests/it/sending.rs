//! One text between us and the provider, told with fixed times: retries, doubt, receipts, consent.
//!
//! In: answers, callbacks and lost wake-ups. Out: where the text stands, and what was asked for.
//! Never: has a second request on the wire without a reason that is stored.

use domain::{
    admission::{Admission, Limit, SenderRate, limits_of},
    consent::ConsentChange,
    content::LinkPolicy,
    doubt::DoubtAnswer,
    limits::{VALIDITY_S_MAX, VALIDITY_S_MIN},
    message::{MessageEvent, MessagePhase, ReviewVerdict},
    policy::{Deferral, Rule},
    provider::{FailureClass, ProviderStatus},
    quiet_hours::QuietHours,
    rate_limit::Reservation,
    retry::RetryPolicy,
    run::RunPhase::{Acknowledged, Active, Exhausted},
    run::{Dispatch, StepContext},
    timeline::{Command, DoubtResolvedBy, Entry, TimelineEvent},
    workflow::{Lane, OnDoubt, WorkflowDefinition},
};

use jiff::SignedDuration;
use serde_json::json;

use crate::world::{
    World, at, audiences, definition, event, not_sent, paging, reminder, sent, sid, step, unclear,
};

/// An hour to be delivered in, so that doubt runs its course; what then, the argument says.
fn patient(on_doubt: OnDoubt) -> World {
    let definition = WorkflowDefinition { on_doubt, ..definition(vec![step(Some(3_600), None)]) };
    World::open(definition, audiences(&[1]))
}

#[test]
fn a_run_is_unfinished_until_its_texts_are_and_nobody_must_settle_one() {
    let mut world =
        World::open(WorkflowDefinition { on_doubt: OnDoubt::Review, ..reminder() }, audiences(&[1]));
    assert!(world.run.is_unfinished());
    world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Delivered).look();
    assert!(!world.run.is_unfinished() && world.run.closed_at().is_some());

    let mut world = patient(OnDoubt::Review);
    world.answer(1, &unclear());
    ask_in_vain(&mut world);
    world.at(3_700).look().is(Exhausted, 0, &["held"]);
    assert!(world.run.closed_at().is_some() && world.run.is_unfinished(), "somebody must settle it");
    let mut settle = |number| {
        world.transition(|run, _, ctx| {
            run.resolve_review(number, &ReviewVerdict::Sent { sid: None }, "Ada", ctx)
        })
    };
    assert_eq!((settle(2), settle(1), settle(1)), (false, true, false), "once, and only what is held");
    assert!(!world.run.is_unfinished());
}

#[test]
fn what_was_to_go_before_the_store_lost_writes_is_asked_about_first() {
    let waiting = || {
        let mut world = World::open(reminder(), audiences(&[1]));
        world.answer(1, &not_sent(FailureClass::RetryLater, 20_429));
        world
    };
    let doubted = |number, later_s| {
        let mut world = waiting();
        let data_loss_since = world.next_due().unwrap() + SignedDuration::from_secs(later_s);
        let is_asked = world.transition(|run, _, ctx| run.doubt_data_loss(number, data_loss_since, ctx));
        (is_asked, world.phases())
    };
    assert_eq!(doubted(1, 1), (true, vec!["in_doubt"]));
    assert_eq!(doubted(1, 0), (false, vec!["retry_wait"]), "it was to go after them");
    assert_eq!(doubted(1, -1), (false, vec!["retry_wait"]));
    assert_eq!(doubted(2, 1), (false, vec!["retry_wait"]), "there is no such text");
    let mut world = waiting();
    world.transition(|run, _, ctx| run.doubt_first_time(1, at(-5), ctx));
    assert_eq!(world.phases(), ["in_doubt"]);
}

#[test]
fn a_text_that_is_held_back_waits_and_only_a_slot_is_remembered() {
    for (rule, is_slot, slot_at) in
        [(Rule::SenderRate, true, Some(at(4_000))), (Rule::RecipientRate, false, None)]
    {
        let hold = Deferral { until: at(4_000), rule, is_slot };
        let mut world = World::open(quiet_until_one(), audiences(&[1]));
        world.at(10);
        let claimed = world.transition(|run, _, ctx| run.admit(1, &Admission::default(), ctx));
        assert!(matches!(claimed, Dispatch::Stay), "it is early");
        world.at(3_600);
        let mut held = world.run.clone();
        let deferred = Admission { deferral: Some(hold.clone()), ..Admission::default() };
        held.admit(1, &deferred, &mut StepContext::new(&world.workflow, &world.environment, world.now));
        assert_eq!((held.messages()[0].next_due(), held.messages()[0].slot_at()), (Some(at(4_000)), slot_at));
        world.hold = Some(hold);
        assert!(!world.dispatch(1, world.message(1).epoch()));
        assert_eq!((world.message(1).next_due(), world.message(1).slot_at()), (Some(at(4_000)), slot_at));
    }
}

/// Nothing goes out in the first hour.
fn quiet_until_one() -> WorkflowDefinition {
    let (start, end) = ("11:00".parse().unwrap(), "13:00".parse().unwrap());
    let hours = QuietHours::daily(start, end, "UTC");
    WorkflowDefinition { quiet_hours: Some(hours), ..reminder() }
}

#[test]
fn a_lane_is_only_lowered_and_says_so_once() {
    let mut world = World::open(reminder(), audiences(&[1]));
    assert_eq!(world.run.lane(), Lane::Standard);
    let mut lower = |lane| {
        let lines = world.log.timeline.len();
        world.transition(|run, _, ctx| run.lower_lane(lane, ctx));
        (world.run.lane(), world.log.timeline.len() - lines)
    };
    assert_eq!(lower(Lane::Standard), (Lane::Standard, 0));
    assert_eq!(lower(Lane::Critical), (Lane::Standard, 0));
    assert_eq!(lower(Lane::Bulk), (Lane::Bulk, 1));
    assert_eq!(lower(Lane::Bulk), (Lane::Bulk, 0));
}

/// Asks all four questions at their times, and gets no answer.
fn ask_in_vain(world: &mut World) {
    for second in [20, 60, 180, 600] {
        assert_eq!(world.next_due(), Some(at(second)));
        world.at(second).look();
        assert!(matches!(world.commands.pop(), Some(Command::ResolveDoubt { .. })));
        world.no_answer(1);
    }
}

#[test]
fn doubt_ends_in_another_send_while_the_run_is_active() {
    let mut world = patient(OnDoubt::Resend);
    world.at(10).answer(1, &unclear());
    ask_in_vain(&mut world);
    world.look().take_commands().is(Active, 0, &["dispatching"]);
    assert_eq!((world.requests.len(), world.requests[0].attempt), (1, 2));
}

#[test]
fn doubt_ends_without_another_send_once_the_run_is_over() {
    let mut world =
        World::open(WorkflowDefinition { on_doubt: OnDoubt::Resend, ..paging() }, audiences(&[1]));
    world.answer(1, &unclear()).at(20).acknowledge("Ada");
    ask_in_vain(&mut world);
    world.look().take_commands().is(Acknowledged, 0, &["held"]);
    assert!(world.requests.is_empty());
}

#[test]
fn doubt_about_a_text_of_an_earlier_step_ends_without_another_send() {
    let mut world =
        World::open(WorkflowDefinition { on_doubt: OnDoubt::Resend, ..paging() }, audiences(&[1, 1]));
    world.answer(1, &unclear());
    for second in [20, 60] {
        world.at(second).look().no_answer(1);
    }
    world.at(120).look().take_commands().answer(2, &sent(2));
    world.is(Active, 1, &["in_doubt", "submitted"]);
    for second in [180, 600] {
        world.at(second).look().no_answer(1);
    }
    world.look().take_commands().is(Active, 1, &["held", "submitted"]);
    assert!(world.requests.is_empty());
}

#[test]
fn a9_a_text_of_an_earlier_step_that_was_not_sent_is_withdrawn() {
    let mut world =
        World::open(WorkflowDefinition { on_doubt: OnDoubt::Review, ..paging() }, audiences(&[1, 1]));
    world.answer(1, &unclear());
    world.at(120).look().take_commands().answer(2, &sent(2));
    for second in [120, 140] {
        world.at(second).look().not_found(1);
    }
    world.look().take_commands().is(Active, 1, &["cancelled", "submitted"]);
    assert!(world.requests.is_empty());
}

#[test]
fn doubt_is_held_for_an_operator_where_the_workflow_says_so() {
    let mut world = patient(OnDoubt::Review);
    world.answer(1, &unclear());
    ask_in_vain(&mut world);
    world.look().is(Active, 0, &["held"]);
    assert!(world.requests.is_empty() && world.commands.is_empty());
    world.status(1, 1, ProviderStatus::Delivered);
    assert_eq!(world.phases(), ["delivered"]);
}

#[test]
fn doubt_sends_again_no_more_often_than_the_attempts_allow() {
    let retry = RetryPolicy { attempts_max: 2, ..RetryPolicy::default() };
    let workflow =
        WorkflowDefinition { on_doubt: OnDoubt::Resend, retry, ..definition(vec![step(Some(86_000), None)]) };
    let mut world = World::open(workflow, audiences(&[1]));
    for _ in 0..2 {
        world.answer(1, &unclear());
        for _ in 0..2 {
            world.now = world.next_due().unwrap();
            world.look().not_found(1);
        }
        world.look().take_commands();
    }
    world.is(Active, 0, &["held"]);
    assert!(world.requests.is_empty());
}

#[test]
fn a_question_that_was_asked_twice_counts_once() {
    let mut world = patient(OnDoubt::Resend);
    world.answer(1, &unclear()).at(40).look().not_found(1);
    let before = world.message(1).clone();
    for _ in 0..10 {
        world.not_found(1).doubt_answer(1, &DoubtAnswer::NoAnswer { reason: "503".into() });
    }
    assert_eq!(*world.message(1), before);
}

#[test]
fn overdue_questions_are_not_all_asked_at_once() {
    let mut world = patient(OnDoubt::Resend);
    world.answer(1, &unclear()).at(1_000);
    for second in [1_000, 1_015, 1_030] {
        world.at(second).look().doubt_answer(1, &DoubtAnswer::NoAnswer { reason: "503".into() });
        assert_eq!(world.next_due(), Some(at(second + 15)));
    }
    assert_eq!(world.phases(), ["in_doubt"]);
}

#[test]
fn a_worker_that_died_leaves_a_claim_that_lapses_into_doubt() {
    let mut world = World::open(paging(), audiences(&[1]));
    assert_eq!(world.next_due(), Some(at(30)));
    world.at(29).look().is(Active, 0, &["dispatching"]);
    assert!(!world.dispatch(1, world.message(1).epoch()), "nobody sends what is dispatching");
    world.at(30).look().is(Active, 0, &["in_doubt"]);
    assert_eq!(world.next_due(), Some(at(20)), "it is asked about at once");
}

#[test]
fn a_doubt_that_the_provider_settles_is_settled_once() {
    let mut world = patient(OnDoubt::Resend);
    world.answer(1, &unclear()).at(40).look();
    world.doubt_answer(
        1,
        &DoubtAnswer::Found {
            sid: sid(1),
            status: ProviderStatus::Sent,
            code: None,
            class: FailureClass::Informational,
            evidence: "same text".into(),
        },
    );
    let settled = world.entries(|what| matches!(what, TimelineEvent::DoubtResolved { .. }));
    assert!(
        matches!(&settled[..], [only] if matches!(&only.what, TimelineEvent::DoubtResolved { by, .. } if *by == DoubtResolvedBy::Found))
    );
    world.is(Active, 0, &["sent"]);
}

#[test]
fn a_callback_before_the_answer_binds_the_name_and_the_answer_changes_nothing() {
    let mut world = World::open(paging(), audiences(&[1]));
    world.at(1).status(1, 1, ProviderStatus::Sent);
    world.is(Active, 0, &["sent"]);
    assert_eq!(world.log.sids, [(sid(1), 1)]);
    let (before, log) = (world.run.clone(), world.log.clone());
    world.answer(1, &sent(1));
    assert_eq!((&world.run, &world.log), (&before, &log));
}

#[test]
fn an_answer_after_the_claim_lapsed_still_counts() {
    let mut late_refusal = World::open(paging(), audiences(&[1]));
    late_refusal.at(31).look().answer(1, &not_sent(FailureClass::Recipient, 21_211));
    late_refusal.is(Active, 0, &["dead"]);
    let mut late_success = World::open(paging(), audiences(&[1]));
    late_success.at(31).look().answer(1, &sent(1));
    late_success.is(Active, 0, &["submitted"]);
    let by = late_success.entries(
        |what| matches!(what, TimelineEvent::DoubtResolved { by, .. } if *by == DoubtResolvedBy::Answer),
    );
    assert_eq!(by.len(), 1);
}

#[test]
fn a_second_name_for_one_text_is_flagged_and_kept() {
    let mut world = World::open(paging(), audiences(&[1]));
    world.answer(1, &sent(1)).status(1, 2, ProviderStatus::Delivered);
    assert_eq!(world.message(1).sid(), Some(&sid(1)));
    assert_eq!(world.log.sids, [(sid(1), 1), (sid(2), 1)]);
    assert_eq!(world.entries(|what| matches!(what, TimelineEvent::SecondSid { .. })).len(), 1);
    world.is(Active, 0, &["submitted"]);
}

#[test]
fn contradictory_final_statuses_are_both_kept_and_the_first_counts() {
    let mut world = World::open(paging(), audiences(&[1]));
    world.answer(1, &sent(1)).status(1, 1, ProviderStatus::Delivered).status(
        1,
        1,
        ProviderStatus::Undelivered,
    );
    world.is(Active, 0, &["delivered"]);
    assert_eq!(world.entries(|what| matches!(what, TimelineEvent::ContradictoryStatus { .. })).len(), 1);
}

#[test]
fn a_refusal_for_an_opt_out_suppresses_the_text_and_records_it() {
    let mut world = World::open(paging(), audiences(&[1, 1]));
    world.answer(1, &not_sent(FailureClass::OptedOut, 21_610)).look();
    world.is(Active, 1, &["suppressed", "queued"]);
    assert_eq!(world.log.consent.len(), 1);
    assert_eq!(world.log.consent[0].change, ConsentChange::OptOut);
    assert_eq!(world.log.consent[0].number, world.message(1).recipient().number);
    assert!(world.log.dead_letters.is_empty());
}

#[test]
fn an_opt_out_that_a_callback_names_after_the_failure_is_recorded() {
    let mut world = World::open(paging(), audiences(&[1]));
    let failed = ProviderStatus::Failed;
    world.answer(1, &domain::provider::SubmitOutcome::Sent { sid: sid(1), status: failed });
    let (code, class) = (Some(21_610), FailureClass::OptedOut);
    let event = MessageEvent::Status { sid: &sid(1), status: failed, code, class };
    world.apply(1, &event).apply(1, &event);
    assert_eq!(world.log.consent.len(), 1, "and recorded once");
    assert!(matches!(world.message(1).phase(), MessagePhase::Submitted { code: Some(21_610), .. }));
}

#[test]
fn a6_saying_later_is_not_saying_no_and_the_step_ends_by_its_deadline_alone() {
    let mut world = World::open(paging(), audiences(&[1, 1]));
    // Throttled for a minute, then a full queue: tried again and again, with growing waits, at no cost.
    let (mut requests, mut last) = (0, world.now);
    while world.run.step() == 0 && requests < 100 {
        last = world.now;
        let code = if world.now < at(60) { 20_429 } else { 21_611 };
        world.answer(1, &not_sent(FailureClass::RetrySoon, code));
        requests += 1;
        world.now = world.next_due().unwrap().max(world.now);
        world.look().take_commands();
        if world.run.step() == 0 && world.requests.is_empty() {
            world.look().take_commands();
        }
    }
    assert!((5..100).contains(&requests), "{requests}");
    let untried = world.now.duration_since(last);
    assert!(untried <= SignedDuration::from_secs(10), "the step had {untried} left for another request");
    assert_eq!((world.run.phase(), world.run.step()), (Active, 1));
    assert_eq!(world.escalations(), ["not delivered in time"]);
    assert_eq!((world.message(1).counted_attempts(), world.message(1).phase().name()), (0, "cancelled"));
    assert!(world.log.dead_letters.is_empty());
}

#[test]
fn a9_two_lists_that_lack_a_text_are_an_answer_whatever_on_doubt_says() {
    let mut world = World::open(
        WorkflowDefinition { on_doubt: OnDoubt::Review, ..definition(vec![step(Some(3_600), None)]) },
        audiences(&[1]),
    );
    world.answer(1, &unclear());
    // At 20 s the list may lag; a minute after the request it would show the text.
    world.at(20).look().not_found(1).is(Active, 0, &["in_doubt"]);
    world.at(60).look().not_found(1).is(Active, 0, &["queued"]);
    let resolved = world.entries(|what| matches!(what, TimelineEvent::DoubtResolved { .. }));
    assert!(matches!(&resolved[0].what, TimelineEvent::DoubtResolved { by: DoubtResolvedBy::Resend, .. }));
    world.take_commands();
    assert_eq!((world.requests.len(), world.requests[0].attempt), (1, 2), "it is sent again");
}

#[test]
fn a9_a_text_about_which_nobody_could_be_asked_waits_for_a_person() {
    let mut world = World::open(
        WorkflowDefinition { on_doubt: OnDoubt::Review, ..definition(vec![step(Some(3_600), None)]) },
        audiences(&[1]),
    );
    world.answer(1, &unclear());
    for second in [20, 60, 180, 600] {
        let unanswered = DoubtAnswer::NoAnswer { reason: "no connection".into() };
        world.at(second).look().doubt_answer(1, &unanswered);
    }
    world.is(Active, 0, &["held"]);
}

#[test]
fn a_lost_wake_up_is_repeated_until_somebody_acts() {
    let mut world = World::open(reminder(), audiences(&[5]));
    // The longer nobody acts, the rarer it is repeated.
    for second in [30, 60, 120] {
        world.commands.clear();
        assert_eq!(world.next_due(), Some(at(second)));
        world.at(second).look();
        assert_eq!(world.commands.len(), 5);
    }
    world.take_commands();
    assert_eq!(world.requests.len(), 5);
}

#[test]
fn a_command_given_at_another_epoch_changes_nothing() {
    let mut world = World::open(reminder(), audiences(&[5]));
    let (before, log) = (world.run.clone(), world.log.clone());
    assert!(!world.dispatch(1, 7) && !world.dispatch(9, 0) && !world.dispatch(0, 0));
    assert_eq!((&world.run, &world.log), (&before, &log));
    assert!(world.dispatch(1, 0) && !world.dispatch(1, 0) && !world.dispatch(1, 1));
}

#[test]
fn a_command_that_comes_too_early_changes_nothing() {
    let mut world = World::open(reminder(), audiences(&[1]));
    world.answer(1, &not_sent(FailureClass::RetrySoon, 20_429));
    let epoch = world.message(1).epoch();
    assert!(world.next_due().unwrap() > world.now);
    assert!(!world.dispatch(1, epoch));
}

#[test]
fn a_text_stays_valid_for_what_is_left_of_the_first_deadline() {
    let mut world = World::open(paging(), audiences(&[5, 1]));
    world.at(50).take_commands();
    assert_eq!(world.requests[0].validity_s, 70);

    let mut late = World::open(paging(), audiences(&[5, 1]));
    late.at(115).take_commands();
    assert_eq!(late.requests[0].validity_s, VALIDITY_S_MIN);

    let long = World::open(definition(vec![step(None, Some(7 * 24 * 3_600))]), audiences(&[1]));
    assert_eq!(long.requests[0].validity_s, VALIDITY_S_MAX);

    let bounded = WorkflowDefinition { not_after_s: 100, ..paging() };
    assert_eq!(World::open(bounded, audiences(&[1])).requests[0].validity_s, 100);
}

#[test]
fn what_a_workflow_refuses_to_say_dies_unsent_and_the_next_step_is_taken() {
    let mut bad = event();
    bad.data = json!({"title": "look at https://example.com/x"}).as_object().unwrap().clone();
    let refusing = WorkflowDefinition { links: LinkPolicy::Refuse, ..paging() };
    let world = World::open_at(refusing, audiences(&[1, 1]), &bad, at(0));
    world.is(Exhausted, 1, &["dead", "dead"]);
    assert_eq!((world.requests.len(), world.log.reply_routes.len(), world.message(1).attempt()), (0, 0, 0));
    let [letter, _] = &world.log.dead_letters[..] else { panic!("one dead letter for each text") };
    assert_eq!((letter.reason.as_str(), letter.attempts), ("composition", 0));
    assert!(letter.error.contains("a link to `example.com`"), "{}", letter.error);
}

#[test]
fn a4_a_page_with_a_link_goes_out_and_the_timeline_names_field_and_host() {
    let mut linked = event();
    linked.data = json!({"title": "ImagePullBackOff quay.io/acme/api:1.2"}).as_object().unwrap().clone();
    let world = World::open_at(paging(), audiences(&[1]), &linked, at(0));
    assert!(world.requests[0].body.0.starts_with("ImagePullBackOff quay(.)io/acme/api:1.2"));
    let changed = world.entries(|what| matches!(what, TimelineEvent::TextChanged { .. }));
    let [Entry { what: TimelineEvent::TextChanged { changes }, .. }] = &changed[..] else {
        panic!("{changed:?}")
    };
    assert_eq!(changes[0].field, "the field `title`");
    assert!(changes[0].reason.contains("quay.io"));
}

#[test]
fn a15_a_text_that_waits_for_its_slot_is_charged_once_and_keeps_the_slot() {
    let mut world = World::open(
        WorkflowDefinition { recipient_hourly_max: Some(1), ..quiet_until_one() },
        audiences(&[1]),
    );
    world.at(3_600);
    let rate = SenderRate::per_second("number".into(), 1);
    let limits =
        |world: &World| limits_of(world.message(1), &world.workflow.definition, Some(&rate), world.now);
    assert!(matches!(limits(&world)[..], [Limit::Recipient(_), Limit::Sender(_)]));
    let mut admission = Admission::default();
    admission.recipient(Reservation::At(at(3_600)));
    admission.sender(Reservation::At(at(3_660)), at(3_600));
    assert!(matches!(world.transition(|run, _, ctx| run.admit(1, &admission, ctx)), Dispatch::Stay));
    assert!(world.message(1).recipient_charged());
    world.at(3_660);
    assert_eq!(limits(&world), [], "it has paid for both");
    assert!(matches!(
        world.transition(|run, _, ctx| run.admit(1, &Admission::default(), ctx)),
        Dispatch::Send(_)
    ));
}
