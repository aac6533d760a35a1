//! `callout runs list|show|ack|cancel`. In: arguments. Out: runs.

use control::{Answer, Request, RunConditions, RunQuery};
use domain::id::RunId;

use crate::{
    args::{Common, Output, Runs, RunsList},
    configuration,
    control_client::{UNEXPECTED_ANSWER, execute},
    exit::{NotFound, Usage},
    output, settle,
};

/// The fewest characters of an id that are looked for.
const BEGINNING_MIN: usize = 4;

/// Carries out a command.
pub(crate) async fn run(common: &Common, command: Runs) -> anyhow::Result<()> {
    match command {
        Runs::List(args) => list(common, args).await,
        Runs::Show(show) => {
            let id = run_named(common, &show.id).await?;
            one(common, "", Request::ShowRun { id, reveal: show.reveal }).await
        }
        Runs::Ack(ack) => {
            let id = run_named(common, &ack.id).await?;
            one(common, &ack.by, Request::Acknowledge { id }).await
        }
        Runs::Cancel(cancel) => {
            let id = run_named(common, &cancel.id).await?;
            one(common, &cancel.by, Request::Cancel { id }).await
        }
        Runs::Settle(args) => settle::run(common, *args).await,
    }
}

async fn list(common: &Common, args: RunsList) -> anyhow::Result<()> {
    let RunsList { phase, workflow, held, unfinished, event, subject, to, since, after, max } = args;
    let conditions = RunConditions { event, subject, to, since };
    let needs_review = held;
    let query =
        RunQuery { phase, workflow: workflow.clone(), needs_review, unfinished, after, conditions, max };
    let answer = execute(&common.config, "", Request::ListRuns(query)).await?;
    let Answer::Runs { runs, more } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    if let Some(workflow) = workflow.filter(|_| runs.is_empty()) {
        configuration::check_workflow(&common.config, &workflow)?;
    }
    match common.output {
        Output::Json => output::json(&runs),
        Output::Text => {
            output::runs(&runs, more);
            Ok(())
        }
    }
}

/// Shows one run as it is after a request.
async fn one(common: &Common, by: &str, request: Request) -> anyhow::Result<()> {
    let changes = !matches!(request, Request::ShowRun { .. });
    let answer = execute(&common.config, by, request).await?;
    let Answer::Run { run, changed } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    if common.output == Output::Json {
        return output::json(&run);
    }
    if changes && !changed {
        output::line(format!("nothing changed: the run is {} already", run.phase.as_str()));
    }
    output::run(&run);
    Ok(())
}

/// The run with this id, or the only one whose id begins so.
pub(crate) async fn run_named(common: &Common, id: &str) -> anyhow::Result<RunId> {
    if let Ok(id) = id.parse() {
        return Ok(id);
    }
    if id.len() < BEGINNING_MIN
        || !id.starts_with('r')
        || !id.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        let message = format!(
            "{id} is no id of a run: they begin with r and are shown by `callout runs list`; \
             the first {BEGINNING_MIN} characters or more are enough"
        );
        return Err(Usage(message).into());
    }
    let request = Request::FindRuns { beginning: id.to_owned() };
    let Answer::Runs { runs, .. } = execute(&common.config, "", request).await? else {
        anyhow::bail!(UNEXPECTED_ANSWER)
    };
    match runs.as_slice() {
        [] => {
            let message = format!("no run begins with {id}; `callout runs list` shows those there are");
            Err(NotFound(message).into())
        }
        [run] => Ok(run.id.parse()?),
        several => {
            let ids: Vec<_> = several.iter().map(|run| run.id.as_str()).collect();
            Err(Usage(format!("several runs begin with {id}: {}; give more of it", ids.join(", "))).into())
        }
    }
}
