//! What is said of a fleet once nothing moves. In: what was planned, who died, the store, the provider, the logs.
//! Out: faults, figures and offences in a report.
//!
//! Never: holds all runs at once; an hour has a million.

use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ports::RunStore as _;
use twilio_sim::{FaultKind, FaultPlan};

use crate::{
    assessment::{Assessment, Offence},
    doubts::Doubts,
    event_outcome::Sample,
    fleet::Fleet,
    killer::Deaths,
    plan::{Plan, ROLES, Victim},
    quiesce::page_of_runs,
    report::Report,
};

/// Timelines read at once.
const READS: usize = 64;
/// Runs that are shown whole in a report.
const SHOWN_MAX: usize = 10;

/// What was done, and what is asked about it.
pub(crate) struct Question<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) samples: &'a [Sample],
    pub(crate) victims: &'a [(Duration, Victim)],
    pub(crate) deaths: &'a Deaths,
    /// What went wrong at the provider.
    pub(crate) faults: &'a FaultPlan,
    /// Whether there were enough events for each fault that comes by chance.
    pub(crate) has_every_fault: bool,
    /// Whether a text that was sent twice is no offence where a doubt in its timeline ended in sending again.
    pub(crate) explains_doubles: bool,
}

/// Puts what became of everything into the report.
pub(crate) async fn answer(question: &Question<'_>, fleet: &Fleet, report: &mut Report) -> Result<()> {
    let (mut assessment, doubts) = read_runs(question, fleet).await?;
    list_faults(question, fleet, report);
    if doubts.cut_off > 0 || question.has_every_fault {
        report.fault("request cut off by a kill", "by chance", doubts.cut_off);
    }
    if doubts.second_texts > assessment.resent_twice {
        let what = format!("{} messages have a second text", doubts.second_texts);
        assessment.offences.push(Offence { run: None, what });
    }
    let (balances, counts) = fleet.audit().await?;
    if !balances {
        let what = format!("the audit does not balance: {counts}");
        assessment.offences.push(Offence { run: None, what });
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
    if question.explains_doubles {
        report.count("of them sent again after a doubt that nothing ended", assessment.resent_twice);
    }
    report.count("texts sent again after a delivery failed", provider.retried);
    report.count("answers the provider kept", provider.answer_lost);
    let letters: u64 =
        counts["dead_letters"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    report.count("dead letters", letters);
    for (by, count) in &doubts.resolved {
        report.count(format!("doubts resolved by {by}"), count);
    }
    search_logs(question.plan, fleet, &mut assessment, report)?;
    let waits = doubts.after_death_s();
    if let (Some(median), Some(max)) = (waits.get(waits.len() / 2), waits.last()) {
        let name = format!("from a kill to its last doubt resolved ({} kills)", waits.len());
        report.count(name, format!("median {median:.1} s, longest {max:.1} s"));
    }
    show(fleet, &assessment.offences, report).await
}

/// Every run with its timeline, a page at a time.
async fn read_runs(question: &Question<'_>, fleet: &Fleet) -> Result<(Assessment, Doubts)> {
    let store = fleet.store().await?;
    let mut assessment = Assessment::new(question.samples);
    let mut doubts = Doubts::new(question.deaths.moments());
    let mut after = None;
    loop {
        let page = page_of_runs(&store, after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id().clone());
        let timelines: Vec<_> =
            stream::iter(&page).map(|run| store.timeline(run.id())).buffered(READS).try_collect().await?;
        for (run, timeline) in page.iter().zip(&timelines) {
            let is_resent = doubts.read(timeline);
            assessment.see(run, is_resent, &fleet.sim);
        }
    }
    assessment.finish(&fleet.sim, question.explains_doubles);
    Ok((assessment, doubts))
}

fn search_logs(plan: &Plan, fleet: &Fleet, assessment: &mut Assessment, report: &mut Report) -> Result<()> {
    let searched = fleet.search_logs()?;
    let name = "lines of the logs, of them at the level trace";
    report.count(name, format!("{}, {}", searched.lines, searched.traced));
    assessment.offences.extend(searched.found.into_iter().map(|what| Offence { run: None, what }));
    if plan.log.as_ref().is_some_and(|log| log.contains("trace")) && searched.traced == 0 {
        let what = "nothing was logged at the level trace, so nothing was searched".to_owned();
        assessment.offences.push(Offence { run: None, what });
    }
    Ok(())
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
fn list_faults(question: &Question<'_>, fleet: &Fleet, report: &mut Report) {
    let Question { plan, victims, deaths, faults, .. } = question;
    let planned = |of: &dyn Fn(Victim) -> bool| victims.iter().filter(|(_, victim)| of(*victim)).count();
    let died = |name: &str| deaths.at.get(name).map_or(0, Vec::len) as u64;
    for role in ["ingest", "sender", "callback", "escalation"] {
        let is_it = |victim| matches!(victim, Victim::Worker(index) if ROLES[index] == role);
        report.fault(format!("{role} killed"), planned(&is_it), died(role));
    }
    report.fault("RabbitMQ killed", planned(&|victim| matches!(victim, Victim::Broker(_))), died("rabbitmq"));
    report.fault("Redis killed", planned(&|victim| matches!(victim, Victim::Store(_))), died("redis"));
    for (kind, fired) in fleet.sim.report().faults_fired {
        // A list that lags shows only to who asks soon after an answer and its callbacks were lost: too rare for a short
        // run to be sure of.
        let is_rare = kind == FaultKind::ListLag && !plan.measures_recovery;
        if fired == 0 && (is_rare || !question.has_every_fault) {
            continue;
        }
        let rate = 100.0 * rate_of(kind, faults);
        report.fault(format!("provider: {kind:?}"), format!("{rate:.2} %"), fired);
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
