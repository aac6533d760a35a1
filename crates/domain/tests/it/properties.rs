//! Runs under whatever may happen: drawn workflows, drawn answers, lost, doubled and late wake-ups, crashes.
//!
//! In: a plan and a list of operations, both drawn. Out: what holds after every one of them.
//! Never: knows what a transition should do; only what must never be.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    consent::{ConsentChange, ConsentEntry},
    doubt::DoubtAnswer,
    limits::REWAKE_MS,
    message::{Message, MessageEvent, MessagePhase, ReviewVerdict},
    policy::Rule,
    poll::PollAnswer,
    provider::{FailureClass, ProviderMessageId, ProviderStatus},
    run::{Run, RunPhase},
    timeline::{Command, DoubtResolvedBy, TimelineEvent},
    workflow::OnDoubt,
};
use jiff::SignedDuration;
use proptest::prelude::*;

use crate::{
    draw::{Answer, Extra, Op, Plan, ops, plans},
    world::{World, not_sent, sent, sid, unclear},
};

/// Most looks a run may take to end: with every wake-up lost it is looked at every [`REWAKE_MS`] for each of its texts,
/// for three rounds of three steps of ten minutes, each delayed and with three numbers, and an hour of quiet.
const LOOKS_MAX: usize = 27 * 2 * (3 * 3 * (3 * 600 + 300) + 3_600 + 600) * 1_000 / REWAKE_MS as usize;

/// The provider: what it took, whoever knows of it.
struct Drive {
    world: World,
    taken: BTreeMap<ProviderMessageId, u16>,
}

impl Drive {
    fn apply(&mut self, op: &Op) {
        let world = &mut self.world;
        match op {
            Op::Wait(seconds) => world.now += SignedDuration::from_secs(*seconds),
            Op::ClockSlips(seconds) => world.now -= SignedDuration::from_secs(*seconds),
            Op::Look => _ = world.look(),
            Op::LookWhenDue => {
                world.now = world.next_due().map_or(world.now, |due| due.max(world.now));
                world.look();
            }
            Op::Take { which, keeps } if !world.commands.is_empty() => {
                let which = which % world.commands.len();
                let command =
                    if *keeps { world.commands[which].clone() } else { world.commands.remove(which) };
                self.take(&command);
            }
            Op::Lose(which) if !world.commands.is_empty() => {
                _ = world.commands.remove(which % world.commands.len());
            }
            Op::Answer { which, taken, answer } if !world.requests.is_empty() => {
                self.answer(*which, *taken, *answer);
            }
            Op::Callback { which, status, class } if !self.taken.is_empty() => {
                let (name, number) = self.taken.iter().nth(which % self.taken.len()).unwrap();
                let class = if status.is_failure() { *class } else { FailureClass::Informational };
                let code = status.is_failure().then_some(30_003);
                world.apply(*number, &MessageEvent::Status { sid: name, status: *status, code, class });
            }
            Op::Settle { which, sent } if !world.run.messages().is_empty() => {
                let number = world.run.messages()[which % world.run.messages().len()].number();
                let verdict = if *sent { ReviewVerdict::Sent { sid: None } } else { ReviewVerdict::NotSent };
                world.apply(number, &MessageEvent::Reviewed { by: "Ada", verdict: &verdict });
            }
            Op::Acknowledge => _ = world.acknowledge("Ada"),
            Op::AcknowledgeOf(which) if !world.run.messages().is_empty() => {
                let number = world.run.messages()[which % world.run.messages().len()].number();
                world.acknowledge_of("Ada", number);
            }
            Op::HandOver(which) if !world.run.messages().is_empty() => {
                let number = world.run.messages()[which % world.run.messages().len()].number();
                let name = 100_000 + world.log.timeline.len() as u64;
                world.hand_over(name, number);
            }
            Op::Escalate => _ = world.escalate(),
            Op::Resolve => _ = world.resolve(),
            Op::Cancel => _ = world.cancel(),
            Op::OptOut(which) if !world.run.messages().is_empty() => {
                let number =
                    world.run.messages()[which % world.run.messages().len()].recipient().number.clone();
                let consent = world.consent.entry(number.as_str().to_owned()).or_default();
                let (change, evidence) = (ConsentChange::OptOut, String::new());
                consent.apply(&ConsentEntry::observed(number, change, world.now, "reply", evidence));
            }
            Op::Take { .. }
            | Op::Lose(_)
            | Op::Answer { .. }
            | Op::Callback { .. }
            | Op::OptOut(_)
            | Op::AcknowledgeOf(_)
            | Op::HandOver(_)
            | Op::Settle { .. } => {}
        }
    }

    /// Does what a sender does with a command.
    fn take(&mut self, command: &Command) {
        match command {
            Command::Dispatch { message, epoch } => _ = self.world.dispatch(message.number, *epoch),
            Command::ResolveDoubt { message, epoch } => {
                let number = message.number;
                let is_in_doubt =
                    |m: &&Message| m.epoch() == *epoch && matches!(m.phase(), MessagePhase::InDoubt { .. });
                if self.world.run.message(number).filter(is_in_doubt).is_some() {
                    let answer = self.look_up(number);
                    self.world.doubt_answer(number, &answer);
                }
            }
            Command::PollStatus { message, .. } => {
                let class = FailureClass::Informational;
                let answer = PollAnswer::Status { status: ProviderStatus::Sent, code: None, class };
                self.world.apply(message.number, &MessageEvent::Polled(&answer));
            }
            Command::LookNow { .. } => _ = self.world.look(),
        }
    }

    fn look_up(&self, number: u16) -> DoubtAnswer {
        match self.taken.iter().find(|(_, taken)| **taken == number) {
            Some((name, _)) => DoubtAnswer::Found {
                sid: name.clone(),
                status: ProviderStatus::Queued,
                code: None,
                class: FailureClass::Informational,
                evidence: "same text".into(),
            },
            None => DoubtAnswer::NotFound { evidence: "none".into() },
        }
    }

    fn answer(&mut self, which: usize, taken: bool, answer: Answer) {
        let which = which % self.world.requests.len();
        let request = self.world.requests.remove(which);
        let number = request.message.number;
        let name = u64::from(number) * 100 + u64::from(request.attempt);
        // The provider names what it takes; only then can an answer be clear, and never is it a refusal.
        let is_taken = match answer {
            Answer::Clear => true,
            Answer::Refused(class) => class == FailureClass::Ambiguous && taken,
            Answer::Unclear | Answer::WorkerDied => taken,
        };
        if is_taken {
            self.taken.insert(sid(name), number);
        }
        let outcome = match answer {
            Answer::Clear => sent(name),
            Answer::Refused(class) => not_sent(class, 20_429),
            Answer::Unclear => unclear(),
            Answer::WorkerDied => return,
        };
        let event = MessageEvent::Answered { attempt: request.attempt, outcome: &outcome, in_outage: false };
        self.world.apply(number, &event);
    }

    /// Lets time pass from timer to timer until nothing is due, or `is_done`. Every look must move the due time.
    fn settle(&mut self, takes_commands: bool, is_done: fn(&Run) -> bool) -> Result<(), TestCaseError> {
        for _ in 0..LOOKS_MAX {
            let Some(due) = self.world.next_due().filter(|_| !is_done(&self.world.run)) else {
                return Ok(());
            };
            self.world.now = self.world.now.max(due);
            self.world.look();
            if self.world.next_due().is_some_and(|next| next <= self.world.now) {
                // A claim that lapsed long ago is doubted by one look, and asked about by the next.
                let before = self.world.next_due();
                self.world.look();
                let next = self.world.next_due();
                prop_assert!(next.is_none_or(|next| next > self.world.now), "spins: {before:?}, {next:?}");
            }
            for command in std::mem::take(&mut self.world.commands) {
                if takes_commands {
                    self.take(&command);
                }
            }
            self.world.requests.clear();
        }
        Err(TestCaseError::fail(format!("still {:?} after {LOOKS_MAX} looks", self.world.run.phase())))
    }
}

/// What must hold between one state of a run and the next.
fn check(before: &Run, after: &World) -> Result<(), TestCaseError> {
    let run = &after.run;
    prop_assert!(after.next_due().is_some() || is_over(run), "forgotten: {run:?}");
    let json = serde_json::to_string(run).unwrap();
    prop_assert_eq!(&serde_json::from_str::<Run>(&json).unwrap(), run);
    prop_assert!(run.start() >= before.start() && run.messages().len() >= before.messages().len());
    prop_assert!(run.round() >= before.round() && run.round() <= after.workflow.definition.repeat);
    let ended = before.phase() != RunPhase::Active;
    // One that was acknowledged may be resolved, page again, or be handed on and end.
    let may_follow = before.phase() == RunPhase::Acknowledged;
    prop_assert!(run.ack_hold().is_none() || run.phase() == RunPhase::Acknowledged);
    prop_assert!(run.next().is_none() || run.phase() == RunPhase::Active);
    prop_assert!(
        !ended || run.phase() == before.phase() || may_follow,
        "{:?} -> {:?}",
        before.phase(),
        run.phase()
    );
    for (old, new) in before.messages().iter().zip(run.messages()) {
        prop_assert!(new.epoch() >= old.epoch() && new.attempt() >= old.attempt());
        prop_assert!(new.attempt() == old.attempt() || new.epoch() > old.epoch());
        prop_assert!(new.phase() == old.phase() || new.epoch() > old.epoch() || keeps_epoch(old, new));
        if let MessagePhase::Submitted { sid: bound, status: was, .. } = old.phase() {
            let MessagePhase::Submitted { sid, status, .. } = new.phase() else {
                // The provider took it and could not deliver it, so another attempt is made.
                if new.failed_sids().contains(bound) && matches!(new.phase(), MessagePhase::RetryWait { .. })
                {
                    continue;
                }
                return Err(TestCaseError::fail(format!("left submitted for {:?}", new.phase())));
            };
            prop_assert!(sid == bound && status.rank() >= was.rank());
            prop_assert!(!was.is_final() || status == was);
        }
    }
    for message in run.messages() {
        let informs = after.workflow.step(message.step()).is_some_and(|step| step.only_informs());
        let is_current = run.next().is_none() && message.start() == run.start();
        let is_wanted = run.phase() == RunPhase::Active && (is_current || informs);
        prop_assert!(is_wanted || !message.is_waiting(), "waits in vain: {message:?}");
        prop_assert!(run.phase() == RunPhase::Active || message.recipient().more_numbers.is_empty());
    }
    check_people(run)?;
    Ok(())
}

/// Of one start of a step, no phone gets two texts, and who goes to the next number is the same person.
fn check_people(run: &Run) -> Result<(), TestCaseError> {
    let mut phones = BTreeSet::new();
    for message in run.messages() {
        let recipient = message.recipient();
        prop_assert!(phones.insert((message.start(), recipient.number.clone())), "texted twice: {message:?}");
        if let Some(before) = message.follows().and_then(|number| run.message(number)) {
            prop_assert_eq!(&before.recipient().name, &recipient.name);
            prop_assert_eq!((before.start(), before.ack()), (message.start(), message.ack()));
        }
    }
    Ok(())
}

/// Whether the only changes are those that fence nothing: another status, another question, another wake-up.
fn keeps_epoch(old: &Message, new: &Message) -> bool {
    std::mem::discriminant(old.phase()) == std::mem::discriminant(new.phase())
}

fn is_over(run: &Run) -> bool {
    run.phase() != RunPhase::Active
        && run.ack_hold().is_none()
        && run.messages().iter().all(Message::is_final)
}

/// What must hold of a whole story.
fn check_story(world: &World) -> Result<(), TestCaseError> {
    for message in world.run.messages() {
        let mut may_send = true;
        let mut attempts = 0;
        for entry in world.log.timeline.iter().filter(|entry| entry.message == Some(message.number())) {
            match &entry.what {
                TimelineEvent::DispatchBegan { attempt } => {
                    prop_assert!(may_send, "attempt {attempt} of {} has no reason", message.number());
                    may_send = false;
                    attempts += 1;
                    prop_assert_eq!(*attempt, attempts);
                }
                TimelineEvent::RetryScheduled { .. } => may_send = true,
                TimelineEvent::DoubtResolved { by, evidence } => {
                    may_send = *by == DoubtResolvedBy::Resend || evidence.ends_with("was not sent");
                }
                TimelineEvent::Submitted { .. } => may_send = false,
                _ => {}
            }
        }
        prop_assert_eq!(message.attempt(), attempts);
        // An operator's word that a text was not sent is not bounded: each gives one attempt.
        let settled = world
            .entries(|what| matches!(what, TimelineEvent::DoubtResolved { by, .. } if *by == DoubtResolvedBy::Operator))
            .len();
        let bound =
            world.workflow.definition.retry.attempts_max + message.uncounted_attempts() + settled as u16;
        prop_assert!(attempts <= bound, "{attempts} attempts");
        if let MessagePhase::Suppressed { rule } = message.phase() {
            prop_assert_ne!(*rule, Rule::Passed);
        }
    }
    let mut ends = BTreeSet::new();
    for outcome in &world.log.outcomes {
        let is_new = ends.insert(outcome.phase);
        prop_assert!(is_new || outcome.phase == RunPhase::Acknowledged, "{:?} twice", outcome.phase);
    }
    let closed = world.entries(|what| matches!(what, TimelineEvent::Closed { .. })).len();
    prop_assert_eq!(closed, world.log.outcomes.len());
    let tickets = world.entries(|what| matches!(what, TimelineEvent::TicketWanted { .. })).len();
    let taken = world.log.outcomes.iter().filter(|outcome| outcome.phase == RunPhase::Acknowledged).count();
    prop_assert!(closed <= taken + 1 && tickets <= 1);
    // Whoever is paged again had acknowledged, and it had expired or was handed on.
    let expired = world.entries(|what| matches!(what, TimelineEvent::AcknowledgementExpired { .. })).len();
    prop_assert_eq!(usize::from(world.run.expired_acks()), expired);
    let letters: BTreeSet<_> = world.log.dead_letters.iter().map(|letter| &letter.id).collect();
    prop_assert_eq!(letters.len(), world.log.dead_letters.len());
    Ok(())
}

fn play(plan: &Plan, ops: &[Op]) -> Result<Drive, TestCaseError> {
    let mut drive = Drive { world: plan.open(), taken: BTreeMap::new() };
    check(&drive.world.run.clone(), &drive.world)?;
    for op in ops {
        let before = drive.world.run.clone();
        drive.apply(op);
        check(&before, &drive.world)?;
    }
    check_story(&drive.world)?;
    Ok(drive)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_a_run_ends_although_every_wake_up_is_lost(
        plan in plans(), ops in prop::collection::vec(ops(), 0..80)
    ) {
        let mut drive = play(&plan, &ops)?;
        drive.settle(false, |run| run.phase() != RunPhase::Active)?;
        prop_assert_ne!(drive.world.run.phase(), RunPhase::Active);
        check_story(&drive.world)?;
    }

    #[test]
    fn whatever_happens_nothing_stays_due_where_somebody_works(
        plan in plans(), ops in prop::collection::vec(ops(), 0..80)
    ) {
        let mut drive = play(&plan, &ops)?;
        drive.settle(true, |_| false)?;
        prop_assert!(is_over(&drive.world.run));
        check_story(&drive.world)?;
    }
}

#[test]
fn the_same_story_is_told_the_same_way_twice() {
    let plan = Plan {
        steps: vec![(Some(20), Some(120), 2), (None, Some(600), 1)],
        extras: vec![Extra { all: true, more_numbers: 1, ..Extra::default() }, Extra::default()],
        repeat: 1,
        ack_expires: Some(900),
        on_doubt: OnDoubt::Resend,
        quiet: true,
        attempts_max: 3,
        not_after_s: 86_400,
        ticket: true,
    };
    let ops = [
        Op::Answer { which: 0, taken: true, answer: Answer::Unclear },
        Op::Answer { which: 0, taken: false, answer: Answer::Refused(FailureClass::RetrySoon) },
        Op::LookWhenDue,
        Op::Take { which: 0, keeps: true },
        Op::Wait(100),
        Op::Look,
    ];
    let (one, two) = (play(&plan, &ops).unwrap(), play(&plan, &ops).unwrap());
    assert_eq!((one.world.run, one.world.log), (two.world.run, two.world.log));
}
