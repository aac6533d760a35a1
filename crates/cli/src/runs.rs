//! `callout runs list|show|explain|ack|cancel`. In: arguments. Out: runs.

use control::{Answer, Request, RunConditions, RunQuery};

use crate::{
    args::{Common, Output, Runs, RunsList},
    configuration,
    control_client::{UNEXPECTED_ANSWER, execute},
    drawn_timeline, explain, output,
    run_name::run_named,
    settle,
};

/// Carries out a command.
pub(crate) async fn run(common: &Common, command: Runs) -> anyhow::Result<()> {
    match command {
        Runs::List(args) => list(common, args).await,
        Runs::Show(show) => {
            let id = run_named(common, &show.id).await?;
            one(common, "", Request::ShowRun { id, reveal: show.reveal }).await
        }
        Runs::Explain { id } => explain::run(common, run_named(common, &id).await?).await,
        Runs::Ack(ack) => {
            let id = run_named(common, &ack.id).await?;
            one(common, &ack.by, Request::Acknowledge { id }).await
        }
        Runs::Escalate(escalate) => {
            let id = run_named(common, &escalate.id).await?;
            one(common, &escalate.by, Request::Escalate { id }).await
        }
        Runs::Cancel(cancel) => {
            let id = run_named(common, &cancel.id).await?;
            one(common, &cancel.by, Request::Cancel { id }).await
        }
        Runs::Settle(args) => settle::run(common, *args).await,
    }
}

async fn list(common: &Common, args: RunsList) -> anyhow::Result<()> {
    let RunsList { event, subject, to, to_hash, since, until, max, .. } = args;
    let query = RunQuery {
        phase: args.phase,
        workflow: args.workflow.clone(),
        source: args.source.clone(),
        needs_review: args.held,
        unfinished: args.unfinished,
        after: args.after,
        conditions: RunConditions { event, subject, to, to_hash, since, until },
        max,
    };
    let answer = execute(&common.config, "", Request::ListRuns(query)).await?;
    let Answer::Runs { runs, more, stopped_after, unreadable } = answer else {
        anyhow::bail!(UNEXPECTED_ANSWER)
    };
    output::unreadable(&unreadable);
    if let Some(last) = stopped_after {
        output::note(format!(
            "older runs were not looked at: repeat the command with --after {last}, and so on"
        ));
    }
    if runs.is_empty() {
        configuration::check_names(&common.config, args.workflow.as_deref(), args.source.as_deref())?;
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
    let Answer::Run { run, changed, .. } = answer else { anyhow::bail!(UNEXPECTED_ANSWER) };
    if common.output == Output::Json {
        return output::json(&run);
    }
    if changes && !changed {
        output::line(format!("nothing changed: the run is {} already", run.phase.as_str()));
    }
    output::run(&run);
    drawn_timeline::print(&run.timeline);
    Ok(())
}
