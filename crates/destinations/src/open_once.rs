//! One ticket for each run, at services that take no key that makes a request repeatable.
//!
//! In: how a service is searched and how it makes a ticket. Out: the run's ticket.
//! Never: makes a ticket that may exist without looking for it twice: what was made a moment ago may be missing from what
//! a service finds.

use async_trait::async_trait;
use domain::{
    effect::{EffectAnswer, Ticket},
    time::after,
};
use jiff::SignedDuration;
use ports::{Clock, EffectRequest};

/// A service whose tickets are found by what they say of their run.
#[async_trait]
pub(crate) trait Tracker: Sync {
    /// The ticket of the run, if the service shows one.
    async fn find(&self, request: &EffectRequest) -> Result<Option<Ticket>, EffectAnswer>;

    /// A new ticket.
    async fn create(&self, request: &EffectRequest) -> Result<Ticket, EffectAnswer>;
}

/// The run's ticket: found, or made. After a doubt it is looked for at once and after `second_look`.
pub(crate) async fn open_once(
    tracker: &dyn Tracker,
    clock: &dyn Clock,
    second_look: SignedDuration,
    request: &EffectRequest,
) -> Result<Ticket, EffectAnswer> {
    if request.may_exist {
        if let Some(found) = tracker.find(request).await? {
            return Ok(found);
        }
        clock.sleep_until(after(clock.now(), second_look)).await;
        if let Some(found) = tracker.find(request).await? {
            return Ok(found);
        }
    }
    tracker.create(request).await
}

/// The name of the run in its ticket, which a service's search finds.
pub(crate) fn run_label(request: &EffectRequest) -> String {
    let run = request.effect.run().map(ToString::to_string).unwrap_or_default();
    format!("callout-{run}")
}

/// A ticket was made, or so the status says, and the answer does not name it.
pub(crate) fn unnamed(what: &str) -> EffectAnswer {
    EffectAnswer::Failed { reason: format!("the answer names no {what}"), is_in_doubt: true }
}

/// What a search found cannot be read, so nothing is made.
pub(crate) fn unreadable_list(what: &str) -> EffectAnswer {
    EffectAnswer::Failed { reason: format!("the list of {what} cannot be read"), is_in_doubt: false }
}
