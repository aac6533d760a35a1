//! Who asks. In: the headers of a request. Out: a principal, or 401.
//!
//! Never: says why a token is not taken, or logs one.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use control::Principal;
use domain::token::{Scope, Token};

use crate::{api_error::ApiError, api_state::Api};

/// A principal whose token is in force.
pub(crate) struct Authenticated {
    pub(crate) principal: Principal,
    /// The id of its token.
    pub(crate) token: String,
    /// What it allows, in words.
    pub(crate) grants: Vec<String>,
}

impl FromRequestParts<Arc<Api>> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let clear = bearer(parts).ok_or(ApiError::Unauthenticated)?;
        Self::with(clear, parts.uri.path(), api).await
    }
}

impl Authenticated {
    /// By a token that stands in the address, because those who subscribe to a calendar can send no header. Addresses are
    /// passed on and logged by others: one that allows more than to read calendars is not taken from there.
    pub(crate) async fn by_address(clear: &str, path: &str, api: &Api) -> Result<Self, ApiError> {
        let who = Self::with(clear, path, api).await?;
        let calendar_alone = who.grants == [Scope::Calendar.as_str()];
        if calendar_alone { Ok(who) } else { Err(ApiError::Unauthenticated) }
    }

    async fn with(clear: &str, path: &str, api: &Api) -> Result<Self, ApiError> {
        let id = Token::id_in(clear).ok_or(ApiError::Unauthenticated)?;
        let now = api.ports.clock.now();
        // Read at each request, so that a token that is revoked ends at once, in every process.
        let token = api.ports.tokens.token(id).await?.filter(|token| token.is(clear, now));
        let Some(token) = token else {
            tracing::warn!(token = id, path, "a token was not taken");
            return Err(ApiError::Unauthenticated);
        };
        Ok(Self { principal: Principal::with_token(&token), grants: token.grants(), token: token.id })
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, token) = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
