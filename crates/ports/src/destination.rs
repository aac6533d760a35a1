//! Where outcomes are told and tickets are opened. A port; the role `integrations` calls it, and each kind of destination
//! implements it.

use async_trait::async_trait;
use domain::{
    effect::{Effect, EffectAnswer},
    run::Run,
};
use jiff::Timestamp;

/// An effect with what its destination needs to know of the run.
#[derive(Debug, Clone)]
pub struct EffectRequest {
    /// What is to be done.
    pub effect: Effect,
    /// The run as it is now, for tickets and where texts are included.
    pub run: Option<Run>,
    /// The run's timeline, a line each, for tickets.
    pub timeline: Vec<String>,
    /// Where the API shows the run, if others reach it.
    pub run_url: Option<String>,
    /// The time.
    pub at: Timestamp,
    /// An earlier request may have been carried out: what it would have made is looked for first.
    pub may_exist: bool,
}

/// One destination. No error names a secret.
#[async_trait]
pub trait DestinationClient: Send + Sync {
    /// Makes the requests of one effect, within [`domain::limits::EFFECT_TIMEOUT_S`].
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer;
}
