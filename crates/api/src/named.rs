//! What a path names. In: the last variable of a path. Out: its text, or 400.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use crate::api_error::ApiError;

/// The id in a path.
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let named = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = named.map_err(|rejection| ApiError::Invalid(rejection.body_text()))?;
        Ok(Self(id))
    }
}
