//! `callout topology`: declares, verifies or exports what a fleet needs in RabbitMQ. In: configuration. Out: definitions,
//! or what is not as it must be.
//!
//! Never: removes or changes what exists.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use bus_rabbitmq::{
    BrokerAddress, Definitions, Difference, Look, RabbitBus, RabbitConfig, Topology as RabbitTopology,
    TopologyMode,
};
use config::Scope;
use domain::plural::counted;
use ports::SystemClock;
use serde_json::json;

use crate::{
    args::{Common, Output, Topology, Verify},
    backend, configuration,
    exit::Usage,
    management, output,
};

/// Runs one of the commands.
pub(crate) async fn run(common: &Common, command: &Topology) -> anyhow::Result<ExitCode> {
    let (config, secrets) = configuration::load(&common.config, Scope::OPERATOR)?;
    let config::Backend::Fleet(fleet) = &config.infrastructure.backend else {
        return Err(Usage("only a fleet has a topology; this configuration is embedded".to_owned()).into());
    };
    let secrets = secrets.fleet.context("a fleet needs the addresses of its servers")?;
    let mut rabbit = backend::rabbit_config(&config, fleet, &secrets.amqp_url)?;
    match command {
        Topology::Export { vhost } => {
            let topology = RabbitTopology::with_prefix(&rabbit.prefix, &rabbit.lanes, rabbit.delay)?;
            output::json(&topology.export(vhost))?;
        }
        Topology::Declare => {
            rabbit.topology = TopologyMode::Declare;
            RabbitBus::connect(rabbit, Arc::new(SystemClock)).await?;
            match common.output {
                Output::Json => output::json(&json!({"complete": true}))?,
                Output::Text => output::line("every exchange, queue and binding exists"),
            }
        }
        Topology::Verify(args) => return verify(common, &rabbit, args).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn verify(common: &Common, rabbit: &RabbitConfig, args: &Verify) -> anyhow::Result<ExitCode> {
    let topology = RabbitTopology::with_prefix(&rabbit.prefix, &rabbit.lanes, rabbit.delay)?;
    let address = rabbit.address().map_err(anyhow::Error::msg)?;
    let look = bus_rabbitmq::look(rabbit).await?;
    let listed = match &args.definitions {
        Some(file) => Ok(management::read(file, &address.virtual_host)?),
        None => management::list(&address, args.management.as_ref()).await,
    };
    // An address that was given must answer.
    let listed = if args.management.is_some() { Ok(listed?) } else { listed };
    let problems = match &listed {
        Ok(found) => topology.differences(found),
        Err(_) => look.differences(),
    };
    let notes = notes(&look, &listed, &topology, &address);
    match common.output {
        Output::Json => {
            let problem = |found: &Difference| json!({"what": found.what, "remedy": found.remedy});
            let problems: Vec<_> = problems.iter().map(problem).collect();
            output::json(&json!({
                "complete": problems.is_empty() && listed.is_ok(), "problems": problems, "notes": notes,
            }))?;
        }
        Output::Text => show(&problems, &notes, listed.is_ok()),
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(problems: &[Difference], notes: &[String], is_all_seen: bool) {
    for Difference { what, .. } in problems {
        output::line(format!("wrong: {what}"));
    }
    let mut remedies: Vec<_> = problems.iter().map(|problem| problem.remedy.as_str()).collect();
    remedies.sort_unstable();
    remedies.dedup();
    remedies.iter().for_each(|remedy| output::line(format!("to do: {remedy}")));
    notes.iter().for_each(|note| output::line(format!("note: {note}")));
    if problems.is_empty() {
        output::line(if is_all_seen {
            "every exchange, queue and binding exists"
        } else {
            "every exchange and queue that could be looked at exists; bindings were not looked at"
        });
    }
}

/// What could not be seen, and what points to a mistake.
fn notes(
    look: &Look,
    listed: &anyhow::Result<Definitions>,
    topology: &RabbitTopology,
    address: &BrokerAddress,
) -> Vec<String> {
    let mut notes = Vec::new();
    if let Err(error) = listed {
        notes.push(format!(
            "AMQP shows no bindings, and {error:#}: name the API with --management URL (the user {:?} needs the tag \
             `management`), or run `rabbitmqctl export_definitions FILE` and pass --definitions FILE",
            address.user
        ));
        if !look.hidden.is_empty() {
            let hidden = counted(look.hidden.len(), "name");
            notes.push(format!(
                "{hidden} could not be looked at: the user {:?} has no right to them",
                address.user
            ));
        } else if !look.is_compared {
            notes.push(format!(
                "types and arguments were not compared: the user {:?} may not configure",
                address.user
            ));
        }
    }
    if let Some(ready) = look.unrouted.filter(|ready| *ready > 0) {
        let waiting = counted(ready, "message");
        notes.push(format!(
            "{waiting} in {}: a binding is or was missing when they came",
            topology.names.unrouted()
        ));
    }
    notes
}
