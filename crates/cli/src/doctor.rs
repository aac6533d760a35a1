//! `callout doctor openclaw`: whether a gateway of agents on this machine can do with callout what it should, and nothing
//! else.
//!
//! In: the gateway's configuration, callout's own, and answers of both if they run. Out: findings, each with what to do.
//! Never: changes anything, starts a turn of an agent, or prints a secret.

mod agent;
mod destination;
mod finding;
mod gateway;
mod hooks;
mod mcp_server;
mod running;

use std::process::ExitCode;

use domain::plural::counted;
use serde_json::json;

use crate::{
    args::{Common, Doctor, Output},
    output,
};

use self::{
    finding::{Findings, Level},
    gateway::Gateway,
    hooks::Mapping,
    mcp_server::McpServer,
};

/// The version whose configuration is checked here, as its documentation has it.
const CHECKED_WITH: &str = "2026.9.6";

/// Carries out the command.
pub(crate) async fn run(common: &Common, command: Doctor) -> anyhow::Result<ExitCode> {
    let Doctor::Openclaw { gateway_config } = command;
    let gateway = Gateway::read(gateway_config)?;
    let mut findings = Findings::default();
    hooks::check(&gateway, &mut findings);
    let mapping = Mapping::of(&gateway);
    if let Some(mapping) = &mapping {
        mapping.check(&mut findings);
    } else {
        findings.error(
            "hook_unmapped",
            "no mapping of hooks.mappings takes what callout posts",
            "add the one of integrations/openclaw/openclaw.patch.json5",
        );
    }
    let agent = mapping.as_ref().and_then(|mapping| mapping.agent.as_deref()).unwrap_or("callout");
    let server = McpServer::of(&gateway, &mut findings);
    agent::check(&gateway, agent, server.as_ref().map_or("callout", |server| &server.name), &mut findings);
    agent::check_senders(&gateway, &mut findings);
    destination::check(common, &gateway, mapping.as_ref(), &mut findings)?;
    running::check(&gateway, server.as_ref(), &mut findings).await;
    print(common, &gateway, agent, &findings)?;
    Ok(if findings.errors() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(common: &Common, gateway: &Gateway, agent: &str, findings: &Findings) -> anyhow::Result<()> {
    let (errors, warnings) = (findings.errors(), findings.0.len() - findings.errors());
    if common.output == Output::Json {
        return output::json(&json!({
            "gateway_config": gateway.file, "agent": agent, "errors": errors, "warnings": warnings, "findings": findings.0,
        }));
    }
    let version = gateway.text("/meta/lastTouchedVersion").unwrap_or("an unknown version");
    output::line(format!("gateway  {}, written by {version}", gateway.file.display()));
    output::line(format!("agent    {agent}"));
    for finding in &findings.0 {
        let level = if finding.level == Level::Error { "error" } else { "warning" };
        output::wrapped(&format!("\n{level:<8} {}: {}", finding.code, finding.says), 9);
        output::wrapped(&format!("{:9}do: {}", "", finding.remedy), 13);
    }
    let found = match (errors, warnings) {
        (0, 0) => "nothing to do".to_owned(),
        (errors, warnings) => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    output::line(format!(
        "\n{found}; checked for OpenClaw {CHECKED_WITH}. What concerns the gateway alone: openclaw security audit"
    ));
    Ok(())
}
