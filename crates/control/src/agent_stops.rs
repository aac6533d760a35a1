//! Agents are listed, stopped, and let go on. In: a person's wish. Out: the agents as they are afterwards.
//!
//! Never: lets an agent go on that somebody stopped by its label, because the stop of all was taken back.

use std::collections::BTreeMap;

use domain::{
    agent_stop::AgentStop,
    approval::{ApprovalState, WHY_CHARS_MAX},
};
use runtime::RoleError;

use crate::{
    agent_view::{AgentView, AgentsView},
    control::{Control, of_all_teams},
    error::ControlError,
    principal::Principal,
    request::Answer,
};

impl Control {
    pub(crate) async fn agents(&self) -> Result<Answer, ControlError> {
        let (now, tokens) =
            (self.ports.clock.now(), self.ports.tokens.tokens().await.map_err(RoleError::from)?);
        let stops = self.ports.tokens.agent_stops().await.map_err(RoleError::from)?;
        let approvals = self.ports.approvals.approvals().await.map_err(RoleError::from)?;
        let mut agents: BTreeMap<String, AgentView> = BTreeMap::new();
        for token in tokens.iter().filter(|token| token.is_agent && !token.is_expired(now)) {
            let label = token.label.clone();
            let agent = agents.entry(label.clone()).or_insert_with(|| AgentView {
                stopped: stops.iter().any(|stop| stop.stops(&label)),
                pending: approvals
                    .iter()
                    .filter(|held| held.value.by == label && held.value.state(now) == ApprovalState::Pending)
                    .count(),
                label,
                tokens: Vec::new(),
                grants: Vec::new(),
                last_used_at: None,
            });
            agent.tokens.push(token.id.clone());
            agent.grants.extend(token.grants());
            agent.last_used_at = agent.last_used_at.max(self.last_uses.of(&token.id));
        }
        for agent in agents.values_mut() {
            agent.grants.sort();
            agent.grants.dedup();
        }
        Ok(Answer::Agents { agents: AgentsView { agents: agents.into_values().collect(), stops } })
    }

    /// In force with the next request of each, in every process.
    pub(crate) async fn stop_agents(
        &self,
        principal: &Principal,
        label: Option<String>,
        why: String,
    ) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        if why.chars().count() > WHY_CHARS_MAX {
            return Err(ControlError::Unusable(format!("say why in at most {WHY_CHARS_MAX} characters")));
        }
        if let Some(label) = &label {
            // A slip of one letter must not look like a stop. People's tokens are agents, too, where they come by MCP.
            let tokens = self.ports.tokens.tokens().await.map_err(RoleError::from)?;
            if !tokens.iter().any(|token| token.label == *label) {
                return Err(ControlError::NoAgent(label.clone()));
            }
        }
        let stop = AgentStop { label, by: principal.name.clone(), why, at: self.ports.clock.now() };
        self.ports.tokens.stop_agents(&stop).await.map_err(RoleError::from)?;
        let agent = stop.label.as_deref().unwrap_or("all");
        tracing::warn!(agent, by = stop.by, via = principal.via, why = stop.why, "agents were stopped");
        self.agents().await
    }

    pub(crate) async fn start_agents(
        &self,
        principal: &Principal,
        label: Option<String>,
    ) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        let was_there = self.ports.tokens.start_agents(label.as_deref()).await.map_err(RoleError::from)?;
        let agent = label.as_deref().unwrap_or("all");
        if !was_there {
            return Err(ControlError::NotStopped(agent.to_owned()));
        }
        tracing::warn!(agent, by = principal.name, via = principal.via, "agents go on");
        self.agents().await
    }
}
