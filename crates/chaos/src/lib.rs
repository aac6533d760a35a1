//! Chaos: a whole fleet, killed process by process while events come in, and an assessment at the end.
//!
//! In: a [`Plan`]. Out: a [`Report`]: which faults fired, what became of every event, how fast the fleet recovered.
//! Never: touches a process or a server that it did not start, or draws chance from anything but the plan's seed.

mod assessment;
mod doubts;
mod event_client;
mod event_outcome;
mod fleet;
mod killer;
mod load;
mod pause;
mod plan;
mod quiesce;
mod recovery;
mod report;
mod secrets;
mod settings;
mod soak;
mod verdict;
mod worker;

use anyhow::Result;
use jiff::SignedDuration;
use ports::{Clock as _, SystemClock};

pub use plan::{Plan, ROLES, Victim};
pub use report::{Fault, Figure, Report};
pub use soak::{Soak, run as run_soak};

use crate::{
    fleet::{Fleet, with_fleet},
    load::Producer,
    quiesce::come_to_rest,
    verdict::Question,
};

/// Carries out a plan. `say` hears what happens meanwhile.
///
/// # Errors
/// When the fleet cannot be run at all; what the fleet did wrong is in the report.
pub async fn run(plan: &Plan, say: &(dyn Fn(&str) + Sync)) -> Result<Report> {
    with_fleet(plan, say, async |fleet, report| wreck(plan, fleet, report, say).await).await
}

async fn wreck(plan: &Plan, fleet: &Fleet, report: &mut Report, say: &(dyn Fn(&str) + Sync)) -> Result<()> {
    let samples = event_outcome::samples(plan);
    samples.iter().for_each(|sample| sample.prepare(&fleet.sim));
    fleet.sim.set_faults(plan.provider_faults())?;
    let producer = Producer::new(fleet).await?;
    let victims = plan.victims();
    say(&format!("{} events, {} kills, seed {}", samples.len(), victims.len(), plan.seed));
    let begin = SystemClock.now() + SignedDuration::from_millis(200);
    let (sent, deaths) = tokio::try_join!(
        producer.send_all(&samples, begin, plan.load_lasts()),
        killer::kill_all(fleet, &victims, begin)
    )?;
    come_to_rest(plan, fleet, &sent, samples.len(), report, say).await?;
    report.seconds("from the first event to the last end", since(begin), None);
    say("assessing");
    let question = Question {
        plan,
        samples: &samples,
        victims: &victims,
        deaths: &deaths,
        faults: &plan.provider_faults(),
        has_every_fault: plan.meets_rare_faults(),
        explains_doubles: false,
    };
    verdict::answer(&question, fleet, report).await?;
    if plan.measures_recovery {
        recover(fleet, &producer, report, say).await?;
    }
    Ok(())
}

fn since(begin: jiff::Timestamp) -> f64 {
    SystemClock.now().duration_since(begin).as_secs_f64()
}

async fn recover(
    fleet: &Fleet,
    producer: &Producer,
    report: &mut Report,
    say: &(dyn Fn(&str) + Sync),
) -> Result<()> {
    say("recovery: until the reconcile window of Redis is over");
    recovery::calm(fleet).await?;
    say("recovery: half of the workers die");
    let longest = recovery::half_killed_s(fleet, producer).await?;
    report.seconds("half of the workers killed: longest wait for a text afterwards", longest, Some(5.0));
    fleet.wait_until_ready().await?;
    say("recovery: a sender is paused");
    let longest = recovery::sender_paused_s(fleet, producer).await?;
    report.seconds("a sender paused for 75 s: longest wait for a page", longest, Some(25.0));
    fleet.wait_until_ready().await?;
    say("recovery: a burst of escalations");
    let drained = recovery::burst_s(fleet, producer).await?;
    let name = format!("{} escalations due at one moment: all texted", recovery::BURST);
    report.seconds(&name, drained, Some(10.0));
    let twice = fleet.sim.report().duplicates_total;
    if twice > 0 {
        report.offences.push(format!("{twice} texts were sent twice by the end of the recovery figures"));
    }
    Ok(())
}
