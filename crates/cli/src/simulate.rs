//! `callout simulate`: what a workflow would do with events of a file. In: events, the configuration, and what is assumed to
//! become of texts. Out: the texts that would be sent, when and to whom, or what differs under another configuration.
//!
//! Never: sends or stores anything, or looks into the store for more than copies of calendars.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use config::{Config, Scope};
use domain::{
    event::{Event, EventKey},
    message::Message,
    plural::counted,
    simulate::{AssumedOutcome, SimulatedGroups, SimulatedRun, SimulatedText, Surroundings, simulate},
    workflow::Workflow,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    args::{Common, Output, Simulate},
    configuration,
    exit::{NotFound, Usage},
    output,
    simulated_calendars::fill,
};

/// What becomes of the texts that a line of the outcomes file means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutcomeLine {
    /// The event's id.
    event: Option<String>,
    /// The recipient's name or number.
    to: Option<String>,
    /// The step, from 1.
    step: Option<u8>,
    delivered_after: Option<SignedDuration>,
    undelivered_after: Option<SignedDuration>,
    acknowledged_after: Option<SignedDuration>,
}

/// What all events together would lead to.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Summary {
    runs: usize,
    texts: usize,
    by_phase: BTreeMap<&'static str, usize>,
}

/// One event that two configurations treat differently.
#[derive(Debug, Serialize)]
struct Difference<'a> {
    now: &'a SimulatedRun,
    against: &'a SimulatedRun,
}

/// Carries out the command.
pub(crate) async fn run(common: &Common, args: &Simulate) -> anyhow::Result<()> {
    let events = read_events(&args.events)?;
    let outcomes = args.outcomes.as_deref().map(read_outcomes).transpose()?.unwrap_or_default();
    let simulated = async |file: &Path| {
        let (mut config, _) = configuration::load(file, Scope::OPERATOR)?;
        if let (Some((first, _)), Some((last, _))) = (events.first(), events.last()) {
            let notes = fill(&mut config, file, *first, *last).await;
            notes.iter().for_each(output::note);
        }
        all(&config, args, &events, &outcomes)
    };
    let runs = simulated(&common.config).await?;
    if runs.is_empty() {
        output::note(format!("no event of the file opens a run of workflow {}", args.workflow));
    }
    match &args.against {
        Some(file) => differences(common, &runs, &simulated(file).await?),
        None => timeline(common, &runs),
    }
}

fn unreadable(file: &Path) -> impl FnOnce() -> String {
    move || format!("{} cannot be read", file.display())
}

/// The events of a file with their times, in order of time.
fn read_events(file: &Path) -> anyhow::Result<Vec<(Timestamp, Event)>> {
    let text = std::fs::read_to_string(file).with_context(unreadable(file))?;
    let values: Vec<serde_json::Value> = if text.trim_start().starts_with('[') {
        serde_json::from_str(&text).map_err(|error| wrong(file, error.line(), error))?
    } else {
        lines(file, &text)?
    };
    let mut events = Vec::new();
    for (number, value) in (1..).zip(values) {
        let event = Event::from_value(value).map_err(|errors| {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            Usage(format!("{}: event {number}: {}", file.display(), errors.join("; ")))
        })?;
        let at = event.claimed_time().ok_or_else(|| {
            Usage(format!(
                "{}: event {number} has no time: give it the CloudEvents attribute `time`",
                file.display()
            ))
        })?;
        events.push((at, event));
    }
    events.sort_by_key(|(at, _)| *at);
    Ok(events)
}

fn read_outcomes(file: &Path) -> anyhow::Result<Vec<OutcomeLine>> {
    let text = std::fs::read_to_string(file).with_context(unreadable(file))?;
    lines(file, &text)
}

fn lines<T: serde::de::DeserializeOwned>(file: &Path, text: &str) -> anyhow::Result<Vec<T>> {
    let numbered = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = |(number, line)| serde_json::from_str(line).map_err(|error| wrong(file, number, error).into());
    numbered.map(read).collect()
}

fn wrong(file: &Path, line: usize, error: impl std::fmt::Display) -> Usage {
    Usage(format!("{}:{line}: {error}", file.display()))
}

/// What the workflow of a configuration would do with each event that opens a run of it.
fn all(
    config: &Config,
    args: &Simulate,
    events: &[(Timestamp, Event)],
    outcomes: &[OutcomeLine],
) -> anyhow::Result<Vec<SimulatedRun>> {
    let named = config.workflows.iter().find(|workflow| workflow.name() == args.workflow);
    let workflow = named.ok_or_else(|| {
        let known: Vec<_> = config.workflows.iter().map(Workflow::name).collect();
        NotFound(format!("no workflow is named {:?}; there are {}", args.workflow, known.join(", ")))
    })?;
    let around = Surroundings { workflow, directory: &config.directory, environment: &config.environment };
    let mut resolutions: BTreeMap<&str, Vec<(Timestamp, &EventKey)>> = BTreeMap::new();
    for (at, event) in
        events.iter().filter(|(_, event)| workflow.definition.resolved_by.as_ref() == Some(&event.kind))
    {
        resolutions.entry(event.subject.as_deref().unwrap_or_default()).or_default().push((*at, &event.key));
    }
    let opens = |(at, event): &&(Timestamp, Event)| {
        event.kind == workflow.definition.event && args.from.is_none_or(|from| *at >= from)
    };
    let (mut runs, mut groups) = (Vec::new(), SimulatedGroups::default());
    for (at, event) in events.iter().filter(opens) {
        if let Some(error) = workflow.schema.validate(&event.data).first() {
            output::note(format!("event {} opens no run: {error}", event.key.id));
            continue;
        }
        let of_subject = event.subject.as_deref().and_then(|subject| resolutions.get(subject));
        let resolved = of_subject.into_iter().flatten().find(|(resolved_at, by)| {
            resolved_at >= at && workflow.definition.resolves_across(&event.key.source, &by.source)
        });
        let resolved = resolved.map(|(at, by)| ((*by).clone(), *at));
        let assumed = |message: &Message| assumed(outcomes, &event.key.id, message);
        runs.push(simulate(event, *at, &around, &mut groups, resolved, &assumed));
    }
    Ok(runs)
}

/// What is assumed to become of a text: what the first line says that fits.
fn assumed(outcomes: &[OutcomeLine], event: &str, message: &Message) -> AssumedOutcome {
    let recipient = message.recipient();
    let fits = |line: &&OutcomeLine| {
        line.event.as_ref().is_none_or(|id| id == event)
            && line.to.as_ref().is_none_or(|to| *to == recipient.name || to == recipient.number.as_str())
            && line.step.is_none_or(|step| step == message.step() + 1)
    };
    let (mut becomes, Some(line)) = (AssumedOutcome::default(), outcomes.iter().find(fits)) else {
        return AssumedOutcome::default();
    };
    let milliseconds = |wait: SignedDuration| i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
    becomes.arrives = line.undelivered_after.is_none();
    let status_after = line.undelivered_after.or(line.delivered_after);
    becomes.status_after_ms = status_after.map_or(becomes.status_after_ms, milliseconds);
    becomes.acknowledged_after_ms = line.acknowledged_after.map(milliseconds);
    becomes
}

fn summary(runs: &[SimulatedRun]) -> Summary {
    let mut summary = Summary { runs: runs.len(), ..Summary::default() };
    for run in runs {
        summary.texts += run.texts.iter().filter(|text| text.at.is_some()).count();
        *summary.by_phase.entry(run.phase.as_str()).or_default() += 1;
    }
    summary
}

fn in_words(Summary { runs, texts, by_phase }: &Summary) -> String {
    let phases: Vec<_> = by_phase.iter().map(|(phase, count)| format!("{count} {phase}")).collect();
    format!("{}, {}: {}", counted(*runs, "run"), counted(*texts, "text"), phases.join(", "))
}

fn timeline(common: &Common, runs: &[SimulatedRun]) -> anyhow::Result<()> {
    if common.output == Output::Json {
        return output::json(&serde_json::json!({ "runs": runs, "summary": summary(runs) }));
    }
    let drawn: String = runs.iter().flat_map(|run| drawn(run, "")).map(|line| line + "\n").collect();
    output::bytes(crate::printable::printable(&drawn).as_bytes());
    output::line(in_words(&summary(runs)));
    Ok(())
}

/// What two configurations do differently. Both have the same events; one may open a run where the other does not.
fn differences(common: &Common, now: &[SimulatedRun], against: &[SimulatedRun]) -> anyhow::Result<()> {
    let key = |run: &SimulatedRun| (run.at, run.source.clone(), run.event_id.clone());
    let others: BTreeMap<_, _> = against.iter().map(|run| (key(run), run)).collect();
    let pairs = now.iter().filter_map(|now| Some(Difference { now, against: others.get(&key(now))? }));
    let differing: Vec<_> = pairs.filter(|pair| pair.now != pair.against).collect();
    if common.output == Output::Json {
        let summaries = serde_json::json!({ "now": summary(now), "against": summary(against) });
        return output::json(&serde_json::json!({ "differences": differing, "summary": summaries }));
    }
    let drawn = |pair: &Difference<'_>| {
        let both = drawn(pair.now, "- ").into_iter().chain(drawn(pair.against, "+ "));
        both.map(|line| line + "\n").collect::<String>()
    };
    let text: String = differing.iter().map(drawn).collect();
    output::bytes(crate::printable::printable(&text).as_bytes());
    output::line(format!("{} of {} differ", differing.len(), counted(now.len(), "run")));
    output::line(format!("- {}", in_words(&summary(now))));
    output::line(format!("+ {}", in_words(&summary(against))));
    Ok(())
}

/// A run as lines.
fn drawn(run: &SimulatedRun, sign: &str) -> Vec<String> {
    let about = run.subject.as_ref().map(|subject| format!(" about {subject}")).unwrap_or_default();
    let mut lines = vec![format!("{sign}{}  event {}{about}", output::time(run.at), run.event_id)];
    lines.extend(run.not_notified.iter().map(|reason| format!("{sign}  not notified: {reason}")));
    for SimulatedText { at, step, target, to, status, rule, quiet } in &run.texts {
        let at = at.map_or_else(|| "not sent".to_owned(), |at| format!("sent {}", output::time(at)));
        let rule = rule.as_ref().map(|rule| format!(" by rule {rule}")).unwrap_or_default();
        lines.push(format!("{sign}  step {step}  {to} by {target}  {at}  {status}{rule}"));
        lines.extend(quiet.iter().map(|decision| {
            let inputs: Vec<_> =
                decision.inputs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!(
                "{sign}    {} [rule {}; {}]",
                decision.rule.meaning(),
                decision.rule.id(),
                inputs.join(", ")
            )
        }));
    }
    let notes = run.notes.iter();
    lines.extend(notes.map(|note| format!("{sign}  {}  {}", output::time(note.at), note.text)));
    lines.extend(run.tickets.iter().map(|queue| format!("{sign}  ticket in {queue}")));
    let ended = run.ended_at.map_or_else(String::new, |at| format!(" {}", output::time(at)));
    let reason = if run.reason.is_empty() { String::new() } else { format!(": {}", run.reason) };
    lines.push(format!("{sign}  {}{ended}{reason}", run.phase.as_str()));
    lines
}
