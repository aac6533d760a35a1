//! Events that are sent with a token.
//!
//! In: events, and who sends them. Out: what was taken, or why not.
//! Never: lets a token speak for a source, for another token, or to workflows of other teams.

use domain::{
    acceptance::{Accepted, NotAccepted, SameId},
    adapter::Adapters,
    agent::AgentRefusal,
    event::Event,
    source::Source,
};

use crate::{control::Control, principal::Principal, refusal_code::code_of_event};

impl Control {
    /// Takes events of the principal, all of them or none.
    ///
    /// # Errors
    /// When one of them is wrong, is not the principal's to send, or could not be made durable.
    pub async fn raise(
        &self,
        principal: &Principal,
        events: &[Event],
        is_batch: bool,
    ) -> Result<Accepted, NotAccepted> {
        let accepted = self.raised(principal, events, is_batch).await;
        if let Err(refused) = &accepted {
            self.log_refusal(principal, "raise", code_of_event(refused));
        }
        if let Err(refused @ NotAccepted::Forbidden(_)) = &accepted
            && !principal.is_agent
        {
            let reason = domain::phone::without_numbers(&refused.to_string());
            tracing::warn!(principal = principal.name, reason, "events were refused");
        }
        accepted
    }

    async fn raised(
        &self,
        principal: &Principal,
        events: &[Event],
        is_batch: bool,
    ) -> Result<Accepted, NotAccepted> {
        let source = self.source_for(principal, events)?;
        if principal.is_agent {
            self.agent_may_raise(events).map_err(NotAccepted::Agent)?;
            // What is wrong costs nothing.
            self.ports.acceptance.check(&source, events, is_batch)?;
            self.charge(principal, events).await?;
        }
        let now = self.ports.runs.now();
        self.ports.acceptance.accept(&source, events, is_batch, SameId::Conflicts, now).await
    }

    /// The source that a principal is, if these events are its to send.
    ///
    /// # Errors
    /// [`NotAccepted::Forbidden`].
    pub(crate) fn source_for(&self, principal: &Principal, events: &[Event]) -> Result<Source, NotAccepted> {
        let name = &principal.name;
        if principal.is_stopped {
            return Err(NotAccepted::Agent(AgentRefusal::Stopped));
        }
        if principal.raises.is_empty() {
            return Err(NotAccepted::Forbidden(format!("{name} lacks a scope raise:TYPE")));
        }
        let source = principal.as_source();
        let workflows = self.ports.runs.workflows();
        for event in events.iter().filter(|event| source.may_send(&event.kind)) {
            let routes = workflows.routes(&event.kind, &source.name);
            let mut reached = routes.opens.iter().chain(&routes.resolves);
            if !reached.all(|workflow| self.sees(principal, Some(workflow.name()), None)) {
                return Err(NotAccepted::Forbidden(format!(
                    "{name} is limited to teams, and events of type {:?} reach workflows that are not theirs",
                    event.kind
                )));
            }
        }
        Ok(source)
    }
}

impl Principal {
    /// As a source of events.
    pub(crate) fn as_source(&self) -> Source {
        Source {
            name: self.source.clone(),
            types: self.raises.iter().cloned().collect(),
            keys: Vec::new(),
            webhook_secrets: Vec::new(),
            team: None,
            adapters: Adapters::default(),
        }
    }
}
