//! `callout demo`: the whole product in one process, as a short scenario.
//!
//! In: the shipped examples, 60 times faster. Out: what happens, as it happens, and whether it was as expected; after that,
//! what happens to the events of the person who tries it.
//! Never: fakes an outcome: events go through the real HTTP server, roles and store, and a simulator that signs.

mod agent;
mod scenario;
mod setup;
mod stage;
mod watch;

use std::process::ExitCode;

use twilio_sim::Timing;

use crate::{
    args::{Demo, Output, Role},
    configuration::{self, LOG_FILTER},
    exit::{self, Interrupted},
    output,
    server::Server,
    shutdown,
};

/// Plays the scenario.
pub(crate) async fn run(args: &Demo, output: Output) -> anyhow::Result<ExitCode> {
    // That a run reached nobody is a part of the scenario, and is told there.
    let filter = configuration::env(LOG_FILTER).unwrap_or_else(|| "error,telemetry=off".to_owned());
    telemetry::init(telemetry::LogFormat::Text, &filter, false, None)
        .map_err(|error| anyhow::anyhow!(error))?;
    let folder = tempfile::tempdir()?;
    let shutdown = shutdown::on_signal()?;
    let tracker = crate::tracker::start(([127, 0, 0, 1], 0).into(), shutdown.clone()).await?;
    let (mut config, secrets) = setup::config(folder.path(), &tracker)?;
    let by_hand = setup::slower(&config)?;
    config.infrastructure.listen = args.listen;
    // Agents are served there, on a port that is free.
    config.infrastructure.api_listen = Some(([127, 0, 0, 1], 0).into());
    let timing = Timing { sent_ms: 250, delivered_ms: 500, ..Timing::default() };
    let server =
        Server::start(config, secrets, &Role::chosen(&[]), timing, None, None, shutdown.clone()).await?;
    let mut stage = stage::Stage::new(&server, output)?;
    let stopped = || Interrupted("stopped before the scenario was over".to_owned()).into();
    let played = tokio::select! {
        played = scenario::play(&mut stage) => played,
        () = shutdown.cancelled() => Err(stopped()),
    };
    // A request that the end of the listener cuts off is no failure of its own.
    let played = played.map_err(|error| if shutdown.is_cancelled() { stopped() } else { error });
    let outcomes = stage.finish(played.is_ok()).await?.to_vec();
    if output == Output::Json {
        output::json(&outcomes)?;
    }
    let as_expected =
        played.is_ok() && !outcomes.is_empty() && outcomes.iter().all(|outcome| outcome.as_expected);
    if args.exit {
        shutdown.cancel();
    } else if !shutdown.is_cancelled() {
        stage.try_out(by_hand).await?;
        setup::print_what_to_try(&server, folder.path(), output);
        tokio::select! {
            watched = watch::watch(&mut stage) => watched?,
            () = shutdown.cancelled() => {}
        }
    }
    drop(stage);
    server.finish().await?;
    if let Err(error) = played {
        return Ok(exit::report(&error));
    }
    Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
