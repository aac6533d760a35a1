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
mod worker;

use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::SignedDuration;
use ports::{Clock as _, RunStore as _, SystemClock};
use twilio_sim::{FaultKind, FaultPlan};

pub use plan::{Plan, ROLES, Victim};
pub use report::{Fault, Figure, Report};

use crate::{
    assessment::{Assessment, Offence},
    doubts::Doubts,
    event_outcome::Sample,
    fleet::Fleet,
    killer::Deaths,
    load::Producer,
    quiesce::{all_runs, until_resolved},
};

/// How long doubts, deadlines and retries may take to end after the last kill, beyond the deadlines of the plan.
const QUIESCE_MAX: Duration = Duration::from_secs(120);
/// Timelines read at once.
const READS: usize = 64;
/// Runs that are shown whole in a report.
const SHOWN_MAX: usize = 10;

/// Carries out a plan. `say` hears what happens meanwhile.
///
/// # Errors
/// When the fleet cannot be run at all; what the fleet did wrong is in the report.
pub async fn run(plan: &Plan, say: &(dyn Fn(&str) + Sync)) -> Result<Report> {
    say("starting RabbitMQ, Redis and the fleet");
    let fleet = Fleet::start(plan).await?;
    let mut report = Report::default();
    let result = wreck(plan, &fleet, &mut report, say).await;
    report.kept = fleet.stop(result.is_err() || !report.is_clean()).await;
    if let (Err(_), Some(kept)) = (&result, &report.kept) {
        say(&format!("configuration and logs were kept in {}", kept.display()));
    }
    result.map(|()| report)
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
    report.count("events over HTTP, to the exchange", format!("{}, {}", sent.over_http, sent.to_exchange));
    report.count("batches that producers sent again", sent.repeated);
    report.count("processes that ended for want of a server, and were started again", fleet.exits());
    let store = fleet.store().await?;
    let patience = QUIESCE_MAX + Duration::from_secs(u64::from(2 * plan.ack_s));
    let open = until_resolved(&store, &fleet.sim, samples.len(), patience, say).await?;
    if !open.is_empty() {
        report.offences.push(format!("not resolved in time: {open}"));
    }
    report.seconds("from the first event to the last end", since(begin), None);
    say("assessing");
    assess(plan, fleet, &samples, &deaths, report).await?;
    if plan.measures_recovery {
        recover(fleet, &producer, report, say).await?;
    }
    Ok(())
}

fn since(begin: jiff::Timestamp) -> f64 {
    SystemClock.now().duration_since(begin).as_secs_f64()
}

async fn assess(
    plan: &Plan,
    fleet: &Fleet,
    samples: &[Sample],
    deaths: &Deaths,
    report: &mut Report,
) -> Result<()> {
    let store = fleet.store().await?;
    let runs = all_runs(&store).await?;
    let timelines: Vec<_> =
        stream::iter(&runs).map(|run| store.timeline(run.id())).buffer_unordered(READS).try_collect().await?;
    let mut assessment = Assessment::new(samples, &runs, &fleet.sim);
    let doubts = Doubts::new(&timelines, &deaths.moments());
    list_faults(plan, fleet, deaths, report);
    if doubts.cut_off > 0 || plan.meets_rare_faults() {
        report.fault("request cut off by a kill", "by chance", doubts.cut_off);
    }
    if doubts.second_texts > 0 {
        let what = format!("{} messages have a second text", doubts.second_texts);
        assessment.offences.push(Offence { run: None, what });
    }
    let (balances, counts) = fleet.audit().await?;
    if !balances {
        assessment
            .offences
            .push(Offence { run: None, what: format!("the audit does not balance: {counts}") });
    }
    for (end, count) in &assessment.ends {
        report.count(end, count);
    }
    for (explained, count) in &assessment.explained {
        report.count(format!("explained: {explained}"), count);
    }
    let provider = fleet.sim.report();
    report.count("texts at the provider", provider.accepted);
    report.count("texts sent twice", provider.duplicates_total);
    report.count("texts sent again after a delivery failed", provider.retried);
    report.count("answers the provider kept", provider.answer_lost);
    let letters: u64 =
        counts["dead_letters"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    report.count("dead letters", letters);
    for (by, count) in &doubts.resolved {
        report.count(format!("doubts resolved by {by}"), count);
    }
    let searched = fleet.search_logs()?;
    report.count(
        "lines of the logs, of them at the level trace",
        format!("{}, {}", searched.lines, searched.traced),
    );
    assessment.offences.extend(searched.found.into_iter().map(|what| Offence { run: None, what }));
    if plan.log.is_some() && searched.traced == 0 {
        let what = "nothing was logged at the level trace, so nothing was searched".to_owned();
        assessment.offences.push(Offence { run: None, what });
    }
    if let Some((median, max)) = doubts.median_and_max_s() {
        let name = format!("from a kill to its last doubt resolved ({} kills)", doubts.after_death_s.len());
        report.count(name, format!("median {median:.1} s, longest {max:.1} s"));
    }
    show(fleet, &assessment.offences, report).await
}

/// Puts the offences into the report, the first of them with all that is known of their runs.
async fn show(fleet: &Fleet, offences: &[Offence], report: &mut Report) -> Result<()> {
    for (index, Offence { run, what }) in offences.iter().enumerate() {
        let shown = match run {
            Some(run) if index < SHOWN_MAX => fleet.callout(&["runs", "show", run.as_str()]).await?.1,
            Some(run) => format!("run {run}"),
            None => String::new(),
        };
        report.offences.push(format!("{what}\n{shown}").trim_end().to_owned());
    }
    Ok(())
}

/// Each kind of fault, with how often it was planned and how often it fired.
fn list_faults(plan: &Plan, fleet: &Fleet, deaths: &Deaths, report: &mut Report) {
    let victims = plan.victims();
    let planned = |of: &dyn Fn(Victim) -> bool| victims.iter().filter(|(_, victim)| of(*victim)).count();
    let died = |name: &str| deaths.at.get(name).map_or(0, Vec::len) as u64;
    for role in ["ingest", "sender", "callback", "escalation"] {
        let is_it = |victim| matches!(victim, Victim::Worker(index) if ROLES[index] == role);
        report.fault(format!("{role} killed"), planned(&is_it), died(role));
    }
    report.fault("RabbitMQ killed", planned(&|victim| matches!(victim, Victim::Broker(_))), died("rabbitmq"));
    report.fault("Redis killed", planned(&|victim| matches!(victim, Victim::Store(_))), died("redis"));
    let rates = plan.provider_faults();
    for (kind, fired) in fleet.sim.report().faults_fired {
        // A list that lags shows only to who asks soon after an answer and its callbacks were lost: too rare for a short
        // run to be sure of.
        let is_rare = kind == FaultKind::ListLag && !plan.measures_recovery;
        if fired == 0 && (is_rare || !plan.meets_rare_faults()) {
            continue;
        }
        let rate = 100.0 * rate_of(kind, &rates);
        report.fault(format!("provider: {kind:?}"), format!("{rate} %"), fired);
    }
}

fn rate_of(kind: FaultKind, plan: &FaultPlan) -> f64 {
    match kind {
        FaultKind::TooManyRequests => plan.rate_429,
        FaultKind::Unavailable => plan.rate_503,
        FaultKind::AcceptedThen500 => plan.rate_accepted_then_500,
        FaultKind::AcceptedNoAnswer => plan.rate_accepted_no_answer,
        FaultKind::Hang => plan.rate_hang,
        FaultKind::DeliveryFailure => plan.delivery_failures.iter().map(|failure| failure.rate).sum(),
        FaultKind::CallbackLost => plan.rate_callback_lost,
        FaultKind::CallbackDoubled => plan.rate_callback_doubled,
        FaultKind::CallbackReordered => plan.rate_callback_reordered,
        FaultKind::CallbackEarly => plan.rate_callback_early,
        FaultKind::ListLag => f64::from(u8::from(plan.list_lag_ms > 0)),
    }
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
