//! Who asks, and what they may. In: a token, or who has the machine. Out: a principal.

use std::collections::BTreeSet;

use domain::token::{Scope, Token};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The name that timelines show.
    pub name: String,
    /// How it asks, as timelines show it: `operator`, `api` or `agent`.
    pub via: &'static str,
    /// Whether it asks on the machine itself, and not by a token.
    pub is_local: bool,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// The types of events that it may send.
    pub raises: BTreeSet<String>,
    /// The `source` of the events that it sends.
    pub source: String,
    /// Whose runs it sees and changes; those of every team if empty.
    pub teams: BTreeSet<String>,
    /// Whether it is a software agent, which decides nothing that a person must.
    pub is_agent: bool,
    /// The id of its token; empty for who has the machine.
    pub token: String,
    /// Whether it is an agent that somebody stopped: whatever it asks for is refused.
    pub is_stopped: bool,
    /// Whether the interface that it uses logs each of its calls, refused ones included.
    pub is_logged: bool,
}

impl Principal {
    /// Who has the machine, and so may do everything.
    pub fn operator(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            via: "operator",
            is_local: true,
            scopes: Scope::ALL.into_iter().collect(),
            // Who has the machine sends events through ingest, with the key of their source.
            raises: BTreeSet::new(),
            source: String::new(),
            teams: BTreeSet::new(),
            is_agent: false,
            token: String::new(),
            is_stopped: false,
            is_logged: false,
        }
    }

    /// Whose token a request bears.
    pub fn with_token(token: &Token) -> Self {
        Self {
            name: token.label.clone(),
            via: if token.is_agent { "agent" } else { "api" },
            is_local: false,
            scopes: token.scopes.clone(),
            raises: token.raises.clone(),
            source: token.source(),
            teams: token.teams.clone(),
            is_agent: token.is_agent,
            token: token.id.clone(),
            is_stopped: false,
            is_logged: false,
        }
    }

    /// Whose token a request of an agent's interface bears, whoever that is: it is held to what agents may do.
    pub fn agent_with_token(token: &Token) -> Self {
        Self { is_agent: true, via: "agent", is_logged: true, ..Self::with_token(token) }
    }

    /// Whether it may do what takes this scope. Who may change things may look at them, and who may look at everything may
    /// look at shifts.
    pub fn may(&self, scope: Scope) -> bool {
        let has = |scope: Scope| self.scopes.contains(&scope);
        match scope {
            Scope::Calendar => has(Scope::Calendar) || has(Scope::Read) || has(Scope::Operate),
            Scope::Read => has(Scope::Read) || has(Scope::Operate),
            Scope::ReadTexts
            | Scope::Operate
            | Scope::Approve
            | Scope::Observe
            | Scope::Escalate
            | Scope::Replay
            | Scope::Untrusted => has(scope),
        }
    }
}
