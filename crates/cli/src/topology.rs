//! `callout topology`: declares, verifies or exports what a fleet needs in RabbitMQ. In: configuration. Out: definitions.
//!
//! Never: removes or changes what exists.

use std::sync::Arc;

use anyhow::Context as _;
use bus_rabbitmq::{RabbitBus, Topology as RabbitTopology, TopologyMode};
use config::Scope;
use ports::SystemClock;

use crate::{
    args::{Common, Output, Topology},
    backend, configuration,
    exit::Usage,
    output,
};

/// Runs one of the commands.
pub(crate) async fn run(common: &Common, command: &Topology) -> anyhow::Result<()> {
    let (config, secrets) = configuration::load(&common.config, Scope::OPERATOR)?;
    let config::Backend::Fleet(fleet) = &config.infrastructure.backend else {
        return Err(Usage("only a fleet has a topology; this configuration is embedded".to_owned()).into());
    };
    let secrets = secrets.fleet.context("a fleet needs the addresses of its servers")?;
    let mut rabbit = backend::rabbit_config(&config, fleet, &secrets.amqp_url);
    match command {
        Topology::Export { vhost } => {
            let topology = RabbitTopology::with_prefix(&rabbit.prefix, &rabbit.lanes, rabbit.delay)?;
            return output::json(&topology.export(vhost));
        }
        Topology::Declare => rabbit.topology = TopologyMode::Declare,
        Topology::Verify => rabbit.topology = TopologyMode::Verify,
    }
    RabbitBus::connect(rabbit, Arc::new(SystemClock)).await?;
    match common.output {
        Output::Json => output::json(&serde_json::json!({"complete": true})),
        Output::Text => {
            output::line("every exchange, queue and binding exists");
            Ok(())
        }
    }
}
