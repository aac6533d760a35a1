//! `callout workflows`: how workflows do, and the step from one stage to the next. In: runs of a span of time. Out: figures,
//! or another line of a workflow's file.
//!
//! Never: puts a stage in force: `callout reload` does.

use anyhow::Context as _;
use config::Scope;
use control::{Answer, Request};
use domain::{
    plural::counted,
    rollout::{Quantiles, WorkflowFigures},
};
use jiff::Timestamp;
use serde_json::json;

use crate::{
    args::{Common, Output, Promote, Workflows, WorkflowsStatus},
    configuration,
    control_client::{UNEXPECTED_ANSWER, execute},
    exit::{NotFound, Unconfirmed, Usage},
    output,
};

/// Carries out a command.
pub(crate) async fn run(common: &Common, command: Workflows) -> anyhow::Result<()> {
    match command {
        Workflows::Status(args) => status(common, args).await,
        Workflows::Promote(args) => promote(common, args).await,
    }
}

async fn figures(
    common: &Common,
    workflow: Option<String>,
    since: Timestamp,
) -> anyhow::Result<Vec<WorkflowFigures>> {
    let request = Request::WorkflowFigures { workflow: workflow.clone(), since };
    let Answer::Workflows { workflows, more, unreadable } = execute(&common.config, "", request).await?
    else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    output::unreadable(&unreadable);
    if more {
        output::note(
            "of so many runs only the latest are counted: name a workflow, or a shorter time with --since",
        );
    }
    if let Some(name) = workflow.filter(|_| workflows.is_empty()) {
        anyhow::bail!(NotFound(format!(
            "there is no workflow {name:?}: `callout workflows status` lists them"
        )));
    }
    Ok(workflows)
}

async fn status(common: &Common, args: WorkflowsStatus) -> anyhow::Result<()> {
    let workflows = figures(common, args.workflow, args.since).await?;
    if common.output == Output::Json {
        return output::json(&workflows);
    }
    for (index, workflow) in workflows.iter().enumerate() {
        if index > 0 {
            output::line("");
        }
        print(workflow);
    }
    Ok(())
}

fn print(figures: &WorkflowFigures) {
    let list = |counts: Vec<String>| counts.join(", ");
    output::line(format!("{}  {}", figures.workflow, figures.stage));
    let phases = figures.by_phase.iter().map(|(phase, count)| format!("{count} {phase}")).collect();
    output::line(format!("  {}  {}", counted(figures.runs, "run"), list(phases)));
    let percent = figures.delivered_percent().map_or(String::new(), |percent| format!(" ({percent} %)"));
    output::line(format!(
        "  {} sent, {} delivered{percent}, {} not delivered, {} in doubt, {} dead",
        counted(figures.sent, "text"),
        figures.delivered,
        figures.undelivered,
        figures.held,
        figures.dead,
    ));
    for (name, codes) in [
        ("not delivered, by code", codes(&figures.undelivered_by_code)),
        ("suppressed, by rule", codes(&figures.suppressed)),
    ] {
        if !codes.is_empty() {
            output::line(format!("  {name}: {}", list(codes)));
        }
    }
    for (name, times) in
        [("to delivered", figures.to_delivered), ("to acknowledged", figures.to_acknowledged)]
    {
        if let Some(Quantiles { p50_ms, p95_ms, count }) = times {
            output::line(format!("  {name}: p50 {}, p95 {} of {count}", seconds(p50_ms), seconds(p95_ms)));
        }
    }
    match (&figures.next_stage, figures.obstacles.as_slice()) {
        (None, _) => {}
        (Some(next), []) => output::line(format!(
            "  nothing stands between it and {next}: `callout workflows promote {}`",
            figures.workflow
        )),
        (Some(next), obstacles) => {
            output::line(format!("  before {next}:"));
            obstacles.iter().for_each(|obstacle| output::wrapped(&format!("    {obstacle}"), 6));
        }
    }
}

fn codes<K: std::fmt::Display>(counts: &std::collections::BTreeMap<K, u64>) -> Vec<String> {
    counts.iter().map(|(name, count)| format!("{name}: {count}")).collect()
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

async fn promote(common: &Common, args: Promote) -> anyhow::Result<()> {
    let Promote { workflow: name, percent, since, anyway, yes } = args;
    let (config, _) = configuration::load(&common.config, Scope::OPERATOR)?;
    let configured = config.workflows.iter().find(|workflow| workflow.name() == name);
    let no_such =
        || NotFound(format!("there is no workflow {name:?}: `callout workflows status` lists them"));
    let stage = &configured.ok_or_else(no_such)?.definition.stage;
    let next = stage.next().ok_or_else(|| Usage(format!("{name} is live already")))?;
    let found = figures(common, Some(name.clone()), since).await?;
    let obstacles = found.iter().flat_map(|figures| &figures.obstacles).cloned().collect::<Vec<_>>();
    let file =
        common.config.parent().unwrap_or_else(|| ".".as_ref()).join("workflows").join(format!("{name}.toml"));
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(&file).with_context(|| format!("{shown} cannot be read"))?;
    let promoted =
        config::with_stage(&text, next, percent).map_err(|wrong| Usage(format!("{shown}: {wrong}")))?;
    for obstacle in &obstacles {
        output::note(format!("before {next}: {obstacle}"));
    }
    if !obstacles.is_empty() && !anyway {
        anyhow::bail!(Unconfirmed(format!(
            "nothing was written: wait, or add --anyway to promote {name} all the same"
        )));
    }
    if !yes {
        let line = promoted.line;
        anyhow::bail!(Unconfirmed(format!(
            "{shown}:{line} would say stage = \"{next}\": repeat the command with --yes"
        )));
    }
    replace(&file, &promoted.text).with_context(|| format!("{shown} cannot be written"))?;
    let (from, line) = (stage.as_str(), promoted.line);
    match common.output {
        Output::Json => {
            output::json(&json!({"workflow": name, "from": from, "to": next, "file": shown, "line": line}))?;
        }
        Output::Text => output::line(format!(
            "{shown}:{line}: {name} is promoted from {from} to {next}; `callout reload` puts it in force"
        )),
    }
    Ok(())
}

/// In one step, so that a process that reads it meanwhile finds the former text or the new one.
fn replace(file: &std::path::Path, text: &str) -> std::io::Result<()> {
    let file = file.canonicalize()?;
    let beside = file.with_extension("toml.new");
    std::fs::write(&beside, text)?;
    std::fs::set_permissions(&beside, std::fs::metadata(&file)?.permissions())?;
    std::fs::rename(beside, file)
}
