//! Versions in headers: `ETag` says which one was read, `If-Match` which one may be changed.
//!
//! In: headers, versions. Out: the same, the other way round.

use axum::http::{HeaderMap, HeaderValue, header};
use utoipa::IntoParams;

use crate::api_error::ApiError;

/// Which version may be changed.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what `expected_version` reads")]
pub(crate) struct IfMatch {
    /// The `ETag` of the run as it was seen. At any other version it is not changed: 412.
    #[param(rename = "If-Match", value_type = String, required = false, pattern = "^(\\*|\"[0-9]{1,18}\")$", example = "\"7\"")]
    version: Option<String>,
}

/// The header of an answer that shows a run at this version.
pub(crate) fn etag(version: u64) -> [(header::HeaderName, HeaderValue); 1] {
    let value = HeaderValue::try_from(format!("\"{version}\""));
    [(header::ETAG, value.unwrap_or(HeaderValue::from_static("\"0\"")))]
}

/// The version that a run must be at. None: any.
pub(crate) fn expected_version(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    if text.starts_with("W/") {
        return Err(ApiError::WeakTag);
    }
    let version =
        text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    let wrong = || ApiError::Invalid("If-Match: expected the ETag of one answer, as \"7\"".to_owned());
    version.map(Some).ok_or_else(wrong)
}
