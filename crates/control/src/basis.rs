//! What a change begins with, so that one whose answer was lost is not made twice.
//!
//! In: a request. Out: what of the present state it would change, in short: another value means that it was made, or that
//! somebody else made it needless. Never: changes anything.

use crate::{
    control::{Control, to_review},
    error::ControlError,
    principal::Principal,
    refusal_code,
    request::Request,
};

impl Control {
    /// What the change begins with. `None`: to make it twice is to make it once.
    ///
    /// # Errors
    /// As [`Control::execute`].
    pub async fn basis(
        &self,
        principal: &Principal,
        request: &Request,
    ) -> Result<Option<String>, ControlError> {
        let basis = self.begins_with(principal, request).await;
        basis.inspect_err(|error| {
            self.log_refusal(principal, request.in_short().0, refusal_code::code(error));
        })
    }

    async fn begins_with(
        &self,
        principal: &Principal,
        request: &Request,
    ) -> Result<Option<String>, ControlError> {
        self.authorize(principal, request)?;
        Ok(match request {
            Request::Escalate { id } => {
                let run = self.visible(principal, id).await?.value;
                Some(format!("{} {} {}", run.phase().as_str(), run.step(), run.clock_from()))
            }
            Request::ResolveReview { id, message, .. } => {
                let run = self.visible(principal, id).await?.value;
                let number = to_review(&run, *message).ok();
                let message = number.and_then(|number| run.message(number));
                Some(
                    message.map_or_else(String::new, |message| {
                        format!("{} {}", message.number(), message.epoch())
                    }),
                )
            }
            // A letter that comes back after a replay is another one.
            Request::Replay { id } | Request::Discard { id } => {
                let letter = self.shown_letter(principal, id).await?;
                Some(letter.map_or_else(String::new, |letter| letter.at.to_string()))
            }
            Request::ListRuns(_)
            | Request::FindRuns { .. }
            | Request::ShowRun { .. }
            | Request::Acknowledge { .. }
            | Request::Observe { .. }
            | Request::Cancel { .. }
            | Request::ListDeadLetters { .. }
            | Request::ShowDeadLetter { .. }
            | Request::AuditCounts
            | Request::Status
            | Request::ShowHeldData { .. }
            | Request::Erase { .. }
            | Request::FindPosition { .. }
            | Request::ReadStream { .. }
            | Request::ListSilences
            | Request::WorkflowFigures { .. }
            | Request::ListEvents { .. }
            | Request::ReadCalendarCopy { .. }
            | Request::AuditDecisions { .. }
            | Request::AddSilence(_)
            | Request::EndSilence { .. }
            | Request::ShowConsent { .. }
            | Request::ListConsent { .. }
            | Request::RecordConsent(_)
            | Request::ShowOnCall { .. }
            | Request::ShowCalendar { .. }
            | Request::ExplainRecipient { .. }
            | Request::ListTexts { .. }
            | Request::ShowTestPage { .. }
            | Request::TestPage(_)
            // Its time is in it, so that a repetition adds another; a person sees and takes back one of the two.
            | Request::AddOverride(_)
            | Request::SwapShifts(_)
            | Request::RemoveOverride { .. }
            | Request::AddToken { .. }
            | Request::ListTokens
            | Request::ListAgents
            | Request::StopAgents { .. }
            | Request::StartAgents { .. }
            | Request::ListApprovals
            | Request::ShowApproval { .. }
            // Decided once; who says the same twice is answered the same.
            | Request::DecideApproval { .. }
            | Request::RevokeToken { .. }
            | Request::Gaps { .. }
            | Request::KeepPreflight { .. } => None,
        })
    }
}
