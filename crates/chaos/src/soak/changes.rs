//! What operators do while events come in: restart, reload, rotate a token. In: the fleet, and the time. Out: when each was
//! done.
//!
//! Never: takes a change for done because it was asked for; the process says so, or is a new one.

use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, SystemClock};

use crate::{
    fleet::Fleet,
    pause::pause,
    settings::{self, AUTH_TOKEN, NEXT_AUTH_TOKEN, REWORDED, TokenHolder},
    worker::Worker,
};

/// At which hundredth of the time each begins.
const ROLLING_RESTART: u32 = 20;
const RELOAD: u32 = 50;
const ROTATION: u32 = 80;
/// How many hundredths lie between two steps of a rotation.
const STEP: u32 = 2;
/// How long callbacks that were signed with the old token may be on their way.
const LAST_SIGNED: Duration = Duration::from_secs(5);
/// In the order of docs/operations/upgrades.md.
const RESTARTED: [&str; 4] = ["escalation", "callback", "sender", "ingest"];
/// How long a process may take to end that is asked to: docs/operations/upgrades.md.
const END_MAX_S: f64 = 15.0;
/// How long a reload may take, a process that is killed meanwhile included.
const RELOAD_MAX: Duration = Duration::from_secs(120);

/// What was done.
pub(super) struct Changed {
    /// What, and from when to when.
    pub(super) done: Vec<(&'static str, Timestamp, Timestamp)>,
    /// From when on every process has the changed workflow.
    pub(super) reworded_at: Timestamp,
    /// How long the slowest process took to end after SIGTERM, in seconds.
    pub(super) longest_end_s: f64,
    /// Status callbacks that the provider gave up during the rotation, for whatever reason.
    pub(super) given_up: u64,
    pub(super) offences: Vec<String>,
}

/// Does all of it, each at its time.
pub(super) async fn carry_out(
    fleet: &Fleet,
    begin: Timestamp,
    lasting: Duration,
    say: &(dyn Fn(&str) + Sync),
) -> Result<Changed> {
    let hundredth = lasting / 100;
    let until = async |hundredths: u32| {
        SystemClock.sleep_until(begin + SignedDuration::try_from(hundredth * hundredths)?).await;
        anyhow::Ok(SystemClock.now())
    };
    let mut changed = Changed {
        done: Vec::new(),
        reworded_at: begin,
        longest_end_s: 0.0,
        given_up: 0,
        offences: Vec::new(),
    };

    let from = until(ROLLING_RESTART).await?;
    say("rolling restart");
    restart_all(fleet, &mut changed).await?;
    changed.done.push(("rolling restart", from, SystemClock.now()));

    let from = until(RELOAD).await?;
    say("a workflow changes: reload");
    settings::write_note(fleet.folder(), REWORDED)?;
    reload(fleet, |_| true).await?;
    changed.reworded_at = SystemClock.now();
    changed.done.push(("reload", from, changed.reworded_at));

    let from = until(ROTATION).await?;
    say("rotation of Twilio's token");
    let given_up = || fleet.sim.view(|view| view.callbacks().failed);
    let before = given_up();
    rotate(fleet, hundredth * STEP).await?;
    changed.given_up = given_up() - before;
    changed.done.push(("token rotation", from, SystemClock.now()));
    Ok(changed)
}

/// Each process in its turn: SIGTERM, its end, a new one, ready.
async fn restart_all(fleet: &Fleet, changed: &mut Changed) -> Result<()> {
    for role in RESTARTED {
        for worker in fleet.workers.iter().filter(|worker| worker.role == role) {
            let asked = SystemClock.now();
            let ended = worker.restart().await.context("the process is supervised")?;
            let took = ended.duration_since(asked).as_secs_f64();
            changed.longest_end_s = changed.longest_end_s.max(took);
            if took > END_MAX_S {
                changed.offences.push(format!("{role} took {took:.1} s to end after SIGTERM"));
            }
            fleet.wait_until_ready().await?;
        }
    }
    Ok(())
}

/// The steps of docs/operations/upgrades.md.
async fn rotate(fleet: &Fleet, step: Duration) -> Result<()> {
    let holds = |who: TokenHolder| move |worker: &Worker| TokenHolder::of(worker.role) == who;
    fleet.sim.add_token(NEXT_AUTH_TOKEN, false);
    TokenHolder::Callback.write(fleet.folder(), AUTH_TOKEN, NEXT_AUTH_TOKEN)?;
    reload(fleet, holds(TokenHolder::Callback)).await?;
    pause(step).await;
    TokenHolder::Sender.write(fleet.folder(), NEXT_AUTH_TOKEN, "")?;
    reload(fleet, holds(TokenHolder::Sender)).await?;
    pause(step).await;
    fleet.sim.add_token(NEXT_AUTH_TOKEN, true);
    pause(step.max(LAST_SIGNED)).await;
    TokenHolder::Callback.write(fleet.folder(), NEXT_AUTH_TOKEN, "")?;
    reload(fleet, holds(TokenHolder::Callback)).await
}

/// Has processes read their files again, and waits until each has.
#[expect(clippy::disallowed_methods, reason = "real processes are given so long")]
async fn reload(fleet: &Fleet, is_meant: impl Fn(&Worker) -> bool) -> Result<()> {
    let meant = fleet.workers.iter().filter(|worker| is_meant(worker));
    let reloading = futures::future::join_all(meant.map(|worker| reload_one(fleet, worker)));
    tokio::time::timeout(RELOAD_MAX, reloading).await.context("a reload was not in force in time")?;
    Ok(())
}

async fn reload_one(fleet: &Fleet, worker: &Worker) {
    // One that starts now reads the files as they are.
    let Some(pid) = worker.pid() else { return };
    let mut asked_after = None;
    while worker.pid() == Some(pid) {
        let reloads = reloads(fleet, worker).await;
        match (asked_after, reloads) {
            (None, Some(before)) => {
                // It may have died meanwhile.
                drop(worker.signal("-HUP").await);
                asked_after = Some(before);
            }
            (Some(before), Some(now)) if now > before => return,
            _ => pause(Duration::from_millis(50)).await,
        }
    }
}

/// How often a process has put changed files in force.
async fn reloads(fleet: &Fleet, worker: &Worker) -> Option<u64> {
    const NAME: &str = "callout_config_reloads_total{result=\"applied\"} ";
    let answer = fleet.client.get(format!("http://{}/metrics", worker.address)).send().await.ok()?;
    let text = answer.error_for_status().ok()?.text().await.ok()?;
    let count = text.lines().find_map(|line| line.strip_prefix(NAME));
    Some(count.and_then(|count| count.parse().ok()).unwrap_or(0))
}
