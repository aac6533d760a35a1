//! The API's description in OpenAPI 3.1, made from the types and routes that serve it.
//!
//! Never: served as it is made: `docs/schemas/openapi.json` is, which a test compares with it.

use axum::{Router, http::header, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{Http, HttpAuthScheme, SecurityScheme},
};

use crate::api_error::Problem;

const DOCUMENT: &str = include_str!("../../../docs/schemas/openapi.json");

#[derive(OpenApi)]
#[openapi(
    info(
        title = "callout",
        description = "Runs, dead letters and what happens to them. Every request bears a token: `callout tokens create` makes one. \
            See docs/api.md."
    ),
    paths(
        crate::runs::list, crate::runs::show, crate::runs::acknowledge, crate::runs::escalate, crate::runs::cancel,
        crate::runs::resolve_doubt, crate::dead_letters::list, crate::dead_letters::show, crate::dead_letters::replay,
        crate::dead_letters::discard, crate::audit::audit, crate::events::receive, crate::status::status, crate::stream::follow,
        crate::policy::show_on_call, crate::policy::show_calendar, crate::policy::add_override, crate::policy::swap_shifts, crate::policy::remove_override,
        crate::policy::list_silences, crate::policy::add_silence, crate::policy::end_silence, crate::policy::show_consent,
        crate::policy::record_consent, crate::explain::explain, crate::explain::list_messages,
        crate::explain::send_test_page, crate::explain::show_test_page, crate::approvals::list, crate::approvals::show,
        crate::approvals::approve, crate::approvals::deny, crate::approvals::agents, crate::approvals::stop,
        crate::approvals::start
    ),
    components(schemas(Problem)),
    modifiers(&BearerToken),
    security(("token" = []))
)]
struct Described;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// The description, as the code has it.
pub fn document() -> String {
    Described::openapi().to_pretty_json().unwrap_or_default()
}

/// Served without a token: it holds nothing of the installation.
pub(crate) fn routes() -> Router {
    let answer = || async { ([(header::CONTENT_TYPE, "application/json")], DOCUMENT) };
    Router::new().route("/v1/openapi.json", get(answer))
}
