//! What is drawn for the properties: workflows, and what happens to their runs.
//!
//! In: chance. Out: a plan and operations. Never: an operation that the world could not do.

use domain::{
    directory::Recipient,
    phone::E164,
    provider::{FailureClass, ProviderStatus},
    quiet_hours::QuietHours,
    workflow::{AcknowledgedBy, OnDoubt, Step, WorkflowDefinition},
};
use proptest::prelude::*;

use crate::world::{World, audiences, definition, step};

/// What is drawn of a step beside its deadlines and how many it notifies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extra {
    /// It waits for everybody.
    pub(crate) all: bool,
    /// It only informs, and goes on after this many seconds.
    pub(crate) continues: Option<u32>,
    pub(crate) delay: Option<u32>,
    /// How many other numbers each person has.
    pub(crate) more_numbers: u16,
}

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<(Option<u32>, Option<u32>, u16)>,
    /// By step.
    pub(crate) extras: Vec<Extra>,
    pub(crate) repeat: u8,
    pub(crate) ack_expires: Option<u32>,
    pub(crate) on_doubt: OnDoubt,
    pub(crate) quiet: bool,
    pub(crate) attempts_max: u16,
    pub(crate) not_after_s: u32,
    pub(crate) ticket: bool,
}

impl Plan {
    pub(crate) fn open(&self) -> World {
        let last = self.steps.len() - 1;
        let of = |(index, (deliver, ack, _)): (usize, &(Option<u32>, Option<u32>, u16))| {
            let extra = &self.extras[index];
            // What the configuration would refuse is not drawn.
            let continues = extra.continues.filter(|_| index < last && ack.is_none());
            let by = if extra.all && ack.is_some() { AcknowledgedBy::All } else { AcknowledgedBy::Any };
            Step {
                acknowledged_by: by,
                continue_after_s: continues,
                delay_s: extra.delay,
                ..step(*deliver, *ack)
            }
        };
        let steps = self.steps.iter().enumerate().map(of).collect();
        let sizes: Vec<u16> = self.steps.iter().map(|(.., people)| *people).collect();
        let (start, end) = ("12:05".parse().unwrap(), "13:00".parse().unwrap());
        let hours = QuietHours::daily(start, end, "UTC");
        let mut definition = WorkflowDefinition {
            on_doubt: self.on_doubt,
            quiet_hours: self.quiet.then_some(hours),
            not_after_s: self.not_after_s,
            repeat: self.repeat,
            ack_expires_s: self.ack_expires,
            ..definition(steps)
        };
        definition.retry.attempts_max = self.attempts_max;
        definition.exhausted_ticket = definition.exhausted_ticket.filter(|_| self.ticket);
        let mut people = audiences(&sizes);
        for (audience, extra) in people.iter_mut().zip(&self.extras) {
            audience
                .addressees
                .iter_mut()
                .for_each(|one| one.recipient.more_numbers = more(&one.recipient, extra));
        }
        World::open(definition, people)
    }
}

/// Numbers of one person beside the first.
fn more(recipient: &Recipient, extra: &Extra) -> Vec<E164> {
    let number = |n: u16| format!("{}{n}", recipient.number.as_str()).parse().unwrap();
    (0..extra.more_numbers).map(number).collect()
}

fn extras() -> impl Strategy<Value = Extra> {
    let seconds = || prop::option::weighted(0.3, prop::sample::select(vec![5u32, 60, 300]));
    (any::<bool>(), seconds(), seconds(), 0u16..3).prop_map(|(all, continues, delay, more_numbers)| Extra {
        all,
        continues,
        delay,
        more_numbers,
    })
}

pub(crate) fn plans() -> impl Strategy<Value = Plan> {
    let deadline = || prop::option::of(prop::sample::select(vec![20u32, 120, 600]));
    let steps = prop::collection::vec((deadline(), deadline(), 0u16..=3), 1..=3);
    let on_doubt = prop::sample::select(vec![OnDoubt::Resend, OnDoubt::Review]);
    let not_after_s = prop::sample::select(vec![100u32, 1_000, 86_400]);
    let around = (
        prop::collection::vec(extras(), 3),
        0u8..3,
        prop::option::of(prop::sample::select(vec![900u32, 3_600])),
    );
    (steps, on_doubt, any::<bool>(), 1u16..4, not_after_s, any::<bool>(), around).prop_map(
        |(steps, on_doubt, quiet, attempts_max, not_after_s, ticket, (extras, repeat, ack_expires))| Plan {
            steps,
            extras,
            repeat,
            ack_expires,
            on_doubt,
            quiet,
            attempts_max,
            not_after_s,
            ticket,
        },
    )
}

/// What happens next. Numbers pick one of what there is.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// Seconds go by and nobody looks.
    Wait(i64),
    /// The clock of another machine is a little behind.
    ClockSlips(i64),
    /// A timer fires, in time or not.
    Look,
    /// The next timer fires.
    LookWhenDue,
    /// A sender takes a command. `keeps`: the broker delivers it once more.
    Take {
        which: usize,
        keeps: bool,
    },
    /// The broker loses a command.
    Lose(usize),
    /// A request ends. The provider may have taken it although the worker cannot tell, or died.
    Answer {
        which: usize,
        taken: bool,
        answer: Answer,
    },
    /// The provider posts a status of a text it took; again, late or out of order as it comes.
    Callback {
        which: usize,
        status: ProviderStatus,
        class: FailureClass,
    },
    Acknowledge,
    /// The recipient of one of the texts acknowledges.
    AcknowledgeOf(usize),
    /// The recipient of one of the texts hands the run on.
    HandOver(usize),
    /// An operator has the run move on.
    Escalate,
    /// An operator says what became of a held text.
    Settle {
        which: usize,
        sent: bool,
    },
    Resolve,
    Cancel,
    OptOut(usize),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    Clear,
    Refused(FailureClass),
    Unclear,
    WorkerDied,
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

pub(crate) fn ops() -> impl Strategy<Value = Op> {
    let classes = vec![
        FailureClass::RetrySoon,
        FailureClass::Ambiguous,
        FailureClass::Recipient,
        FailureClass::OptedOut,
        FailureClass::Account,
    ];
    let failures = vec![FailureClass::Recipient, FailureClass::RetryLater];
    let answer = prop_oneof![
        3 => Just(Answer::Clear),
        2 => prop::sample::select(classes).prop_map(Answer::Refused),
        2 => Just(Answer::Unclear),
        1 => Just(Answer::WorkerDied),
    ];
    let which = || 0usize..12;
    prop_oneof![
        3 => (1i64..200).prop_map(Op::Wait),
        1 => (1i64..5).prop_map(Op::ClockSlips),
        3 => Just(Op::Look),
        5 => Just(Op::LookWhenDue),
        6 => (which(), any::<bool>()).prop_map(|(which, keeps)| Op::Take { which, keeps }),
        1 => which().prop_map(Op::Lose),
        6 => (which(), any::<bool>(), answer).prop_map(|(which, taken, answer)| Op::Answer { which, taken, answer }),
        4 => (which(), prop::sample::select(STATUSES.to_vec()), prop::sample::select(failures))
            .prop_map(|(which, status, class)| Op::Callback { which, status, class }),
        1 => (which(), any::<bool>()).prop_map(|(which, sent)| Op::Settle { which, sent }),
        1 => Just(Op::Acknowledge),
        1 => which().prop_map(Op::AcknowledgeOf),
        1 => which().prop_map(Op::HandOver),
        1 => Just(Op::Escalate),
        1 => Just(Op::Resolve),
        1 => Just(Op::Cancel),
        1 => which().prop_map(Op::OptOut),
    ]
}
