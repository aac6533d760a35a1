//! Whether texts go out of the account: noted for all senders, and told once. In: what a sender saw. Out: a note, and
//! effects, in this order.
//!
//! A process that dies between the two has left a note that is not told; every sender that sees the same then tells of it,
//! under the same id.

use domain::{
    effect::OutcomeEvent,
    outbound::{SendingSeen, SendingState},
};

use super::RunService;
use crate::error::RoleError;

impl RunService {
    /// Takes note of what a sender saw, and tells of it where it is news.
    ///
    /// # Errors
    /// When a port fails; what was seen may be said again.
    pub async fn note_sending(&self, seen: SendingSeen) -> Result<(), RoleError> {
        let noted = self.ports.sending.sending().await?;
        let Some(news) = SendingState::to_tell(noted.as_ref(), seen, self.now()) else { return Ok(()) };
        let is_noted =
            noted.as_ref() == Some(&news) || self.ports.sending.note_sending(noted.as_ref(), &news).await?;
        if !is_noted {
            return Ok(()); // Another sender noted it at the same moment, and tells of it.
        }
        self.tell(&news.event()).await?;
        let told = SendingState { is_announced: true, ..news.clone() };
        self.ports.sending.note_sending(Some(&news), &told).await?;
        Ok(())
    }

    /// Tells destinations of something that no change of a run tells of. What waits already is not told twice.
    ///
    /// # Errors
    /// When the store fails; it may be told again.
    pub async fn tell(&self, event: &OutcomeEvent) -> Result<(), RoleError> {
        let destinations = self.in_force().destinations.unwrap_or_default();
        for effect in destinations.effects_of(event) {
            self.ports.effects.add_effect(&effect).await?;
        }
        Ok(())
    }
}
