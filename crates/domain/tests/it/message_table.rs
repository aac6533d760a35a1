//! Every phase of a message times everything that can happen to it, as one table.
//!
//! In: a message in each phase. Out: a snapshot that is read by eye against section 5 of the design.
//! Never: leaves out a variant: the matches at the end break the build, and the tests count what they name.

use std::{collections::BTreeSet, fmt::Write as _};

use domain::{
    doubt::{DoubtAnswer, DoubtSchedule},
    id::{MessageId, RunId},
    message::{Message, MessageContext, MessageEvent, MessagePhase, ReviewVerdict},
    policy::Rule,
    poll::{PollAnswer, PollSchedule},
    provider::{FailureClass, ProviderStatus, SubmitOutcome},
    retry::RetryPolicy,
    timeline::Effects,
    workflow::OnDoubt,
};
use serde_json::{Value, json};

use crate::{
    show,
    world::{addressee, at, not_sent, sent, sid, unclear},
};

/// The present of the whole table, in seconds after noon.
const NOW: i64 = 1_000;

fn message(phase: MessagePhase) -> Message {
    message_with(phase, json!({}))
}

/// A stored message with more fields than every message has.
fn message_with(phase: MessagePhase, more: Value) -> Message {
    let mut stored = json!({
        "number": 1,
        "step": 0,
        "recipient": addressee(1).recipient,
        "text": "db-1 is down",
        "segments": 1,
        "phase": phase,
        "epoch": 5,
        "attempt": 2,
        "first_attempt_at": at(380),
    });
    stored.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(stored).unwrap()
}

fn submitted(status: ProviderStatus) -> MessagePhase {
    MessagePhase::Submitted { sid: sid(1), status, code: None }
}

fn phases() -> Vec<(String, Message)> {
    let doubt = |started_at, asked, ask_at| MessagePhase::InDoubt {
        started_at,
        asked,
        ask_at,
        lost_until: None,
        absent_since: None,
    };
    let mut phases = vec![
        ("queued, due", MessagePhase::Queued { not_before: at(990) }),
        ("queued, not due", MessagePhase::Queued { not_before: at(1_100) }),
        (
            "dispatching, claim alive",
            MessagePhase::Dispatching { started_at: at(990), lease_until: at(1_020) },
        ),
        (
            "dispatching, claim lapsed",
            MessagePhase::Dispatching { started_at: at(900), lease_until: at(930) },
        ),
        ("in_doubt, not due", doubt(at(970), 0, at(1_010))),
        ("in_doubt, due", doubt(at(930), 1, at(990))),
        ("in_doubt, last question", doubt(at(390), 3, at(990))),
        (
            "in_doubt, maybe lost, due",
            MessagePhase::InDoubt {
                started_at: at(900),
                asked: 0,
                ask_at: at(990),
                lost_until: Some(at(980)),
                absent_since: None,
            },
        ),
        ("retry_wait, due", MessagePhase::RetryWait { until: at(990) }),
        ("retry_wait, not due", MessagePhase::RetryWait { until: at(1_100) }),
        ("held", MessagePhase::NeedsReview { started_at: at(300) }),
        ("held, said to be sent", MessagePhase::SentUnconfirmed { started_at: at(300), by: "Ada".into() }),
        ("suppressed", MessagePhase::Suppressed { rule: Rule::OptedOut }),
        ("dead", MessagePhase::Dead { reason: "refused".into(), code: Some(21_211) }),
        ("expired", MessagePhase::Expired),
        ("cancelled", MessagePhase::Cancelled),
    ]
    .into_iter()
    .map(|(name, phase)| (name.to_owned(), message(phase)))
    .collect::<Vec<_>>();
    phases.extend(
        STATUSES.map(|status| (format!("submitted, {status:?}").to_lowercase(), message(submitted(status)))),
    );
    let nudged = message_with(MessagePhase::Queued { not_before: at(980) }, json!({"nudge_at": at(1_010)}));
    phases.insert(1, ("queued, woken a moment ago".to_owned(), nudged));
    let polled = |poll_at, polls: u16| {
        message_with(submitted(ProviderStatus::Sent), json!({"poll_at": at(poll_at), "polls": polls}))
    };
    phases.push(("submitted, sent, to be asked about".to_owned(), polled(990, 0)));
    phases.push(("submitted, sent, last question".to_owned(), polled(990, 6)));
    phases.push(("submitted, sent, asked later".to_owned(), polled(1_100, 1)));
    let second_try = message_with(MessagePhase::RetryWait { until: at(1_100) }, json!({"spent": [sid(1)]}));
    phases.push(("retry_wait, sid 1 was not delivered".to_owned(), second_try));
    let held = json!({"gathering": {"held": {}}});
    let not_before = |second| MessagePhase::Queued { not_before: at(second) };
    phases.push(("queued, held, due".to_owned(), message_with(not_before(990), held.clone())));
    phases.push(("queued, held, not due".to_owned(), message_with(not_before(1_100), held)));
    let told = |status, poll_at: Option<i64>| {
        let phase = MessagePhase::Told { by: carrier(), status, code: None, heard: 0 };
        message_with(phase, poll_at.map_or_else(|| json!({}), |poll_at| json!({"poll_at": at(poll_at)})))
    };
    phases.push(("told, sent, to be looked at".to_owned(), told(ProviderStatus::Sent, Some(990))));
    phases.push(("told, sent, looked at later".to_owned(), told(ProviderStatus::Sent, Some(1_100))));
    phases.push(("told, delivered".to_owned(), told(ProviderStatus::Delivered, None)));
    phases.push(("told, failed".to_owned(), told(ProviderStatus::Failed, None)));
    phases
}

/// The message whose text is a digest.
fn carrier() -> MessageId {
    MessageId { run: RunId::derive("monitor", "e-2", "paging", None), number: 1 }
}

/// One event, with what is special about its surroundings.
struct Case {
    name: String,
    event: MessageEvent<'static>,
    on_doubt: OnDoubt,
    attempts_max: u16,
    not_after: i64,
    is_escalated: bool,
}

impl Case {
    fn new(name: impl Into<String>, event: MessageEvent<'static>) -> Self {
        Self {
            name: name.into(),
            event,
            on_doubt: OnDoubt::Resend,
            attempts_max: 5,
            not_after: 86_400,
            is_escalated: true,
        }
    }
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn answered(attempt: u16, outcome: SubmitOutcome) -> MessageEvent<'static> {
    MessageEvent::Answered { attempt, outcome: leak(outcome), in_outage: false }
}

fn found(name: u64) -> DoubtAnswer {
    let (status, class) = (ProviderStatus::Sent, FailureClass::Informational);
    DoubtAnswer::Found { sid: sid(name), status, code: None, class, evidence: "same text".into() }
}

/// A digest that tells of the message stands so.
fn told(status: ProviderStatus) -> MessageEvent<'static> {
    MessageEvent::Told { by: leak(carrier()), status, code: None }
}

fn cases() -> Vec<Case> {
    let not_found = || MessageEvent::DoubtAnswered(leak(DoubtAnswer::NotFound { evidence: "none".into() }));
    let no_answer = DoubtAnswer::NoAnswer { reason: "503".into() };
    let mut cases = vec![
        Case::new("begin", MessageEvent::Begin(None)),
        Case::new("defer", MessageEvent::Defer(at(5_000))),
        Case::new("suppress", MessageEvent::Suppress(Rule::OptedOut)),
        Case::new("expire", MessageEvent::Expire),
        Case::new("withdraw", MessageEvent::Withdraw { attempt: 2, rule: Rule::OptedOut }),
        Case::new("old withdraw", MessageEvent::Withdraw { attempt: 1, rule: Rule::OptedOut }),
        Case::new("maybe lost", MessageEvent::MaybeLost(at(900))),
        Case::new("cancel", MessageEvent::Cancel),
        Case::new("told: sent", told(ProviderStatus::Sent)),
        Case::new("told: delivered", told(ProviderStatus::Delivered)),
        Case::new("told: failed", told(ProviderStatus::Failed)),
        Case::new("tick", MessageEvent::Tick),
        Case { not_after: NOW, ..Case::new("tick at not_after", MessageEvent::Tick) },
        Case::new("answer: sent, same sid", answered(2, sent(1))),
        Case::new("answer: sent, other sid", answered(2, sent(2))),
        Case::new("answer: unclear", answered(2, unclear())),
        Case::new("old answer: sent, other sid", answered(1, sent(2))),
        Case::new("old answer: unclear", answered(1, unclear())),
        Case::new("old answer: refused, retry_soon", answered(1, not_sent(FailureClass::RetrySoon, 20_429))),
        Case {
            attempts_max: 2,
            ..Case::new(
                "last answer: refused, retry_soon",
                answered(2, not_sent(FailureClass::RetrySoon, 20_429)),
            )
        },
        Case::new("doubt: found", MessageEvent::DoubtAnswered(leak(found(1)))),
        Case::new("doubt: not found", not_found()),
        Case { on_doubt: OnDoubt::Review, ..Case::new("doubt: not found, hold", not_found()) },
        Case { attempts_max: 2, ..Case::new("doubt: not found, attempts used up", not_found()) },
        Case { not_after: NOW, ..Case::new("doubt: not found at not_after", not_found()) },
        Case::new("doubt: no answer", MessageEvent::DoubtAnswered(leak(no_answer))),
    ];
    cases.extend(follow_ups());
    for class in CLASSES {
        let name = format!("answer: refused, {class:?}").to_lowercase();
        cases.push(Case::new(name, answered(2, not_sent(class, 30_000))));
    }
    for (sid_name, number) in [("same", 1), ("other", 2)] {
        for status in STATUSES {
            // Under another name two stand for all: the table stays one that can be read.
            if number == 2 && !matches!(status, ProviderStatus::Sent | ProviderStatus::Failed) {
                continue;
            }
            let class =
                if status.is_failure() { FailureClass::OptedOut } else { FailureClass::Informational };
            let code = status.is_failure().then_some(21_610);
            let event = MessageEvent::Status { sid: leak(sid(number)), status, code, class };
            cases.push(Case::new(format!("status: {sid_name} sid, {status:?}").to_lowercase(), event));
        }
    }
    cases
}

/// What happens once the provider took it, or when an operator looks at it.
fn follow_ups() -> Vec<Case> {
    let asked = |answer| MessageEvent::Polled(leak(answer));
    let status = |status, code, class| PollAnswer::Status { status, code, class };
    let undelivered = |class| MessageEvent::Status {
        sid: leak(sid(1)),
        status: ProviderStatus::Undelivered,
        code: Some(30_003),
        class,
    };
    let settled = |verdict| MessageEvent::Reviewed { by: "Ada", verdict: leak(verdict) };
    vec![
        Case::new(
            "asked: delivered",
            asked(status(ProviderStatus::Delivered, None, FailureClass::Informational)),
        ),
        Case::new("asked: sent", asked(status(ProviderStatus::Sent, None, FailureClass::Informational))),
        Case::new("asked: unknown", asked(PollAnswer::Unknown)),
        Case::new("asked: no answer", asked(PollAnswer::NoAnswer { reason: "503".into() })),
        Case::new("settled: sent", settled(ReviewVerdict::Sent { sid: None })),
        Case::new("settled: sent, sid", settled(ReviewVerdict::Sent { sid: Some(sid(1)) })),
        Case::new("settled: not sent", settled(ReviewVerdict::NotSent)),
        Case::new("status: undelivered, somebody else is told", undelivered(FailureClass::RetryLater)),
        Case {
            is_escalated: false,
            ..Case::new("status: undelivered, nobody else", undelivered(FailureClass::RetryLater))
        },
        Case {
            is_escalated: false,
            attempts_max: 2,
            ..Case::new("status: undelivered, last attempt", undelivered(FailureClass::RetryLater))
        },
    ]
}

fn apply(message: &Message, case: &Case) -> (Message, Effects) {
    let retry = RetryPolicy { attempts_max: case.attempts_max, ..RetryPolicy::default() };
    let run = RunId::derive("monitor", "e-1", "paging", None);
    let ctx = MessageContext {
        run: &run,
        workflow: "paging",
        source: "monitor",
        traceparent: None,
        retry: &retry,
        is_critical: true,
        on_doubt: case.on_doubt,
        doubt: &DoubtSchedule::default(),
        poll: &PollSchedule::default(),
        deliver_within_s: Some(3_600),
        is_escalated: case.is_escalated,
        may_try_another: false,
        is_wanted: true,
        last_try_at: None,
        not_after: at(case.not_after),
        now: at(NOW),
    };
    let (mut after, mut fx) = (message.clone(), Effects::default());
    after.apply(&case.event, &ctx, &mut fx);
    (after, fx)
}

fn show_phase(message: &Message) -> String {
    let status = |status: ProviderStatus| format!("{status:?}").to_lowercase();
    let times = match message.phase() {
        MessagePhase::Queued { not_before: at } | MessagePhase::RetryWait { until: at } => show::second(*at),
        MessagePhase::Dispatching { lease_until, .. } => format!("lease {}", show::second(*lease_until)),
        MessagePhase::InDoubt { asked, ask_at, .. } => {
            format!("asked {asked}, next {}", show::second(*ask_at))
        }
        MessagePhase::Submitted { sid: name, status: s, code } => {
            let which = if *name == sid(1) { "sid 1" } else { "sid 2" };
            format!("{}, {which}{}", status(*s), code.map(|code| format!(", {code}")).unwrap_or_default())
        }
        MessagePhase::Told { status: s, .. } => status(*s),
        MessagePhase::Dead { reason, .. } => reason.clone(),
        MessagePhase::Suppressed { rule } => rule.id().to_owned(),
        MessagePhase::NeedsReview { .. }
        | MessagePhase::SentUnconfirmed { .. }
        | MessagePhase::Expired
        | MessagePhase::Cancelled => String::new(),
    };
    let nudge =
        message.rewake_at().map(|at| format!(", wake again {}", show::second(at))).unwrap_or_default();
    let poll = message.poll_at().map(|at| format!(", ask {}", show::second(at))).unwrap_or_default();
    let name = if matches!(message.phase(), MessagePhase::Submitted { .. }) {
        "submitted"
    } else {
        message.phase().name()
    };
    format!("{name} [{times}]{nudge}{poll}").replace(" []", "")
}

#[test]
fn every_phase_says_what_may_still_come_of_it() {
    let mut table = String::new();
    for (name, message) in phases() {
        let said = [
            ("waiting", message.is_waiting()),
            ("ready", message.is_ready(at(NOW))),
            ("retry", message.is_retry()),
            ("held", message.needs_review()),
            ("settled", message.is_final()),
            ("unfinished", message.is_unfinished()),
        ];
        let said: Vec<&str> = said.iter().filter(|(_, is_so)| *is_so).map(|(what, _)| *what).collect();
        let due = message.next_due().map_or("never due".to_owned(), |due| format!("due {due}"));
        writeln!(table, "{name}: {}, {due}", said.join(", ")).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_slot_is_good_from_its_moment_for_a_while() {
    let queued = MessagePhase::Queued { not_before: at(10) };
    let with_slot = message_with(queued.clone(), json!({"slot_at": at(10)}));
    for (second, is_good) in [(9, false), (10, true), (40, true), (41, false)] {
        assert_eq!(with_slot.has_slot(at(second)), is_good, "{second}");
    }
    assert!(!message(queued).has_slot(at(10)));
}

#[test]
fn a_wake_up_puts_off_a_look_but_not_the_end_of_a_claim() {
    let nudged = |phase| message_with(phase, json!({"nudge_at": at(1_010)})).next_due();
    assert_eq!(nudged(MessagePhase::Queued { not_before: at(980) }), Some(at(1_010)));
    assert_eq!(nudged(MessagePhase::Queued { not_before: at(1_020) }), Some(at(1_020)));
    let claimed = MessagePhase::Dispatching { started_at: at(970), lease_until: at(1_000) };
    assert_eq!(nudged(claimed), Some(at(1_000)));
}

#[test]
fn every_phase_answers_every_event_as_the_table_says() {
    let mut table = String::new();
    for (name, before) in phases() {
        writeln!(table, "{name}").unwrap();
        let mut unchanged = Vec::new();
        for case in cases() {
            let (after, fx) = apply(&before, &case);
            if after == before && fx == Effects::default() {
                unchanged.push(case.name);
                continue;
            }
            let epoch = after.epoch().checked_sub(before.epoch()).expect("an epoch never falls");
            let seen = |m: &Message| (m.phase().clone(), m.rewake_at(), m.poll_at());
            let is_same = seen(&after) == seen(&before);
            let phase = if is_same { "(same)".to_owned() } else { show_phase(&after) };
            let line = format!("  {:<34} -> {phase} | +{epoch} | {}", case.name, show::effects(&fx));
            writeln!(table, "{}", line.trim_end()).unwrap();
        }
        writeln!(table, "  no change: {}\n", unchanged.join("; ")).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn applying_an_event_twice_asks_for_no_second_request_and_no_second_dead_letter() {
    for (name, before) in phases() {
        for case in cases() {
            let (once, first) = apply(&before, &case);
            let (twice, second) = apply(&once, &case);
            let what = format!("{name}: {}", case.name);
            assert!(twice.attempt() - before.attempt() <= 1, "{what}");
            let commands = [&first.commands, &first.repeats, &second.commands, &second.repeats];
            assert!(commands.iter().map(|list| list.len()).sum::<usize>() <= 1, "{what}");
            assert!(second.dead_letters.is_empty(), "{what}");
            // The proof names the run and the text, so the store keeps a repeated opt-out once.
            let proofs: BTreeSet<_> =
                first.consent.iter().chain(&second.consent).map(|c| &c.evidence).collect();
            assert!(proofs.len() <= 1, "{what}");
        }
    }
}

#[test]
fn the_table_names_every_variant() {
    let of = |kinds: BTreeSet<usize>, count: usize| assert_eq!(kinds, (0..count).collect());
    of(phases().iter().map(|(_, message)| kind_of_phase(message.phase())).collect(), 12);
    of(cases().iter().map(|case| kind_of_event(&case.event)).collect(), 19);
    of(STATUSES.iter().map(|status| kind_of_status(*status)).collect(), STATUSES.len());
    of(CLASSES.iter().map(|class| kind_of_class(*class)).collect(), CLASSES.len());
}

const STATUSES: [ProviderStatus; 7] = [
    ProviderStatus::Accepted,
    ProviderStatus::Queued,
    ProviderStatus::Sending,
    ProviderStatus::Sent,
    ProviderStatus::Delivered,
    ProviderStatus::Undelivered,
    ProviderStatus::Failed,
];

const CLASSES: [FailureClass; 9] = [
    FailureClass::RetrySoon,
    FailureClass::RetryLater,
    FailureClass::Ambiguous,
    FailureClass::Recipient,
    FailureClass::OptedOut,
    FailureClass::Configuration,
    FailureClass::Account,
    FailureClass::Informational,
    FailureClass::Originator,
];

// A new variant breaks these matches; give it the next number, and a line in the table.

fn kind_of_phase(phase: &MessagePhase) -> usize {
    match phase {
        MessagePhase::Queued { .. } => 0,
        MessagePhase::Dispatching { .. } => 1,
        MessagePhase::InDoubt { .. } => 2,
        MessagePhase::RetryWait { .. } => 3,
        MessagePhase::Submitted { .. } => 4,
        MessagePhase::NeedsReview { .. } => 5,
        MessagePhase::Suppressed { .. } => 6,
        MessagePhase::Dead { .. } => 7,
        MessagePhase::Expired => 8,
        MessagePhase::Cancelled => 9,
        MessagePhase::SentUnconfirmed { .. } => 10,
        MessagePhase::Told { .. } => 11,
    }
}

fn kind_of_event(event: &MessageEvent<'_>) -> usize {
    match event {
        MessageEvent::Begin(_) => 0,
        MessageEvent::Defer(_) => 1,
        MessageEvent::Suppress(_) => 2,
        MessageEvent::Expire => 3,
        MessageEvent::Answered { outcome: SubmitOutcome::Sent { .. }, .. } => 4,
        MessageEvent::Answered { outcome: SubmitOutcome::NotSent(_), .. } => 5,
        MessageEvent::Answered { outcome: SubmitOutcome::InDoubt { .. }, .. } => 6,
        MessageEvent::Status { status, .. } if status.is_final() => 7,
        MessageEvent::Status { .. } => 8,
        MessageEvent::DoubtAnswered(DoubtAnswer::Found { .. }) => 9,
        MessageEvent::DoubtAnswered(DoubtAnswer::NotFound { .. }) => 10,
        MessageEvent::DoubtAnswered(DoubtAnswer::NoAnswer { .. }) => 11,
        MessageEvent::Tick => 12,
        MessageEvent::Cancel => 13,
        MessageEvent::Polled(_) => 14,
        MessageEvent::Reviewed { .. } => 15,
        MessageEvent::MaybeLost(_) => 16,
        MessageEvent::Withdraw { .. } => 17,
        MessageEvent::Told { .. } => 18,
    }
}

fn kind_of_status(status: ProviderStatus) -> usize {
    match status {
        ProviderStatus::Accepted => 0,
        ProviderStatus::Queued => 1,
        ProviderStatus::Sending => 2,
        ProviderStatus::Sent => 3,
        ProviderStatus::Delivered => 4,
        ProviderStatus::Undelivered => 5,
        ProviderStatus::Failed => 6,
    }
}

fn kind_of_class(class: FailureClass) -> usize {
    match class {
        FailureClass::RetrySoon => 0,
        FailureClass::RetryLater => 1,
        FailureClass::Ambiguous => 2,
        FailureClass::Recipient => 3,
        FailureClass::OptedOut => 4,
        FailureClass::Configuration => 5,
        FailureClass::Account => 6,
        FailureClass::Informational => 7,
        FailureClass::Originator => 8,
    }
}
