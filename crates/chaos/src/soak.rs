//! A soak: a fleet under steady load for as long as one likes, with what happens to a fleet in its life.
//!
//! In: a [`Soak`]. Out: a [`Report`]: what was lost or doubled, and whether memory and delays stay what they were.
//! Never: judges otherwise than chaos does, but for a text whose doubt was resolved by sending it again.

mod changes;
mod gauges;
mod tenths;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock as _, SystemClock};
use twilio_sim::FaultPlan;

use self::{changes::Changed, tenths::Tenths};
use crate::{
    event_outcome::{self, Sample, Scenario},
    fleet::{Fleet, with_fleet},
    killer::{self, Deaths},
    load::{BATCH, Producer, Sent},
    plan::{Plan, Victim},
    quiesce::come_to_rest,
    report::Report,
    settings::REWORDED,
    verdict::{self, Question},
};

/// Events a second that the source may send, as a multiple of what it sends: so that no lane is lowered while events that
/// waited for a server come all at once.
const QUOTA_TIMES: u32 = 3;
/// Which share of the faults of a chaos run the provider has.
const FAULTS_SHARE: f64 = 0.1;
/// How long the provider takes, in milliseconds.
const LATENCY_MS: u64 = 50;
/// Processes that are killed in a soak of an hour or less, and for how much time there is one more in a longer one.
const KILLS_MIN: u64 = 8;
const KILL_EVERY_MINUTES: u64 = 7;
/// Notes that are sent when all has been done: on a slow machine the other events may be over before.
const LATE: usize = 20;
/// Events from which on each fault of the provider has certainly come, rare as they are.
const EVERY_FAULT_FROM: usize = 30_000;

/// One soak.
#[derive(Debug, Clone)]
pub struct Soak {
    plan: Plan,
    /// How long events are sent.
    lasting: Duration,
    /// Of the faults of [`Plan::provider_faults`].
    faults_share: f64,
}

impl Soak {
    /// So many minutes with so many events a second.
    pub fn new(callout: PathBuf, minutes: u64, rate_per_s: u32, seed: u64) -> Self {
        let kills = KILLS_MIN.max(minutes / KILL_EVERY_MINUTES);
        let lasting = Duration::from_secs(60 * minutes.max(1));
        let plan = plan(callout, lasting, rate_per_s, kills as usize, seed);
        Self { plan, lasting, faults_share: FAULTS_SHARE }
    }

    /// The soak that is part of the tests: all that happens to a fleet in half a minute. Few events, none of the provider's
    /// faults, and the seed kills no sender, so that no doubt takes its minute.
    pub fn short(callout: PathBuf) -> Self {
        let lasting = Duration::from_secs(25);
        let plan = Plan { ack_s: 6, ..plan(callout, lasting, 20, 2, 1) };
        Self { plan, lasting, faults_share: 0.0 }
    }

    /// As chaos deals them, but for the moments of workers: none in the first and the last tenth, which are compared.
    fn victims(&self) -> Vec<(Duration, Victim)> {
        let mut workers = 0_u32;
        let moved = self.plan.victims().into_iter().map(|(at, victim)| match victim {
            Victim::Worker(_) => {
                workers += 1;
                let share = (f64::from(workers) - 0.5) / self.plan.kills as f64;
                (self.lasting.mul_f64(0.1 + 0.8 * share), victim)
            }
            Victim::Broker(_) | Victim::Store(_) => (at, victim),
        });
        let mut victims: Vec<_> = moved.collect();
        victims.sort();
        victims
    }

    fn provider_faults(&self) -> FaultPlan {
        let mut faults = self.plan.provider_faults();
        faults.latency_ms = LATENCY_MS;
        faults.latency_jitter_ms = 0;
        faults.delivery_failures.iter_mut().for_each(|failure| failure.rate *= self.faults_share);
        let rates = [
            &mut faults.rate_429,
            &mut faults.rate_503,
            &mut faults.rate_accepted_then_500,
            &mut faults.rate_accepted_no_answer,
            &mut faults.rate_hang,
            &mut faults.rate_callback_lost,
            &mut faults.rate_callback_doubled,
            &mut faults.rate_callback_reordered,
            &mut faults.rate_callback_early,
        ];
        rates.into_iter().for_each(|rate| *rate *= self.faults_share);
        faults
    }
}

fn plan(callout: PathBuf, lasting: Duration, rate_per_s: u32, kills: usize, seed: u64) -> Plan {
    Plan {
        seed,
        events: lasting.as_secs() as usize * rate_per_s as usize,
        kills,
        kill_every: lasting / (kills as u32 + 1),
        broker_restarts: 1,
        store_restarts: 1,
        measures_recovery: false,
        quota_per_s: Some(QUOTA_TIMES * rate_per_s),
        // A line for each text is more than a disk should take in an hour; what is refused is said as a warning.
        log: Some("warn".to_owned()),
        ..Plan::full(callout)
    }
}

/// Carries out a soak. `say` hears what happens meanwhile.
///
/// # Errors
/// When the fleet cannot be run at all; what the fleet did wrong is in the report.
pub async fn run(soak: &Soak, say: &(dyn Fn(&str) + Sync)) -> Result<Report> {
    with_fleet(&soak.plan, say, async |fleet, report| endure(soak, fleet, report, say).await).await
}

async fn endure(soak: &Soak, fleet: &Fleet, report: &mut Report, say: &(dyn Fn(&str) + Sync)) -> Result<()> {
    let (plan, lasting) = (&soak.plan, soak.lasting);
    let mut samples = event_outcome::samples(plan);
    let steady = samples.len();
    samples.extend((0..LATE).map(|index| Sample::new(Scenario::Note, "after", index)));
    samples.iter().for_each(|sample| sample.prepare(&fleet.sim));
    let faults = soak.provider_faults();
    fleet.sim.set_faults(faults.clone())?;
    let producer = Producer::new(fleet).await?;
    let victims = soak.victims();
    let (events, seconds) = (steady, lasting.as_secs());
    say(&format!("{events} events in {seconds} s, {} kills, seed {}", victims.len(), plan.seed));
    let begin = SystemClock.now() + SignedDuration::from_millis(200);
    let (sent, deaths, changed, gauges) = tokio::try_join!(
        producer.send_all(&samples[..steady], begin, lasting),
        killer::kill_all(fleet, &victims, begin),
        changes::carry_out(fleet, begin, lasting, say),
        gauges::watch(fleet, begin, lasting, say),
    )?;
    fleet.wait_until_ready().await?;
    producer.post(&samples[steady..]).await?;
    come_to_rest(plan, fleet, &sent, samples.len(), report, say).await?;
    say("assessing");
    let question = Question {
        plan,
        samples: &samples,
        victims: &victims,
        deaths: &deaths,
        faults: &faults,
        has_every_fault: plan.events >= EVERY_FAULT_FROM && soak.faults_share > 0.0,
        explains_doubles: true,
    };
    verdict::answer(&question, fleet, report).await?;
    let is_reworded =
        |index: usize| index >= steady || due(index, steady, begin, lasting) > changed.reworded_at;
    look_at_changes(&samples, is_reworded, fleet, &changed, report)?;
    gauges.tell(report);
    let mut tenths = Tenths::new(begin, lasting);
    happened(&deaths, &changed, &mut tenths);
    measure(&samples[..steady], &sent, fleet, &mut tenths);
    tenths.tell(&gauges, report);
    Ok(())
}

/// When an event is sent: with the first of its batch.
fn due(index: usize, events: usize, begin: Timestamp, lasting: Duration) -> Timestamp {
    let share = (index / BATCH) as f64 / events.div_ceil(BATCH) as f64;
    begin + SignedDuration::try_from(lasting.mul_f64(share)).unwrap_or_default()
}

/// What an operator did, and whether it had its effect. `is_reworded` says whether an event was sent after the reload.
fn look_at_changes(
    samples: &[Sample],
    is_reworded: impl Fn(usize) -> bool,
    fleet: &Fleet,
    changed: &Changed,
    report: &mut Report,
) -> Result<()> {
    for (name, _, _) in &changed.done {
        report.fault(*name, 1, 1);
    }
    report.count(
        "a process asked to end, until it had ended, longest",
        format!("{:.1} s", changed.longest_end_s),
    );
    report.offences.extend(changed.offences.iter().cloned());
    let (mut notes, mut old) = (0_u64, 0_u64);
    for (index, sample) in samples.iter().enumerate() {
        if sample.scenario != Scenario::Note || !is_reworded(index) {
            continue;
        }
        let texts = fleet.sim.phone(sample.first()).texts();
        notes += u64::from(!texts.is_empty());
        old += u64::from(texts.iter().any(|text| !text.body.ends_with(REWORDED)));
    }
    report.count(
        "notes that arrived after the reload, of them with the old wording",
        format!("{notes}, {old}"),
    );
    if notes == 0 || old > 0 {
        report.offences.push(format!("after the reload {old} of {notes} notes had the old wording"));
    }
    let posts = fleet.sim.report();
    for (name, posts) in [("status callbacks", posts.callbacks), ("replies", posts.inbound)] {
        let (posted, taken, failed) = (posts.posted, posts.answered_2xx, posts.failed);
        report.count(format!("{name} posted, taken, given up"), format!("{posted}, {taken}, {failed}"));
    }
    report.count("status callbacks given up during the token rotation", changed.given_up);
    let refused = fleet.refused_posts()?;
    report.count("posts of the provider refused for their signature", refused);
    if refused > 0 {
        report.offences.push(format!("{refused} posts of the provider were refused for their signature"));
    }
    Ok(())
}

/// Names in each tenth what happened in it.
fn happened(deaths: &Deaths, changed: &Changed, tenths: &mut Tenths) {
    for (name, moments) in &deaths.at {
        moments.iter().for_each(|at| tenths.happened(*at, *at, &format!("{name} killed")));
    }
    for (name, from, to) in &changed.done {
        tenths.happened(*from, *to, name);
    }
}

/// How long each event waited for the request with its first text.
fn measure(samples: &[Sample], sent: &Sent, fleet: &Fleet, tenths: &mut Tenths) {
    let latency = SignedDuration::from_millis(LATENCY_MS as i64);
    for (index, sample) in samples.iter().enumerate() {
        let created = fleet.sim.view(|view| view.first_created(sample.first()));
        if let (Some(taken), Some(created)) = (sent.taken(index), created) {
            let waited = created.duration_since(taken) - latency;
            tenths.waited(index * tenths::TENTHS / samples.len(), waited.as_secs_f64().max(0.0) * 1_000.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ROLES;

    #[test]
    fn nothing_is_killed_in_the_tenths_that_are_compared_and_no_process_is_spared() {
        for minutes in [5, 60, 600] {
            let soak = Soak::new(PathBuf::new(), minutes, 300, 1);
            let (victims, tenth) = (soak.victims(), soak.lasting / 10);
            assert!(victims.iter().all(|(at, _)| *at > tenth && *at < 9 * tenth), "{victims:?}");
            assert!(victims.is_sorted());
            for index in 0..ROLES.len() {
                assert!(victims.iter().any(|(_, victim)| *victim == Victim::Worker(index)), "{index}");
            }
        }
    }

    #[test]
    fn the_short_soak_kills_two_processes_and_no_sender() {
        let victims = Soak::short(PathBuf::new()).victims();
        let roles = victims.iter().filter_map(|(_, victim)| match victim {
            Victim::Worker(index) => Some(ROLES[*index]),
            Victim::Broker(_) | Victim::Store(_) => None,
        });
        let roles: Vec<&str> = roles.collect();
        assert_eq!(roles.len(), 2);
        assert!(!roles.contains(&"sender"), "{roles:?}");
    }
}
