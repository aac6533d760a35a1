//! What is to be done outside. A port; its contract is in the comments, and the `conformance` suite checks it.

use async_trait::async_trait;
use domain::{effect::Effect, id::RunId, timeline::DeadLetter};
use jiff::Timestamp;

use super::values::StoreError;

/// How an effect ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectEnd {
    /// The destination took it.
    Delivered,
    /// It is given up, and this letter is kept instead.
    Dead(Box<DeadLetter>),
}

/// What is to be done outside: effects that are stored with the runs they come from, and wait to be carried out.
///
/// Every method is repeatable: after an error the caller may call again without doing it twice. What is written is
/// durable when the method returns.
#[async_trait]
pub trait EffectStore: Send + Sync {
    /// Adds an effect that comes from no change of a run, due at once. One whose id waits already changes nothing.
    async fn add_effect(&self, effect: &Effect) -> Result<(), StoreError>;

    /// Takes up to `max` effects of a destination that are due at `now`, earliest first, and hides them from other takers
    /// until `hidden_until`. Each comes with an epoch of its own, by which later takings of it are told apart.
    ///
    /// What was taken and not answered for comes back when its time is up, also after a call whose answer was lost.
    async fn take_effects(
        &self,
        destination: &str,
        now: Timestamp,
        hidden_until: Timestamp,
        max: u16,
    ) -> Result<Vec<Effect>, StoreError>;

    /// Up to `max` of the effects that wait, due or not, in no order. Of many, not all are looked at.
    async fn some_effects(&self, max: u16) -> Result<Vec<Effect>, StoreError>;

    /// The effects of a run that wait at a destination, due or not, those included that somebody has taken; in no order.
    async fn effects_of_run(&self, run: &RunId, destination: &str) -> Result<Vec<Effect>, StoreError>;

    /// Stores an effect as it is now, to be taken again at `due`, unless it was taken again since.
    async fn postpone_effect(&self, effect: &Effect, due: Timestamp) -> Result<(), StoreError>;

    /// Ends an effect, unless it was taken again since.
    async fn end_effect(&self, effect: &Effect, end: EffectEnd) -> Result<(), StoreError>;
}
