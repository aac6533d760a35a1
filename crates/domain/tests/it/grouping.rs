//! Texts that are held for a digest. In: runs and what their groups said. Out: facts. Never: a store.

use domain::{
    consent::Consent,
    group::{GroupKey, Joining},
    id::MessageId,
    message::{DigestReply, MessagePhase},
    policy::{Environment, Rule, Verdict},
    provider::ProviderStatus,
    run::{DigestState, Gatherable, GroupAsk, GroupQuestion, Member, Run, RunPhase, StepContext},
    timeline::{Command, TimelineEvent, sentence},
    workflow::{AtOnce, Grouping, Lane, Workflow, WorkflowDefinition},
};
use jiff::Timestamp;
use serde_json::json;

use crate::world::{at, audiences, definition, event, step};

const WINDOW_S: u32 = 300;

fn grouped() -> WorkflowDefinition {
    let mut definition = definition(vec![step(None, Some(600)), step(None, Some(600))]);
    let at_once = AtOnce { field: "title".to_owned(), values: vec!["Critical".to_owned()] };
    let by = vec!["title".to_owned()];
    definition.grouping = Some(Grouping { by, window_s: WINDOW_S, at_once: Some(at_once), flapping: None });
    definition
}

fn with<T>(
    workflow: &Workflow,
    second: i64,
    act: impl FnOnce(&mut StepContext<'_>) -> T,
) -> (T, StepContextLog) {
    let environment = Environment::default();
    let mut ctx = StepContext::new(workflow, &environment, at(second));
    let value = act(&mut ctx);
    let lines = ctx.effects.timeline.iter().map(|entry| sentence(&entry.what, "Ada")).collect();
    let events = ctx.effects.timeline.iter().map(|entry| entry.what.clone()).collect();
    let routes = ctx.effects.reply_routes.len();
    (value, StepContextLog { lines, events, routes, commands: ctx.effects.commands })
}

struct StepContextLog {
    lines: Vec<String>,
    events: Vec<TimelineEvent>,
    routes: usize,
    commands: Vec<Command>,
}

fn open(workflow: &Workflow, id: &str, second: i64, title: &str) -> Run {
    let mut event = event();
    event.key.id = id.to_owned();
    event.subject = Some(id.to_owned());
    event.time = Some(at(second));
    event.data = json!({"title": title}).as_object().unwrap().clone();
    with(workflow, second, |ctx| {
        let mut run = Run::open(&event, ctx);
        run.start_step(0, &audiences(&[1])[0], ctx);
        run
    })
    .0
}

fn asks(workflow: &Workflow, run: &Run, second: i64) -> Vec<GroupAsk> {
    with(workflow, second, |ctx| run.group_asks(ctx)).0
}

/// A run whose text waits for its group's digest until noon and five minutes.
fn held(workflow: &Workflow, id: &str, second: i64) -> Run {
    let mut run = open(workflow, id, second, "down");
    with(workflow, second, |ctx| run.hold_for_digest(1, at(300), false, Rule::GroupHeld, ctx));
    run
}

fn id_of(run: &Run) -> MessageId {
    run.message_id(1)
}

#[test]
fn lane_critical_and_what_is_named_break_through() {
    let workflow = Workflow::compile(grouped()).unwrap();
    let ask = |title: &str| asks(&workflow, &open(&workflow, "a", 0, title), 0);
    let number = open(&workflow, "a", 0, "down").messages()[0].recipient().number.clone();
    let key = GroupKey::of_values("paging", &["down".to_owned()], &number);
    let what = GroupQuestion::Join { key, joining: Joining::Window(WINDOW_S), subject: None };
    assert_eq!(ask("down"), [GroupAsk { number: 1, what }]);
    assert_eq!(ask("CRITICAL"), []);
    let mut critical = grouped();
    critical.lane = Lane::Critical;
    let critical = Workflow::compile(critical).unwrap();
    assert_eq!(asks(&critical, &open(&critical, "a", 0, "down"), 0), []);
    let mut short = grouped();
    short.not_after_s = WINDOW_S;
    let short = Workflow::compile(short).unwrap();
    assert_eq!(
        asks(&short, &open(&short, "a", 0, "down"), 0),
        [],
        "it would be stale at the end of the window"
    );
}

#[test]
fn a_held_text_waits_says_so_and_has_its_deadline_from_the_end_of_the_window() {
    let workflow = Workflow::compile(grouped()).unwrap();
    let mut run = open(&workflow, "b", 10, "down");
    let ((), log) = with(&workflow, 10, |ctx| run.hold_for_digest(1, at(300), false, Rule::GroupHeld, ctx));
    assert_eq!(
        log.lines,
        ["text to Ada held for the digest of title=down until 2026-01-15T12:05:00Z by rule group.held"]
    );
    let decided = log.events.iter().any(|what| {
        matches!(what, TimelineEvent::Decided(decision) if decision.verdict == Verdict::Defer(at(300)))
    });
    assert!(decided);
    assert_eq!((run.clock_from(), run.next_due(&workflow)), (at(300), Some(at(300))));
    assert!(run.ready(at(400)).is_empty(), "nobody sends it before its group was asked");
    assert_eq!(asks(&workflow, &run, 299), []);
    assert!(matches!(asks(&workflow, &run, 300)[..], [GroupAsk { what: GroupQuestion::Due { .. }, .. }]));
}

#[test]
fn one_message_carries_the_digest_and_the_others_follow_it_and_its_replies() {
    let workflow = Workflow::compile(grouped()).unwrap();
    let (mut carrier, mut other) = (held(&workflow, "b", 10), held(&workflow, "c", 5));
    let gatherable =
        |run: &Run, second| with(&workflow, second, |ctx| run.gatherable(1, &Consent::default(), ctx)).0;
    assert_eq!((gatherable(&other, 299), gatherable(&other, 300)), (Gatherable::NotYet, Gatherable::Yes));
    let member = Member { message: id_of(&other), about: "c".to_owned(), opened_at: other.opened_at() };
    let state = |carrier: &Run, other: &Run| carrier.digest_state(1, &id_of(other));
    assert_eq!(state(&carrier, &other), DigestState::Waits(None), "gathered, and not composed");
    let ((), log) = with(&workflow, 300, |ctx| {
        carrier.carry_digest(1, vec![member], &[], &audiences(&[1])[0], ctx);
    });
    assert_eq!(log.routes, 1);
    assert!(log.lines[0].starts_with("text to Ada tells of 1 run as well: r"), "{:?}", log.lines);
    let message = &carrier.messages()[0];
    let code = message.ack().unwrap();
    assert_eq!(message.shown_text().unwrap(), format!("down: +2 more: c, b. Reply ALL {code}"));
    assert_eq!(carrier.ready(at(300)), [1]);
    assert_eq!(state(&carrier, &open(&workflow, "d", 0, "down")), DigestState::Gone);

    // The carrier's text goes out; the other run is woken, and takes its status.
    let told = |run: &mut Run, status, replies: &[DigestReply]| {
        let by = id_of(&carrier);
        with(&workflow, 310, |ctx| run.take_digest(1, &by, status, None, replies, ctx)).1
    };
    let log = told(&mut other, ProviderStatus::Sent, &[]);
    assert_eq!(log.lines, [format!("Ada is told by text 1 of run {}", carrier.id())]);
    assert_eq!(other.messages()[0].told_by(), Some(&id_of(&carrier)));
    assert!(!other.messages()[0].is_delivered());
    told(&mut other, ProviderStatus::Delivered, &[]);
    assert!(other.messages()[0].is_delivered() && other.messages()[0].is_final());

    let reply = DigestReply { by: "Ada".to_owned(), via: "reply".to_owned(), hands_over: false };
    let mut twice = other.clone();
    let log = told(&mut twice, ProviderStatus::Delivered, std::slice::from_ref(&reply));
    let acknowledged = format!("acknowledged by Ada (reply to the digest of run {})", carrier.id());
    assert!(log.lines.contains(&acknowledged), "{:?}", log.lines);
    assert_eq!(twice.phase(), RunPhase::Acknowledged);
    let log = told(&mut twice, ProviderStatus::Delivered, std::slice::from_ref(&reply));
    assert_eq!(log.lines, [""; 0], "a reply is taken once");

    let handed = DigestReply { hands_over: true, ..reply };
    told(&mut other, ProviderStatus::Delivered, &[handed]);
    assert_eq!(other.next().map(|next| next.step), Some(1), "it is handed on");
}

#[test]
fn a_reply_to_the_digest_wakes_every_run_that_it_tells_of() {
    let workflow = Workflow::compile(grouped()).unwrap();
    let (mut carrier, other) = (held(&workflow, "b", 10), held(&workflow, "c", 5));
    let member = Member { message: id_of(&other), about: "c".to_owned(), opened_at: other.opened_at() };
    with(&workflow, 300, |ctx| carrier.carry_digest(1, vec![member], &[], &audiences(&[1])[0], ctx));
    assert!(carrier.awaits_digest_reply(1));
    let ((), log) = with(&workflow, 320, |ctx| carrier.acknowledge_by_link("Ada", 1, ctx));
    // Twice: it was acknowledged, and its text, which had not gone out, is withdrawn.
    let look = Command::LookNow { run: other.id().clone() };
    assert_eq!(log.commands, [look.clone(), look]);
    assert_eq!(carrier.phase(), RunPhase::Acknowledged);
    assert!(!carrier.awaits_digest_reply(1));
    let ((), log) = with(&workflow, 321, |ctx| carrier.acknowledge_by_link("Ada", 1, ctx));
    assert_eq!(log.lines, [""; 0], "pressed twice it is one acknowledgement");
}

#[test]
fn a_digest_that_fails_leads_on_and_one_that_is_withdrawn_is_gone() {
    let workflow = Workflow::compile(grouped()).unwrap();
    let (mut carrier, mut other) = (held(&workflow, "b", 10), held(&workflow, "c", 5));
    let member = Member { message: id_of(&other), about: "c".to_owned(), opened_at: other.opened_at() };
    with(&workflow, 300, |ctx| carrier.carry_digest(1, vec![member], &[], &audiences(&[1])[0], ctx));
    let by = id_of(&carrier);
    let mut failed = other.clone();
    let next = with(&workflow, 310, |ctx| {
        failed.take_digest(1, &by, ProviderStatus::Failed, Some(21_211), &[], ctx);
        failed.tick(ctx)
    });
    assert_eq!(next.0, Some(1), "the next step begins: {:?}", next.1.lines);

    with(&workflow, 310, |ctx| carrier.cancel("an operator", ctx));
    assert_eq!(carrier.messages()[0].phase(), &MessagePhase::Cancelled);
    assert_eq!(carrier.digest_state(1, &id_of(&other)), DigestState::Gone);
    let ((), log) = with(&workflow, 330, |ctx| other.let_go(1, ctx));
    assert_eq!(log.lines, ["text to Ada goes out by itself: there is no digest"]);
    assert_eq!((log.routes, other.ready(at(330))), (1, vec![1]));
}

#[test]
fn a_run_with_a_held_text_is_stored_and_read_as_it_is() {
    let workflow = Workflow::compile(grouped()).unwrap();
    let mut run = held(&workflow, "b", 10);
    let carrier = id_of(&held(&workflow, "c", 5));
    with(&workflow, 300, |ctx| run.wait_for_digest(1, &carrier, None, ctx));
    let until: Timestamp = at(330);
    assert_eq!(run.next_due(&workflow), Some(until));
    let read: Run = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
    assert_eq!(read, run);
    with(&workflow, 310, |ctx| run.take_digest(1, &carrier, ProviderStatus::Sent, None, &[], ctx));
    let read: Run = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
    assert_eq!(read, run);
}
