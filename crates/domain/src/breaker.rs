//! When sending stops: a provider that is down gets no work, and no work fails because of it.
//!
//! In: what requests brought, and the time. Out: whether a lane may pull work, and when.
//! Never: fails work, or decides about a single text; it only keeps a sender from pulling what it could not send.
//!
//! Closed, it lets everything through. Open, it lets nothing through until a moment that lies further ahead with each
//! failed probe. From that moment on it is half open: a few probes at once, until a request tells how the provider is.

use jiff::{SignedDuration, Timestamp};

use crate::{
    limits::{
        BREAKER_OPEN_MS_MAX, BREAKER_OPEN_MS_MIN, BREAKER_PROBES_MAX, BREAKER_SAMPLE, BREAKER_TROUBLE_MIN,
        BREAKER_WAIT_FOR_CRITICAL_MS,
    },
    provider::{FailureClass, SubmitOutcome},
    time::after,
    workflow::Lane,
};

/// What one request says of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderSignal {
    /// It answers: it took the text, or refused this text alone.
    Answer,
    /// It does not, or not in time, or is too busy.
    Trouble,
    /// It refuses the whole account, with this code.
    Stopped(Option<u32>),
}

impl ProviderSignal {
    /// What an outcome says of the provider.
    pub fn from(outcome: &SubmitOutcome) -> Self {
        match outcome {
            SubmitOutcome::Sent { .. } => Self::Answer,
            SubmitOutcome::InDoubt { .. } => Self::Trouble,
            SubmitOutcome::NotSent(refusal) => match refusal.class {
                FailureClass::Account => Self::Stopped(refusal.code),
                FailureClass::RetrySoon | FailureClass::Ambiguous => Self::Trouble,
                FailureClass::RetryLater
                | FailureClass::Recipient
                | FailureClass::OptedOut
                | FailureClass::Configuration
                | FailureClass::Originator
                | FailureClass::Informational => Self::Answer,
            },
        }
    }
}

/// Whether a lane may pull the next piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// Yes, as much as it can.
    Now,
    /// One piece, as a probe. [`Breaker::end_probe`] is owed when it is done, whether it made a request or not.
    Probe,
    /// Not before a probe has ended.
    AfterProbe,
    /// Not before this time.
    At(Timestamp),
}

/// What a request changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerTransition {
    /// Sending stops.
    Opened {
        /// The code with which the provider refused the whole account, if it did.
        stopped: Option<Option<u32>>,
        /// When the provider is tried next.
        until: Timestamp,
    },
    /// Sending goes on.
    Closed,
}

/// The circuit breaker of one account and sender.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: State,
    /// The latest outcomes, the latest in the lowest bit; a one is trouble.
    recent: u64,
    samples: u32,
    /// How often it opened without an answer in between.
    openings: u32,
    /// Probes that have not ended.
    probes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    /// Until then nothing is pulled; from then on, a few probes.
    Open {
        until: Timestamp,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed, recent: 0, samples: 0, openings: 0, probes: 0 }
    }
}

impl Breaker {
    /// Whether sending goes on without restraint.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Whether a lane may pull now. Pulling while it is open is a probe: urgent work is tried first, and where there is
    /// none for a while, any. Each lane leaves a probe to the one above it, so that work which takes long never keeps
    /// more urgent work from being tried.
    pub fn permit(&mut self, lane: Lane, now: Timestamp) -> Permit {
        let State::Open { until } = self.state else { return Permit::Now };
        let others_wait = after(until, SignedDuration::from_millis(BREAKER_WAIT_FOR_CRITICAL_MS));
        let (from, probes_max) = match lane {
            Lane::Critical => (until, BREAKER_PROBES_MAX),
            Lane::Standard => (others_wait, BREAKER_PROBES_MAX - 1),
            Lane::Bulk => (others_wait, BREAKER_PROBES_MAX - 2),
        };
        if now < from {
            return Permit::At(from);
        }
        if self.probes >= probes_max {
            return Permit::AfterProbe;
        }
        self.probes += 1;
        Permit::Probe
    }

    /// A probe has ended. If it made a request, [`Breaker::note`] has heard of it; if not, it cost nothing.
    pub fn end_probe(&mut self) {
        self.probes = self.probes.saturating_sub(1);
    }

    /// Takes note of what a request brought.
    pub fn note(&mut self, signal: ProviderSignal, now: Timestamp) -> Option<BreakerTransition> {
        self.recent = self.recent << 1 | u64::from(signal != ProviderSignal::Answer);
        self.samples = self.samples.saturating_add(1).min(BREAKER_SAMPLE);
        match (signal, self.state) {
            (ProviderSignal::Answer, State::Open { .. }) => {
                *self = Self { probes: self.probes, ..Self::default() };
                Some(BreakerTransition::Closed)
            }
            (ProviderSignal::Answer, State::Closed) => {
                self.openings = 0;
                None
            }
            // Requests that were under way when it opened say nothing new.
            (ProviderSignal::Trouble | ProviderSignal::Stopped(_), State::Open { until }) if now < until => {
                None
            }
            (ProviderSignal::Trouble, State::Closed) if !self.is_in_trouble() => None,
            (ProviderSignal::Trouble, _) => Some(self.open(None, now)),
            (ProviderSignal::Stopped(code), _) => Some(self.open(Some(code), now)),
        }
    }

    fn is_in_trouble(&self) -> bool {
        let sample = self.recent & ((1 << BREAKER_SAMPLE) - 1);
        self.samples >= BREAKER_TROUBLE_MIN && sample.count_ones() >= BREAKER_TROUBLE_MIN
    }

    fn open(&mut self, stopped: Option<Option<u32>>, now: Timestamp) -> BreakerTransition {
        let wait_ms = BREAKER_OPEN_MS_MIN.saturating_mul(1 << self.openings.min(16)).min(BREAKER_OPEN_MS_MAX);
        self.openings = self.openings.saturating_add(1);
        let until = after(now, SignedDuration::from_millis(wait_ms));
        self.state = State::Open { until };
        BreakerTransition::Opened { stopped, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        let turns: Vec<_> =
            (0..BREAKER_TROUBLE_MIN).map(|_| breaker.note(ProviderSignal::Trouble, at(0))).collect();
        assert!(turns[..turns.len() - 1].iter().all(Option::is_none));
        assert_eq!(
            turns.last(),
            Some(&Some(BreakerTransition::Opened { stopped: None, until: at(BREAKER_OPEN_MS_MIN) }))
        );
        assert!(!breaker.is_closed());
        breaker
    }

    #[test]
    fn trouble_now_and_then_is_no_reason_to_stop() {
        let mut breaker = Breaker::default();
        for round in 0..1_000 {
            let signal = if round % 3 == 0 { ProviderSignal::Trouble } else { ProviderSignal::Answer };
            assert_eq!(breaker.note(signal, at(round)), None);
            assert_eq!(breaker.permit(Lane::Bulk, at(round)), Permit::Now);
        }
    }

    #[test]
    fn while_it_is_open_nothing_is_pulled_and_then_urgent_work_first() {
        let mut breaker = opened();
        let until = BREAKER_OPEN_MS_MIN;
        assert_eq!(breaker.permit(Lane::Critical, at(until - 1)), Permit::At(at(until)));
        assert_eq!(
            breaker.permit(Lane::Standard, at(until)),
            Permit::At(at(until + BREAKER_WAIT_FOR_CRITICAL_MS))
        );
        for _ in 0..BREAKER_PROBES_MAX {
            assert_eq!(breaker.permit(Lane::Critical, at(until)), Permit::Probe);
        }
        assert_eq!(breaker.permit(Lane::Critical, at(until)), Permit::AfterProbe, "a few probes are enough");
        assert_eq!(breaker.note(ProviderSignal::Answer, at(until + 10)), Some(BreakerTransition::Closed));
        assert!(breaker.is_closed());
        assert_eq!(breaker.permit(Lane::Bulk, at(until + 10)), Permit::Now);
    }

    #[test]
    fn each_probe_that_fails_makes_it_wait_longer_up_to_a_bound() {
        let mut breaker = opened();
        let (mut now, mut waits) = (at(BREAKER_OPEN_MS_MIN), Vec::new());
        for _ in 0..8 {
            assert_eq!(breaker.permit(Lane::Critical, now), Permit::Probe);
            let Some(BreakerTransition::Opened { until, .. }) = breaker.note(ProviderSignal::Trouble, now)
            else {
                panic!("a probe failed")
            };
            // What was under way still comes in, and changes nothing.
            assert_eq!(breaker.note(ProviderSignal::Trouble, now), None);
            breaker.end_probe();
            waits.push(until.duration_since(now).as_millis() as i64);
            now = until;
        }
        assert!(waits.is_sorted() && waits[7] == BREAKER_OPEN_MS_MAX, "{waits:?}");
    }

    #[test]
    fn a_stopped_account_stops_at_once() {
        let mut breaker = Breaker::default();
        let turn = breaker.note(ProviderSignal::Stopped(Some(20_003)), at(0));
        assert!(matches!(turn, Some(BreakerTransition::Opened { stopped: Some(Some(20_003)), .. })));
        assert!(matches!(breaker.permit(Lane::Critical, at(0)), Permit::At(_)));
    }

    #[test]
    fn a7_probes_that_make_no_request_cost_nothing() {
        let mut breaker = opened();
        let now = at(BREAKER_OPEN_MS_MIN);
        for _ in 0..40 {
            assert_eq!(breaker.permit(Lane::Critical, now), Permit::Probe);
            breaker.end_probe();
        }
        assert_eq!(
            breaker.permit(Lane::Critical, now),
            Permit::Probe,
            "the page is tried at the same moment"
        );
        assert_eq!(breaker.note(ProviderSignal::Answer, now), Some(BreakerTransition::Closed));
    }

    #[test]
    fn a_lane_leaves_a_probe_to_the_one_above_it() {
        let mut breaker = opened();
        let now = at(BREAKER_OPEN_MS_MIN + BREAKER_WAIT_FOR_CRITICAL_MS);
        assert_eq!(breaker.permit(Lane::Bulk, now), Permit::Probe);
        assert_eq!(breaker.permit(Lane::Bulk, now), Permit::AfterProbe);
        assert_eq!(breaker.permit(Lane::Standard, now), Permit::Probe);
        assert_eq!(breaker.permit(Lane::Standard, now), Permit::AfterProbe);
        assert_eq!(breaker.permit(Lane::Critical, now), Permit::Probe);
        assert_eq!(breaker.permit(Lane::Critical, now), Permit::AfterProbe);
    }

    #[test]
    fn a_probe_that_outlives_an_outage_still_counts_in_the_next_one() {
        let mut breaker = opened();
        let probing = at(BREAKER_OPEN_MS_MIN);
        (0..BREAKER_PROBES_MAX)
            .for_each(|_| assert_eq!(breaker.permit(Lane::Critical, probing), Permit::Probe));
        assert_eq!(breaker.note(ProviderSignal::Answer, probing), Some(BreakerTransition::Closed));
        let Some(BreakerTransition::Opened { until, .. }) =
            breaker.note(ProviderSignal::Stopped(None), probing)
        else {
            panic!("a stopped account stops at once")
        };
        assert_eq!(breaker.permit(Lane::Critical, until), Permit::AfterProbe);
        breaker.end_probe();
        assert_eq!(breaker.permit(Lane::Critical, until), Permit::Probe);
    }
}
