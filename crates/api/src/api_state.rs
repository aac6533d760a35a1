//! What the routes use. In: nothing. Out: the types.

use std::sync::Arc;

use control::Control;
use ports::{AnswerStore, Clock};
use tokio_util::sync::CancellationToken;

/// What the API uses, and nothing else.
#[derive(Clone)]
pub struct ApiPorts {
    /// Carries out what is asked for.
    pub control: Control,
    /// What repeated requests are answered with.
    pub answers: Arc<dyn AnswerStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What the API says of the installation.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The environment's name.
    pub environment: String,
    /// The version of callout.
    pub version: &'static str,
    /// Streams end when it is cancelled; their readers come back.
    pub stop: CancellationToken,
}

/// What every route uses.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) ports: ApiPorts,
    pub(crate) settings: ApiSettings,
}
