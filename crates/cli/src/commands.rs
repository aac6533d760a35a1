//! One command each. In: parsed arguments. Out: results printed, and an exit code.

use std::{net::SocketAddr, process::ExitCode};

use anyhow::Context as _;
use telemetry::{LogFormat, MetricExport, Traces};
use twilio_sim::{FaultPlan, Number, SimConfig, Simulator, Timing};

use crate::{
    agents, approvals,
    args::{Cli, Command, Common, Events, Output, Privacy, Role, Serve, TwilioSim},
    audit, backup, check,
    configuration::{self, LOG_FILTER, env},
    consent, control_client, demo, dlq, doctor, events,
    exit::Usage,
    explain, export_events, manual, mcp_stdio, oncall, output, personal, preflight,
    reload::{self, Reloaded},
    runs,
    server::Server,
    service_manager, shutdown, silence, simulate, status, tail, test_page, tokens, top, topology, tracker,
    workflows,
};

/// Carries out the command line.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { common, command } = cli;
    match command {
        Command::Demo(args) => return demo::run(&args, common.output).await,
        Command::Serve(args) => serve(&common, &args).await?,
        Command::Events(Events::Send(args)) => return events::send(&common, &args).await,
        Command::Events(Events::Export(args)) => export_events::export(&common, &args).await?,
        Command::Workflows(command) => workflows::run(&common, command).await?,
        Command::Runs(command) => runs::run(&common, command).await?,
        Command::Dlq(command) => return dlq::run(&common, command).await,
        Command::Silence(command) => silence::run(&common, command).await?,
        Command::Approvals(command) => approvals::run(&common, command).await?,
        Command::Agents(command) => agents::run(&common, command).await?,
        Command::Consent(command) => return consent::run(&common, command).await,
        Command::Explain(args) => explain::recipient(&common, args).await?,
        Command::Simulate(args) => simulate::run(&common, &args).await?,
        Command::TestPage(args) => return test_page::send(&common, args).await,
        Command::Messages(args) => explain::messages(&common, args).await?,
        Command::OnCall(command) => oncall::run(&common, command).await?,
        Command::Tokens(command) => tokens::run(&common, command).await?,
        Command::Topology(command) => return topology::run(&common, &command).await,
        // It is a file to copy, whatever form other results have.
        Command::Check(args) if args.defaults => output::line(config::DEFAULTS.trim_end()),
        Command::Check(args) => return check::run(&common, &args.roles),
        Command::Preflight(args) => return preflight::run(&common, &args).await,
        Command::Doctor(command) => return doctor::run(&common, command).await,
        Command::Status(args) => return status::status(&common, &args).await,
        Command::Tail(args) => tail::tail(&common, &args).await?,
        Command::Top(args) => top::top(&common, &args).await?,
        Command::Audit(args) => return audit::audit(&common, &args).await,
        Command::Export { recipient } => personal::export(&common, recipient).await?,
        Command::Erase(args) => personal::erase(&common, args).await?,
        Command::Privacy(Privacy::NewKey { name }) => new_key(&name)?,
        Command::Backup { file } => backup::back_up(&common, &file)?,
        Command::Reload => reload_running(&common).await?,
        Command::Mcp => mcp_stdio::serve(&common.config).await?,
        Command::TwilioSim(args) => twilio_sim(&args).await?,
        Command::TrackerSim { listen } => tracker_sim(listen).await?,
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { folder } => manual::pages(folder.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a line for the key file, whatever form other results have: it goes into a file.
fn new_key(name: &str) -> anyhow::Result<()> {
    let line = sealing::new_line(name).ok_or_else(|| {
        Usage(format!("{name:?} is no name of a key: use at most 32 letters, digits, `-` and `_`"))
    })??;
    output::line(line.as_str());
    Ok(())
}

fn start_logs(format: LogFormat, filter: &str, traces: Option<&Traces>) -> anyhow::Result<()> {
    let color = std::io::IsTerminal::is_terminal(&std::io::stderr()) && env("NO_COLOR").is_none();
    let filter = env(LOG_FILTER).unwrap_or_else(|| filter.to_owned());
    telemetry::init(format, &filter, color, traces).map_err(|error| anyhow::anyhow!(error))
}

async fn serve(common: &Common, args: &Serve) -> anyhow::Result<()> {
    let roles = Role::chosen(&args.roles);
    let (mut config, secrets) = configuration::load(&common.config, Role::scope(&roles))?;
    // What the command line says instead stays in force, whatever the file says later.
    let as_read = (config.clone(), secrets.clone());
    let infrastructure = &mut config.infrastructure;
    infrastructure.listen = args.listen.unwrap_or(infrastructure.listen);
    infrastructure.monitoring_listen = args.monitoring_listen.or(infrastructure.monitoring_listen);
    let log = &config.infrastructure.log;
    let traces = Traces::from_env(env).map_err(Usage)?;
    // Held until the end, as the traces are.
    let _metrics = MetricExport::from_env(env).map_err(Usage)?;
    start_logs(if log.json { LogFormat::Json } else { LogFormat::Text }, &log.filter, traces.as_ref())?;
    if args.roles.contains(&Role::Api) && config.infrastructure.api_listen.is_none() {
        let message = "the role api needs to know where to listen: give [api] listen in the configuration";
        return Err(Usage(message.to_owned()).into());
    }
    let shutdown = shutdown::on_signal()?;
    reload::survive_hangups()?;
    let workflows = config.workflows.len();
    let reloadable = Some((common.config.as_path(), as_read));
    let without = args.without_preflight.clone();
    let server =
        Server::start(config, secrets, &roles, Timing::default(), reloadable, without, shutdown).await?;
    tracing::info!(url = %server.url, workflows, ?roles, "callout is up");
    service_manager::ready();
    server.finish().await
}

async fn reload_running(common: &Common) -> anyhow::Result<()> {
    let reloaded = control_client::reload(&common.config).await?;
    if common.output == Output::Json {
        return output::json(&reloaded);
    }
    let Reloaded { changed, needs_restart } = reloaded;
    if changed.is_empty() {
        output::line("read again: nothing changed");
    }
    changed.iter().for_each(output::line);
    needs_restart.iter().for_each(|what| output::line(format!("after a restart only: {what}")));
    Ok(())
}

async fn tracker_sim(listen: SocketAddr) -> anyhow::Result<()> {
    start_logs(LogFormat::Text, "info", None)?;
    let shutdown = shutdown::on_signal()?;
    let url = tracker::start(listen, shutdown.clone()).await?;
    tracing::info!(api = %url, "the tracker is up");
    shutdown.cancelled().await;
    Ok(())
}

async fn twilio_sim(args: &TwilioSim) -> anyhow::Result<()> {
    start_logs(LogFormat::Text, "info", None)?;
    let faults = match &args.faults {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            serde_json::from_str(&text).with_context(|| format!("{} is not a fault plan", file.display()))?
        }
        None => FaultPlan::default(),
    };
    let inbound = Some(args.inbound_url.clone());
    let defaults = SimConfig::default();
    let shutdown = shutdown::on_signal()?;
    let simulator = Simulator::start(SimConfig {
        bind: args.listen,
        account_sid: args.account_sid.clone(),
        auth_token: env(&args.token_env).map_or(defaults.auth_token, |token| token.as_str().into()),
        numbers: args
            .numbers
            .iter()
            .map(|number| Number { number: number.clone(), inbound_url: inbound.clone() })
            .collect(),
        seed: args.seed,
        timing: Timing { sent_ms: args.sent_ms, delivered_ms: args.delivered_ms, ..Timing::default() },
        faults,
        ..SimConfig::default()
    })
    .await
    .with_context(|| format!("cannot listen on {}", args.listen))?;
    tracing::info!(api = %simulator.base_url(), account = args.account_sid, "the Twilio simulator is up");
    shutdown.cancelled().await;
    simulator.shutdown().await;
    Ok(())
}
