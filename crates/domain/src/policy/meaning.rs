//! Rules in words. In: a rule. Out: what its verdict means, in one sentence, and whether it is a limit.

use super::decision::Rule;

impl Rule {
    /// Why it decided as it did, for people who do not know its id.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::EnvironmentAllowList => "the number is not on the list of recipients of this environment",
            Self::StageShadow => "the workflow is in stage shadow: it decides and logs, and sends nothing",
            Self::StageCanary => "the workflow is in stage canary, and the number is not in it",
            Self::Silenced => "an operator made a silence that held for the event",
            Self::OptedOut => "the owner of the number wants no texts",
            Self::NotGranted => "texts of this category take a grant, and there was none that held",
            Self::QuietHours => "it was quiet where the recipient is, so the text waits until that ends",
            Self::QuietPastDeadline => {
                "it was quiet where the recipient is, and the text would be stale when that ends"
            }
            Self::QuietUrgent => "it was quiet where the recipient is, and the workflow is urgent",
            Self::QuietDropped => {
                "it was quiet where the recipient is for longer than a text of the workflow waits, so it was dropped"
            }
            Self::QuietEscalated => {
                "it was quiet where the recipient is for longer than a text of the workflow waits, so the run goes on \
                 without it"
            }
            Self::QuietZoneUnknown => {
                "neither contact, event nor number says in which time zone the recipient is, and the workflow refuses \
                 such texts"
            }
            Self::NotAfter => "the event was no longer of use: its not_after had passed",
            Self::GroupHeld => {
                "a text of the same group had gone to the recipient shortly before, or quiet hours hold the group, so it waits \
                 for the next digest"
            }
            Self::Flapping => {
                "its subject opened and was resolved again and again, so it waits for the next digest"
            }
            Self::RecipientRate => "the phone had as many texts of the workflow as it gets in an hour",
            Self::SenderRate => {
                "the sender sends so many segments a second, and the turn of this text came later"
            }
            Self::RetryBudget => "enough of what was being sent were retries",
            Self::Passed => "no rule objected",
        }
    }

    /// Whether it is one of quiet hours.
    pub fn is_of_quiet_hours(self) -> bool {
        self.id().starts_with("quiet_hours.")
    }

    /// Whether it is a limit, which makes a text wait, and not a rule of who may be texted.
    pub fn is_limit(self) -> bool {
        matches!(self, Self::RecipientRate | Self::SenderRate | Self::RetryBudget) || self.is_of_group()
    }

    /// Whether it holds a text for a digest.
    pub fn is_of_group(self) -> bool {
        matches!(self, Self::GroupHeld | Self::Flapping)
    }
}
