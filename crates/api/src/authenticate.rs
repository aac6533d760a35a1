//! Who asks. In: the headers of a request. Out: a principal, or 401.
//!
//! Never: says why a token is not taken, or logs one.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};
use control::{Bearer, Door, Principal, bearer};
use domain::token::Scope;

use crate::{api_error::ApiError, api_state::Api, refusals::Asker};

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
        let clear = bearer(&parts.headers).ok_or(ApiError::Unauthenticated)?;
        let who = Self::with(clear, parts.uri.path(), api).await?;
        if let Some(asker) = parts.extensions.get::<Asker>() {
            asker.note(&who.principal);
        }
        Ok(who)
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
        let known = api.ports.control.bearer(clear, Door::Api, path).await?;
        let Bearer { principal, grants } = known.ok_or(ApiError::Unauthenticated)?;
        Ok(Self { token: principal.token.clone(), principal, grants })
    }
}
