//! The same kills for both. In: how many, and a seed. Out: rows with the texts that were lost and doubled.
//!
//! Never: asks those that are measured: the provider says what it took.

use std::{path::Path, time::Duration};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, SystemClock};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use twilio_sim::FaultPlan;

use super::{
    scripts::Wanted,
    side::{Running, Side},
};
use crate::{
    args::{Args, Beside},
    door::{Door, phone},
    figures::{println_line, row},
    fleet::{self, latency_ms},
    load::PATIENCE,
};

/// Events a second while processes are killed: few enough that both catch up after each kill.
const PER_S: usize = 500;
/// Events in one request, so that at every moment some are under way.
const BATCH: usize = 10;
/// Requests with events open at once, most of them while nobody listens.
const PRODUCERS: usize = 200;
/// How long a request that was not taken waits for its repetition.
const AGAIN_MS: i64 = 100;
/// A run is over when the provider took no text for so long: callout asks twice about a text, the later time 60 s after its
/// request; BullMQ looks every 30 s for jobs whose lock of 30 s ran out; Celery gives a task that nobody acknowledged to
/// another worker after 60 s, as it is set here.
const LULL: Duration = Duration::from_secs(100);

/// What became of the events.
struct Ledger {
    lost: usize,
    doubled: usize,
    /// From the last event's request to the last text.
    settled_s: f64,
}

/// Each in turns: the scripts that send again what was begun, those that leave it, and callout.
pub(crate) async fn measure(beside: Beside, args: &Args, callout: &Path, ours: &str) -> Result<()> {
    let (theirs, name) = (Side::Scripts(beside), beside.name());
    let sides = [
        (theirs, "send", format!("{name}, sends again what was begun")),
        (theirs, "leave", format!("{name}, leaves what was begun")),
        (Side::Callout, "", ours.to_owned()),
    ];
    let mut ledgers: [Vec<Ledger>; 3] = Default::default();
    for _ in 0..args.runs {
        for ((side, on_doubt, _), ledgers) in sides.iter().zip(&mut ledgers) {
            let wanted = Wanted { in_flight_max: args.in_flight_max, is_bare: false, on_doubt };
            ledgers.push(one(*side, args, callout, &wanted).await?);
        }
    }
    println_line("| figure | of | median | spread |");
    println_line("|---|---|---|---|");
    for ((_, _, name), ledgers) in sides.iter().zip(&ledgers) {
        row("events without a text", name, 0, ledgers.iter().map(|ledger| ledger.lost as f64));
        row("texts sent twice", name, 0, ledgers.iter().map(|ledger| ledger.doubled as f64));
        row("last event to last text, s", name, 1, ledgers.iter().map(|ledger| ledger.settled_s));
    }
    Ok(())
}

async fn one(side: Side, args: &Args, callout: &Path, wanted: &Wanted) -> Result<Ledger> {
    let events = args.events.unwrap_or(fleet::EVENTS);
    // Half of the latency before the provider has the text, half after it: a request that is cut off was taken or not.
    let half_ms = latency_ms(args) / 2;
    let faults = FaultPlan { latency_ms: half_ms, rate_hang: 1.0, hang_ms: half_ms, ..FaultPlan::default() };
    let mut running = Running::start(side, args, callout, wanted, faults).await?;
    let (door, begun) = (running.door().clone(), SystemClock.now());
    let lasting = Duration::from_millis((events * 1_000 / PER_S) as u64);
    let killing = async {
        for after in moments(args.seed, args.kills, lasting) {
            SystemClock.sleep_until(begun + SignedDuration::try_from(after)?).await;
            running.kill()?;
        }
        Ok(())
    };
    futures::try_join!(post_all(&door, events, begun), killing)?;
    let posted = SystemClock.now();
    let sim = running.sim();
    let mut taken = sim.view(|view| view.accepted());
    while sim.wait_until(|view| view.accepted() > taken, LULL).await.is_ok() {
        taken = sim.view(|view| view.accepted());
    }
    let mut ledger = Ledger { lost: 0, doubled: 0, settled_s: 0.0 };
    for index in 0..events {
        let texts = sim.phone(phone(index)).texts();
        ledger.lost += usize::from(texts.is_empty());
        ledger.doubled += texts.len().saturating_sub(1);
        let last = texts.iter().map(|text| text.at.duration_since(posted).as_secs_f64());
        ledger.settled_s = last.fold(ledger.settled_s, f64::max);
    }
    running.stop().await?;
    Ok(ledger)
}

/// One moment in each of as many equal parts of the time, from a seed: the same for everybody.
fn moments(seed: u64, kills: usize, lasting: Duration) -> Vec<Duration> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let part = lasting.checked_div(kills as u32).unwrap_or_default();
    (0..kills as u32).map(|turn| part * turn + part.mul_f64(chance.random::<f64>())).collect()
}

/// Every event at its time, and again until it was taken.
async fn post_all(door: &Door, events: usize, begun: Timestamp) -> Result<()> {
    let posts = stream::iter((0..events).step_by(BATCH)).map(async |first| {
        let due = begun + SignedDuration::from_micros((first * 1_000_000 / PER_S) as i64);
        SystemClock.sleep_until(due).await;
        while let Err(error) = door.post_batch(first..(first + BATCH).min(events)).await {
            let now = SystemClock.now();
            if now.duration_since(due).unsigned_abs() > PATIENCE {
                return Err(error);
            }
            SystemClock.sleep_until(now + SignedDuration::from_millis(AGAIN_MS)).await;
        }
        Ok(())
    });
    posts.buffer_unordered(PRODUCERS).try_collect::<Vec<()>>().await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_the_time_has_one_moment_and_a_seed_has_its_own() {
        let lasting = Duration::from_secs(40);
        let drawn = moments(1, 20, lasting);
        for (turn, moment) in drawn.iter().enumerate() {
            assert_eq!(moment.as_secs() as usize / 2, turn, "{drawn:?}");
        }
        assert_eq!(drawn, moments(1, 20, lasting));
        assert_ne!(drawn, moments(2, 20, lasting));
        assert!(moments(1, 0, lasting).is_empty());
    }
}
