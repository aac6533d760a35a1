//! One command each. In: parsed arguments. Out: results printed, and an exit code.

use std::process::ExitCode;

use anyhow::Context as _;
use domain::{
    notice::Notices,
    plural::counted,
    unguarded_fields::{unfit_fields, unguarded_fields},
    workflow::Workflow,
};
use telemetry::LogFormat;
use twilio_sim::{FaultPlan, Number, SimConfig, Simulator, Timing};

use crate::{
    args::{Cli, Command, Common, Events, Output, Role, Serve, TwilioSim},
    audit,
    configuration::{self, env},
    control_client, demo, dlq, events, manual, output,
    reload::{self, Reloaded},
    runs,
    server::Server,
    service_manager, shutdown, topology,
};

/// Carries out the command line.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { common, command } = cli;
    match command {
        Command::Demo(args) => return demo::run(&args, common.output).await,
        Command::Serve(args) => serve(&common, &args).await?,
        Command::Events(Events::Send(args)) => return events::send(&common, &args).await,
        Command::Runs(command) => runs::run(&common, command).await?,
        Command::Dlq(command) => return dlq::run(&common, command).await,
        Command::Topology(command) => topology::run(&common, &command).await?,
        // It is a file to copy, whatever form other results have.
        Command::Check(args) if args.defaults => output::line(config::DEFAULTS.trim_end()),
        Command::Check(args) => check(&common, &args.roles)?,
        Command::Audit(args) => return audit::audit(&common, &args).await,
        Command::Reload => reload_running(&common).await?,
        Command::TwilioSim(args) => twilio_sim(&args).await?,
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { folder } => manual::pages(folder.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn start_logs(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    let color = std::io::IsTerminal::is_terminal(&std::io::stderr()) && env("NO_COLOR").is_none();
    let filter = env("CALLOUT_LOG").unwrap_or_else(|| filter.to_owned());
    telemetry::init(format, &filter, color).map_err(|error| anyhow::anyhow!(error))
}

async fn serve(common: &Common, args: &Serve) -> anyhow::Result<()> {
    let roles = Role::chosen(&args.roles);
    let (mut config, secrets) = configuration::load(&common.config, Role::scope(&roles))?;
    let infrastructure = &mut config.infrastructure;
    infrastructure.listen = args.listen.unwrap_or(infrastructure.listen);
    infrastructure.monitoring_listen = args.monitoring_listen.or(infrastructure.monitoring_listen);
    let log = &config.infrastructure.log;
    start_logs(if log.json { LogFormat::Json } else { LogFormat::Text }, &log.filter)?;
    let shutdown = shutdown::on_signal()?;
    reload::survive_hangups()?;
    let workflows = config.workflows.len();
    let server =
        Server::start(config, secrets, &roles, Timing::default(), Some(&common.config), shutdown).await?;
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

fn check(common: &Common, roles: &[Role]) -> anyhow::Result<()> {
    let scope = Role::scope(&Role::chosen(roles));
    let (config, _) = configuration::load(&common.config, scope)?;
    let notices =
        config.infrastructure.replies.wording.as_ref().and_then(|wording| Notices::compile(wording).ok());
    let costly = notices.iter().flat_map(Notices::warnings);
    let warnings: Vec<String> = config.workflows.iter().flat_map(field_warnings).chain(costly).collect();
    match common.output {
        Output::Json => {
            let workflows: Vec<_> = config
                .workflows
                .iter()
                .map(|w| serde_json::json!({"name": w.name(), "hash": &*w.hash}))
                .collect();
            output::json(&serde_json::json!({
                "valid": true, "warnings": warnings, "files": config.files, "workflows": workflows
            }))
        }
        Output::Text => {
            config.files.iter().for_each(|file| output::line(format!("read {}", file.display())));
            warnings.iter().for_each(|warning| output::line(format!("warning: {warning}")));
            output::line(format!(
                "valid: {}, {}, {}",
                counted(config.workflows.len(), "workflow"),
                counted(config.directory.contacts.len(), "contact"),
                counted(config.directory.rotations.len(), "rotation")
            ));
            Ok(())
        }
    }
}

/// What a workflow's template writes although an event may lack it, or although its type does not fit.
fn field_warnings(workflow: &Workflow) -> Vec<String> {
    let absent = unguarded_fields(&workflow.template, &workflow.schema);
    let unfit = unfit_fields(&workflow.template, &workflow.schema);
    let unfit_warning = |(field, line): (String, u32)| {
        format!(
            "workflow {}: line {line} of the text cannot work with every value that the schema allows for `{field}`, as \
             with `round` of a text; it is then written as it is, or the text is replaced by a plain one. \
             Declare another type, or leave the filter out",
            workflow.name()
        )
    };
    let absent_warning = |field: String| {
        format!(
            "workflow {}: the text uses `{field}`, which an event may lack; it is then written as nothing. \
             Make it required, or use `{{{{ {field} | default(\"...\") }}}}`",
            workflow.name()
        )
    };
    absent.into_iter().map(absent_warning).chain(unfit.into_iter().map(unfit_warning)).collect()
}

async fn twilio_sim(args: &TwilioSim) -> anyhow::Result<()> {
    start_logs(LogFormat::Text, "info")?;
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
