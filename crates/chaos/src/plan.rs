//! What a chaos run does, and when. In: a seed and a few numbers. Out: which faults come at which moment.
//!
//! Never: draws from anything but the seed, so that a run can be repeated.

use std::{path::PathBuf, time::Duration};

use rand::{RngExt as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use twilio_sim::{DeliveryFailure, FailedStatus, FaultPlan};

/// The fleet: one process each.
pub const ROLES: [&str; 8] =
    ["ingest", "sender", "sender", "sender", "callback", "callback", "escalation", "escalation"];

/// How long a server stays dead before it is started again, in milliseconds.
pub(crate) const SERVER_DOWN_MS: std::ops::Range<u64> = 300..1_500;

/// The longest time after which lists have a text, in milliseconds.
const LIST_LAG_MS: u64 = 30_000;

/// One chaos run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The binary that every process runs.
    pub callout: PathBuf,
    /// What chance is drawn from.
    pub seed: u64,
    /// Events that are sent, spread evenly over the kills.
    pub events: usize,
    /// Processes that get SIGKILL.
    pub kills: usize,
    /// The time from one kill to the next.
    pub kill_every: Duration,
    /// How often RabbitMQ is killed and started again.
    pub broker_restarts: usize,
    /// How often Redis is killed and started again.
    pub store_restarts: usize,
    /// How long a page waits for its acknowledgement, in seconds, at each step.
    pub ack_s: u32,
    /// Whether the store is on three primaries of a Redis Cluster, which are killed in turns, instead of one server.
    pub is_redis_cluster: bool,
    /// Whether the recovery figures are measured as well.
    pub measures_recovery: bool,
    /// Events a second that the source may send before it waits in a lower lane; what is configured when absent.
    pub quota_per_s: Option<u32>,
    /// What every process logs; as it is configured when absent.
    pub log: Option<String>,
}

/// What is killed at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// A process, by its place in [`ROLES`].
    Worker(usize),
    /// RabbitMQ, for so many milliseconds.
    Broker(u64),
    /// Redis, for so many milliseconds.
    Store(u64),
}

impl Plan {
    /// The whole run: some minutes from a release build.
    pub fn full(callout: PathBuf) -> Self {
        Self {
            callout,
            seed: 1,
            events: 10_000,
            kills: 40,
            kill_every: Duration::from_secs(2),
            broker_restarts: 2,
            store_restarts: 2,
            ack_s: 20,
            is_redis_cluster: false,
            measures_recovery: true,
            quota_per_s: None,
            log: None,
        }
    }

    /// A few events, with every process killed once, and everything logged that can be: what no log may hold is searched
    /// for afterwards.
    pub fn traced(callout: PathBuf) -> Self {
        // The lines of lapin come to those alone who name it.
        Self { events: 200, log: Some("trace,lapin=trace".to_owned()), ..Self::short(callout) }
    }

    /// The run that is part of the tests: less than a minute, most of it the 30 s for which a dead worker's claims hold.
    pub fn short(callout: PathBuf) -> Self {
        Self {
            events: 1_000,
            kills: 8,
            kill_every: Duration::from_millis(1_200),
            broker_restarts: 1,
            store_restarts: 1,
            ack_s: 12,
            measures_recovery: false,
            ..Self::full(callout)
        }
    }

    /// Whether there are enough events for each fault that comes by chance.
    pub(crate) fn meets_rare_faults(&self) -> bool {
        self.events >= 1_000
    }

    /// How long events are sent.
    pub(crate) fn load_lasts(&self) -> Duration {
        self.kill_every * (self.kills.max(1) as u32 + 1)
    }

    /// Everything that is killed, with the time after the first event. Workers are dealt like cards, so that none is
    /// spared by chance; servers die at even distances among them, in turns, Redis first: RabbitMQ takes seconds to come
    /// back, in which a dead sender leaves nothing behind.
    pub(crate) fn victims(&self) -> Vec<(Duration, Victim)> {
        let mut chance = self.chance("victims");
        let mut deck: Vec<usize> = Vec::new();
        let mut victims = Vec::new();
        for kill in 1..=self.kills {
            if deck.is_empty() {
                deck.extend(0..ROLES.len());
                deck.shuffle(&mut chance);
            }
            victims.extend(deck.pop().map(|index| (self.kill_every * kill as u32, Victim::Worker(index))));
        }
        let servers = self.broker_restarts + self.store_restarts;
        let (mut brokers, mut stores) = (self.broker_restarts, self.store_restarts);
        for place in 1..=servers {
            let at = self.load_lasts() * place as u32 / (servers as u32 + 1);
            let down_ms = chance.random_range(SERVER_DOWN_MS);
            let is_broker = stores == 0 || (brokers > 0 && place % 2 == 0);
            victims.push((at, if is_broker { Victim::Broker(down_ms) } else { Victim::Store(down_ms) }));
            *(if is_broker { &mut brokers } else { &mut stores }) -= 1;
        }
        victims.sort();
        victims
    }

    /// What goes wrong at the provider: every kind of fault that the simulator has.
    pub(crate) fn provider_faults(&self) -> FaultPlan {
        FaultPlan {
            // Slow enough that a killed sender has requests in flight.
            latency_ms: 200,
            latency_jitter_ms: 200,
            rate_429: 0.01,
            rate_503: 0.01,
            rate_accepted_then_500: 0.005,
            rate_accepted_no_answer: 0.01,
            rate_hang: 0.01,
            // Longer than an answer is waited for.
            hang_ms: 4_000,
            // An unknown number, which is not retried, and an unknown error, which may be worth it.
            delivery_failures: [30_005, 30_008]
                .map(|code| DeliveryFailure { rate: 0.005, status: FailedStatus::Undelivered, code })
                .to_vec(),
            rate_callback_lost: 0.01,
            rate_callback_doubled: 0.1,
            rate_callback_reordered: 0.2,
            rate_callback_early: 0.05,
            list_lag_ms: LIST_LAG_MS,
        }
    }

    /// A generator of its own for each purpose, so that one more draw here moves nothing there.
    pub(crate) fn chance(&self, purpose: &str) -> ChaCha8Rng {
        let digest = domain::id::digest(&[&self.seed.to_string(), purpose]);
        ChaCha8Rng::seed_from_u64(digest[..8].iter().fold(0, |seed, byte| seed << 8 | u64::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_has_the_same_victims_and_another_has_others() {
        let plan = Plan::full(PathBuf::new());
        assert_eq!(plan.victims(), plan.victims());
        assert_ne!(plan.victims(), Plan { seed: 2, ..plan }.victims());
    }

    #[test]
    fn eight_kills_spare_no_process_and_every_restart_is_planned() {
        let victims = Plan::short(PathBuf::new()).victims();
        let died = |victim: &dyn Fn(Victim) -> bool| victims.iter().filter(|(_, v)| victim(*v)).count();
        for index in 0..ROLES.len() {
            assert_eq!(died(&|victim| victim == Victim::Worker(index)), 1, "{index}");
        }
        assert_eq!(died(&|victim| matches!(victim, Victim::Broker(_))), 1);
        assert_eq!(died(&|victim| matches!(victim, Victim::Store(_))), 1);
        assert!(victims.is_sorted());
    }
}
