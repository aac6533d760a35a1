//! The stream of outcome events, for who may read it.
//!
//! In: a position of the outcome log. Out: the events after it that the principal sees.
//! Never: shows a principal the events of another team, or what is of no team to one who is limited to teams; nor an agent
//! what another asked for.

use domain::{effect::OutcomeEvent, outbound::STREAM};
use runtime::RoleError;

use crate::{control::Control, error::ControlError, principal::Principal, request::Answer};

/// Events read at once, of which some may be another team's.
const READ_MAX: u16 = 200;

impl Control {
    /// Where a reader begins: after the last event that it read, or with what happens next.
    pub(crate) async fn find_position(&self, after: Option<u64>) -> Result<Answer, ControlError> {
        if !self.ports.runs.destinations().iter().any(|name| name == STREAM) {
            return Err(ControlError::NoStream);
        }
        let last = self.ports.log.last_logged().await.map_err(RoleError::from)?;
        // A position that is still to come was given by a log that is lost: its reader begins anew.
        let after = after.map_or(last, |after| if after > last { 0 } else { after });
        Ok(Answer::Stream { events: Vec::new(), after })
    }

    /// The next page, without the events that are not the principal's.
    pub(crate) async fn read_stream(
        &self,
        principal: &Principal,
        after: u64,
    ) -> Result<Answer, ControlError> {
        let mut events = self.ports.log.logged_outcomes(after, READ_MAX).await.map_err(RoleError::from)?;
        let after = events.last().map_or(after, |(position, _)| *position);
        let is_anothers = |event: &OutcomeEvent| {
            principal.is_agent && event.approval.is_some() && event.source.as_ref() != Some(&principal.source)
        };
        events.retain(|(_, event)| {
            self.sees(principal, event.workflow.as_deref(), event.source.as_deref()) && !is_anothers(event)
        });
        Ok(Answer::Stream { events, after })
    }
}
