//! Who bears a token. In: the headers of a request. Out: a principal whose token is in force.
//!
//! Never: says why a token is not taken, or logs one.

use axum::http::{HeaderMap, header};
use domain::{agent_stop::AgentStop, phone::identifier_without_numbers, token::Token};
use ports::StoreError;

use crate::{control::Control, principal::Principal};

/// What a token is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The HTTP API: people, tools and agents.
    Api,
    /// The interface of agents: whoever comes this way is one.
    Agents,
}

/// Who bears a token that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// Who asks.
    pub principal: Principal,
    /// What the token allows, in words.
    pub grants: Vec<String>,
}

/// The token that a request bears in its header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl Control {
    /// Who bears this token; `None` where it is not in force. Read at each request, so that a token that is revoked, and an
    /// agent that is stopped, end at once in every process.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn bearer(&self, clear: &str, door: Door, path: &str) -> Result<Option<Bearer>, StoreError> {
        let Some(id) = Token::id_in(clear) else { return Ok(None) };
        let now = self.ports.clock.now();
        let Some(token) = self.ports.tokens.token(id).await?.filter(|token| token.is(clear, now)) else {
            // Both are the caller's text.
            let (token, path) = (identifier_without_numbers(id), identifier_without_numbers(path));
            tracing::warn!(token, path, "a token was not taken");
            return Ok(None);
        };
        let mut principal = match door {
            Door::Api => Principal::with_token(&token),
            Door::Agents => Principal::agent_with_token(&token),
        };
        principal.is_stopped = principal.is_agent && self.is_stopped(&principal.name).await?;
        self.last_uses.note(&token.id, now);
        Ok(Some(Bearer { principal, grants: token.grants() }))
    }

    /// Whether what a token opened may go on: it is there still, and no stopped agent's. A store that does not answer is no
    /// reason to end it.
    pub async fn is_in_force(&self, principal: &Principal) -> bool {
        let token = match self.ports.tokens.token(&principal.token).await {
            Ok(token) => token.is_some_and(|token| !token.is_expired(self.ports.clock.now())),
            Err(_) => true,
        };
        token && !(principal.is_agent && self.is_stopped(&principal.name).await.unwrap_or_default())
    }

    pub(crate) async fn is_stopped(&self, label: &str) -> Result<bool, StoreError> {
        Ok(self.ports.tokens.agent_stops().await?.iter().any(|stop: &AgentStop| stop.stops(label)))
    }
}
