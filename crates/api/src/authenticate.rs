//! Who asks. In: the headers of a request. Out: a principal, or 401.
//!
//! Never: says why a token is not taken, or logs one.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};
use control::Principal;
use domain::token::Token;

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
        let id = Token::id_in(clear).ok_or(ApiError::Unauthenticated)?;
        let now = api.ports.clock.now();
        // Read at each request, so that a token that is revoked ends at once, in every process.
        let token = api.ports.tokens.token(id).await?.filter(|token| token.is(clear, now));
        let Some(token) = token else {
            tracing::warn!(token = id, path = parts.uri.path(), "a token was not taken");
            return Err(ApiError::Unauthenticated);
        };
        Ok(Self { principal: Principal::with_token(&token), grants: token.grants(), token: token.id })
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let (scheme, token) = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
