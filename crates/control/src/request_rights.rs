//! What each request is called in the log, and the scopes that it needs. In: a request. Out: names and scopes.

use domain::token::Scope;

use crate::request::Request;

impl Request {
    /// Its name, and the run, letter or token that it is about; for the log.
    pub(crate) fn in_short(&self) -> (&'static str, &str) {
        match self {
            Self::ListRuns(_) => ("list_runs", ""),
            Self::FindRuns { beginning } => ("find_runs", beginning),
            Self::ShowRun { id, .. } => ("show_run", id.as_str()),
            Self::Acknowledge { id } => ("acknowledge", id.as_str()),
            Self::Escalate { id } => ("escalate", id.as_str()),
            Self::Observe { id, .. } => ("observe", id.as_str()),
            Self::ResolveReview { id, .. } => ("resolve_review", id.as_str()),
            Self::Cancel { id } => ("cancel", id.as_str()),
            Self::ListDeadLetters { .. } => ("list_dead_letters", ""),
            Self::ShowDeadLetter { id } => ("show_dead_letter", id),
            Self::Replay { id } => ("replay", id),
            Self::Discard { id } => ("discard", id),
            Self::AuditCounts => ("audit_counts", ""),
            Self::Status => ("status", ""),
            Self::Gaps { .. } => ("gaps", ""),
            Self::KeepPreflight { .. } => ("keep_preflight", ""),
            Self::FindPosition { .. } => ("find_position", ""),
            Self::ReadStream { .. } => ("read_stream", ""),
            Self::ShowHeldData { .. } => ("show_held_data", ""),
            Self::Erase { .. } => ("erase", ""),
            Self::WorkflowFigures { workflow, .. } => {
                ("workflow_figures", workflow.as_deref().unwrap_or_default())
            }
            Self::ListEvents { .. } => ("list_events", ""),
            Self::AuditDecisions { .. } => ("audit_decisions", ""),
            Self::ListSilences => ("list_silences", ""),
            Self::AddSilence(_) => ("add_silence", ""),
            Self::EndSilence { id } => ("end_silence", id),
            Self::ShowConsent { .. } => ("show_consent", ""),
            Self::ListConsent { .. } => ("list_consent", ""),
            Self::RecordConsent(_) => ("record_consent", ""),
            Self::ShowOnCall { query, .. } => ("show_on_call", query.schedule.as_deref().unwrap_or_default()),
            Self::ShowCalendar { query, .. } => {
                ("show_calendar", query.schedule.as_deref().unwrap_or_default())
            }
            Self::ReadCalendarCopy { schedule, .. } => ("read_calendar_copy", schedule),
            Self::TestPage(new) => ("test_page", &new.contact),
            Self::ShowTestPage { id } => ("show_test_page", id.as_str()),
            Self::ExplainRecipient { .. } => ("explain_recipient", ""),
            Self::ListTexts { .. } => ("list_texts", ""),
            Self::AddOverride(new) => ("add_override", &new.schedule),
            Self::SwapShifts(swap) => ("swap_shifts", &swap.schedule),
            Self::RemoveOverride { id } => ("remove_override", id),
            Self::AddToken { token } => ("add_token", &token.id),
            Self::ListTokens => ("list_tokens", ""),
            Self::RevokeToken { id } => ("revoke_token", id),
            Self::ListAgents => ("list_agents", ""),
            Self::StopAgents { label, .. } => ("stop_agents", label.as_deref().unwrap_or_default()),
            Self::StartAgents { label } => ("start_agents", label.as_deref().unwrap_or_default()),
            Self::ListApprovals => ("list_approvals", ""),
            Self::ShowApproval { id } => ("show_approval", id),
            Self::DecideApproval { id, .. } => ("decide_approval", id),
        }
    }

    /// Whether only who has the machine may ask for it: who may see all of a person, hand out access, or say that production
    /// may start.
    pub(crate) fn is_local(&self) -> bool {
        matches!(
            self,
            Self::AddToken { .. }
                | Self::ListTokens
                | Self::RevokeToken { .. }
                | Self::ShowHeldData { .. }
                | Self::ListConsent { .. }
                | Self::ListEvents { .. }
                | Self::ReadCalendarCopy { .. }
                | Self::AuditDecisions { .. }
                | Self::Erase { .. }
                | Self::Gaps { .. }
                | Self::KeepPreflight { .. }
        )
    }

    pub(crate) fn needs(&self) -> &'static [Scope] {
        match self {
            // Texts may say what only those who run callout should know.
            Self::ShowRun { reveal: true, .. } => &[Scope::Read, Scope::ReadTexts],
            Self::ListRuns(_)
            | Self::FindRuns { .. }
            | Self::ShowRun { .. }
            | Self::ListDeadLetters { .. }
            | Self::ShowDeadLetter { .. }
            | Self::AuditCounts
            | Self::Status
            | Self::FindPosition { .. }
            | Self::ListSilences
            | Self::WorkflowFigures { .. }
            | Self::ShowConsent { .. }
            | Self::ShowOnCall { .. }
            | Self::ExplainRecipient { .. }
            | Self::ListTexts { .. }
            | Self::ShowTestPage { .. }
            | Self::ListAgents
            | Self::ReadStream { .. } => &[Scope::Read],
            Self::ListApprovals | Self::ShowApproval { .. } | Self::DecideApproval { .. } => {
                &[Scope::Approve]
            }
            Self::ShowCalendar { .. } => &[Scope::Calendar],
            Self::Observe { .. } => &[Scope::Observe],
            Self::Acknowledge { .. }
            | Self::Escalate { .. }
            | Self::ResolveReview { .. }
            | Self::Cancel { .. }
            | Self::AddSilence(_)
            | Self::EndSilence { .. }
            | Self::RecordConsent(_)
            | Self::AddOverride(_)
            | Self::StopAgents { .. }
            | Self::StartAgents { .. }
            | Self::TestPage(_)
            | Self::SwapShifts(_)
            | Self::RemoveOverride { .. }
            | Self::Replay { .. }
            | Self::Discard { .. } => &[Scope::Operate],
            // Asked for on the machine alone.
            Self::ShowHeldData { .. }
            | Self::ListConsent { .. }
            | Self::ListEvents { .. }
            | Self::ReadCalendarCopy { .. }
            | Self::AuditDecisions { .. }
            | Self::Erase { .. }
            | Self::AddToken { .. }
            | Self::ListTokens
            | Self::RevokeToken { .. }
            | Self::Gaps { .. }
            | Self::KeepPreflight { .. } => &[],
        }
    }
}
