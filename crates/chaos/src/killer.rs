//! Carries out what the plan kills. In: victims and their moments. Out: who died when.
//!
//! Never: waits for a recovery; the next victim dies at its time.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, SystemClock};
use tokio::task::JoinHandle;

use crate::{
    fleet::Fleet,
    pause::pause,
    plan::{ROLES, Victim},
};

/// Who died, and when.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deaths {
    /// By role, `rabbitmq` or `redis`: when each was dead.
    pub(crate) at: BTreeMap<&'static str, Vec<Timestamp>>,
}

impl Deaths {
    /// All moments at which a request may have been cut off.
    pub(crate) fn moments(&self) -> Vec<Timestamp> {
        let mut moments: Vec<Timestamp> = self.at.values().flatten().copied().collect();
        moments.sort();
        moments
    }
}

/// Kills them all, and returns once every server runs again.
pub(crate) async fn kill_all(
    fleet: &Fleet,
    victims: &[(Duration, Victim)],
    begin: Timestamp,
) -> Result<Deaths> {
    let mut deaths = Deaths::default();
    let mut restarts: Vec<JoinHandle<()>> = Vec::new();
    for (after, victim) in victims {
        SystemClock.sleep_until(begin + SignedDuration::try_from(*after)?).await;
        let (name, died) = match *victim {
            Victim::Worker(index) => (ROLES[index], fleet.workers[index].kill().await),
            Victim::Broker(down_ms) => {
                let broker = fleet.broker.clone();
                restarts.push(restart(down_ms, move |order| match order {
                    Order::Kill => broker.kill(),
                    Order::Start => broker.restart(),
                }));
                ("rabbitmq", Some(SystemClock.now()))
            }
            Victim::Store(down_ms) => {
                let (redis, turn) = (fleet.redis.clone(), deaths.at.get("redis").map_or(0, Vec::len));
                restarts.push(restart(down_ms, move |order| match (redis.victim(turn), order) {
                    (Some(server), Order::Kill) => server.kill(),
                    (Some(server), Order::Start) => server.restart(),
                    (None, _) => {}
                }));
                ("redis", Some(SystemClock.now()))
            }
        };
        deaths.at.entry(name).or_default().extend(died);
    }
    for restart in restarts {
        restart.await?;
    }
    Ok(deaths)
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Kill,
    Start,
}

/// Kills a server, and starts it again after a while; starting returns when it is ready.
fn restart(down_ms: u64, order: impl Fn(Order) + Send + Clone + 'static) -> JoinHandle<()> {
    tokio::spawn(async move {
        let (kill, start) = (order.clone(), order);
        // A failure to do so panics in the task, and is seen by the task that waits for this one.
        let killed = tokio::task::spawn_blocking(move || kill(Order::Kill)).await;
        pause(Duration::from_millis(down_ms)).await;
        let started = tokio::task::spawn_blocking(move || start(Order::Start)).await;
        for done in [killed, started] {
            if let Err(error) = done {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    })
}
