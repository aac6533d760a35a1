//! Requests of agents that are refused before `control` is asked, one line each in the log as those that it refuses.
//!
//! In: requests, and their answers. Out: a line with a code.
//! Never: names what an agent wrote.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use control::Principal;

use crate::{api_error::Unasked, api_state::Api};

/// Who asked, once that is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asker(Arc<OnceLock<Principal>>);

impl Asker {
    pub(crate) fn note(&self, principal: &Principal) {
        self.0.get_or_init(|| principal.clone());
    }
}

/// Logs what could not be read or repeated.
pub(crate) async fn log(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    if let (Some(principal), Some(unasked)) = (asker.0.get(), response.extensions().get::<Unasked>()) {
        let path = path.as_ref().map_or("unknown", MatchedPath::as_str);
        api.ports.control.log_refusal(principal, path, &unasked.0);
    }
    response
}
