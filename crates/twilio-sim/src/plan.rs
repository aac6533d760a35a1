//! The statuses that a created message will go through. In: the phone, faults, times. Out: steps in order.
//!
//! Never: waits, or changes anything.

use std::time::Duration;

use crate::{
    message::Status,
    phone::{Behaviour, FailedStatus},
};

/// One change of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// How long after the creation.
    pub(crate) after: Duration,
    pub(crate) status: Status,
    pub(crate) error_code: Option<u32>,
    /// The phone shows the text from here on.
    pub(crate) arrives: bool,
}

/// The circumstances a plan depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    pub(crate) first: Status,
    pub(crate) behaviour: Behaviour,
    pub(crate) delivery_fault: Option<(FailedStatus, u32)>,
    pub(crate) sent: Duration,
    pub(crate) delivered: Duration,
    pub(crate) validity: Duration,
    /// How long a scheduled text waits.
    pub(crate) wait: Duration,
}

pub(crate) fn plan(circumstances: Circumstances) -> Vec<Step> {
    let Circumstances { first, behaviour, delivery_fault, sent, delivered, validity, wait } = circumstances;
    let step = |after, status, error_code| Step { after, status, error_code, arrives: false };
    let mut steps = Vec::with_capacity(3);
    if matches!(first, Status::Accepted | Status::Scheduled) {
        steps.push(step(wait, Status::Queued, None));
    }
    if behaviour == Behaviour::NeverLeaves || sent > validity {
        steps.push(step(wait + validity, Status::Failed, Some(30_036)));
        return steps;
    }
    let failure = match behaviour {
        Behaviour::Off => Some((FailedStatus::Undelivered, 30_003)),
        Behaviour::Landline => Some((FailedStatus::Undelivered, 30_006)),
        Behaviour::Fails { status, code } => Some((status, code)),
        Behaviour::On | Behaviour::Silent | Behaviour::NeverLeaves => delivery_fault,
    };
    let (sent, last) = (wait + sent, wait + sent + delivered);
    match failure {
        Some((FailedStatus::Failed, code)) => steps.push(step(sent, Status::Failed, Some(code))),
        Some((FailedStatus::Undelivered, code)) => {
            steps.push(step(sent, Status::Sent, None));
            steps.push(step(last, Status::Undelivered, Some(code)));
        }
        None if behaviour == Behaviour::Silent => {
            steps.push(Step { arrives: true, ..step(sent, Status::Sent, None) });
        }
        None => {
            steps.push(step(sent, Status::Sent, None));
            steps.push(Step { arrives: true, ..step(last, Status::Delivered, None) });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first: Status, behaviour: Behaviour, expected: &[(Status, Option<u32>)]) {
        let second = Duration::from_secs(1);
        let circumstances = Circumstances {
            first,
            behaviour,
            delivery_fault: None,
            sent: second,
            delivered: second,
            validity: 10 * second,
            wait: Duration::ZERO,
        };
        let steps: Vec<_> = plan(circumstances).iter().map(|step| (step.status, step.error_code)).collect();
        assert_eq!(steps, expected, "{first:?} {behaviour:?}");
    }

    #[test]
    fn a_plan_follows_the_phone() {
        let (queued, sent) = ((Status::Queued, None), (Status::Sent, None));
        check(Status::Queued, Behaviour::On, &[sent, (Status::Delivered, None)]);
        check(Status::Accepted, Behaviour::On, &[queued, sent, (Status::Delivered, None)]);
        check(Status::Queued, Behaviour::Off, &[sent, (Status::Undelivered, Some(30_003))]);
        check(Status::Queued, Behaviour::Landline, &[sent, (Status::Undelivered, Some(30_006))]);
        let fails = Behaviour::Fails { status: FailedStatus::Failed, code: 30_007 };
        check(Status::Accepted, fails, &[queued, (Status::Failed, Some(30_007))]);
        check(Status::Queued, Behaviour::Silent, &[sent]);
        check(Status::Queued, Behaviour::NeverLeaves, &[(Status::Failed, Some(30_036))]);
    }
}
