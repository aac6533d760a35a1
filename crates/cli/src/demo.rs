//! `callout demo`: the whole product in one process, told as a short story.
//!
//! In: the shipped examples, 60 times faster. Out: what happens, as it happens, and whether it was as told.
//! Never: fakes an outcome: the story goes through the real doors, roles, store and a signed simulator.

mod setup;
mod stage;
mod story;

use std::process::ExitCode;

use twilio_sim::Timing;

use crate::{
    args::{Demo, Output, Role},
    configuration, exit, output,
    server::Server,
    shutdown,
};

/// Plays the story.
pub(crate) async fn run(args: &Demo, output: Output) -> anyhow::Result<ExitCode> {
    let filter = configuration::env("CALLOUT_LOG").unwrap_or_else(|| "error".to_owned());
    telemetry::init(telemetry::LogFormat::Text, &filter, false).map_err(|error| anyhow::anyhow!(error))?;
    let folder = tempfile::tempdir()?;
    let (config, secrets) = setup::config(folder.path())?;
    let shutdown = shutdown::on_signal()?;
    let timing = Timing { sent_ms: 250, delivered_ms: 500, ..Timing::default() };
    let server =
        Server::start(config, secrets, &Role::chosen(&[]), args.listen, timing, shutdown.clone()).await?;
    let mut stage = stage::Stage::new(&server, output)?;
    let told = tokio::select! {
        told = story::play(&mut stage) => told,
        () = shutdown.cancelled() => Ok(()),
    };
    let outcomes = stage.finish().await?;
    if output == Output::Json {
        output::json(&outcomes)?;
    }
    let as_told = told.is_ok() && !outcomes.is_empty() && outcomes.iter().all(|outcome| outcome.as_told);
    if args.exit {
        shutdown.cancel();
    } else if !shutdown.is_cancelled() {
        setup::print_what_to_try(&server, output);
    }
    server.finish().await?;
    if let Err(error) = told {
        return Ok(exit::report(&error));
    }
    Ok(if as_told { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
