//! `callout agents list|stop|start`. In: arguments. Out: the agents there are, and what is stopped.

use control::{AgentView, AgentsView, Answer, Request};
use domain::{agent_stop::AgentStop, plural::counted};

use crate::{
    args::{Agents, Common, Output},
    control_client::{UNEXPECTED_ANSWER, execute},
    output,
};

/// Carries out a command.
pub(crate) async fn run(common: &Common, command: Agents) -> anyhow::Result<()> {
    let (by, request) = match command {
        Agents::List => (String::new(), Request::ListAgents),
        Agents::Stop { label, why, by } => (by, Request::StopAgents { label, why }),
        Agents::Start { label, by } => (by, Request::StartAgents { label }),
    };
    let Answer::Agents { agents: AgentsView { agents, stops } } =
        execute(&common.config, &by, request).await?
    else {
        anyhow::bail!(UNEXPECTED_ANSWER);
    };
    if common.output == Output::Json {
        return output::json(&AgentsView { agents, stops });
    }
    if agents.is_empty() {
        output::line("no agents; `callout tokens create --agent --label NAME` makes a token for one");
    }
    for agent in &agents {
        output::wrapped(&line(agent), 4);
    }
    for AgentStop { label, by, why, at } in &stops {
        let (whom, at) = (label.as_deref().unwrap_or("every agent"), output::time(*at));
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        output::wrapped(&format!("{whom} is stopped since {at} by {by}{why}"), 4);
    }
    Ok(())
}

fn line(agent: &AgentView) -> String {
    let AgentView { label, tokens, grants, last_used_at, stopped, pending } = agent;
    let state = if *stopped { "STOPPED" } else { "may ask" };
    let used = last_used_at.map_or(String::new(), |at| format!("  last used {}", output::time(at)));
    let pending = if *pending == 0 {
        String::new()
    } else {
        format!("  {} for a person to decide: `callout approvals list`", counted(*pending, "approval"))
    };
    format!("{label}  {state}  {}  {}{used}{pending}", tokens.join(", "), grants.join(", "))
}
