//! What the owner of a number agreed to, as operators see and record it. In: numbers, and changes with their proof. Out: the
//! sum and its entries.
//!
//! Never: lifts an opt-out: only the phone itself does, by START; the provider would refuse the text all the same.

use domain::{
    consent::{Consent, ConsentChange, ConsentEntry},
    phone::E164,
    workflow::Category,
};
use ports::store::readable;
use runtime::RoleError;

use crate::{
    consent_view::{ConsentLine, ConsentView, NewConsent, RecordedChange},
    control::{Control, of_all_teams},
    error::ControlError,
    principal::Principal,
    request::Answer,
};

/// Entries of one page of the whole log.
const PAGE_MAX: u16 = 500;
/// The longest of the texts of an entry, in characters.
const TEXT_CHARS_MAX: usize = 500;

impl Control {
    /// What is known of a number's consent.
    pub(crate) async fn show_consent(
        &self,
        principal: &Principal,
        number: &E164,
    ) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        let consent = self.ports.consent.consent(number).await.map_err(RoleError::from)?;
        let entries = self.ports.consent.consent_log(number).await.map_err(RoleError::from)?;
        Ok(Answer::Consent { view: Box::new(self.view_of(&consent, entries)) })
    }

    /// Some entries of all numbers, for who has the machine.
    pub(crate) async fn list_consent(&self, after: Option<&str>) -> Result<Answer, ControlError> {
        let page = self.ports.consent.consent_page(after, PAGE_MAX).await.map_err(RoleError::from)?;
        let (entries, unreadable) = readable(page.entries);
        Ok(Answer::ConsentEntries { entries, next: page.next, unreadable })
    }

    /// Records a change.
    pub(crate) async fn record_consent(
        &self,
        principal: &Principal,
        new: NewConsent,
    ) -> Result<Answer, ControlError> {
        if !principal.teams.is_empty() {
            return Err(of_all_teams(principal));
        }
        let now = self.ports.clock.now();
        let NewConsent { number, change, at, is_import, evidence, wording, channel } = new;
        if let (true, None, RecordedChange::Grant(category)) = (is_import, at, change) {
            self.refuse_older_grant(&number, category).await?;
        }
        let at = at.unwrap_or(now);
        let is_too_long = |text: &String| text.chars().count() > TEXT_CHARS_MAX;
        let unusable = if evidence.trim().is_empty() {
            Some("name the proof: what shows that it is so, and where it is kept".to_owned())
        } else if [&evidence, &wording, &channel].into_iter().any(is_too_long) {
            Some(format!("evidence, wording and channel have {TEXT_CHARS_MAX} characters at most"))
        } else if at > now {
            Some(format!("{at} is in the future"))
        } else {
            None
        };
        if let Some(unusable) = unusable {
            return Err(ControlError::Unusable(unusable));
        }
        let change = match change {
            RecordedChange::Grant(category) => ConsentChange::Grant(category),
            RecordedChange::Revoke(category) => ConsentChange::Revoke(category),
            RecordedChange::OptOut => ConsentChange::OptOut,
        };
        let (source, by) = (if is_import { "import" } else { "operator" }, principal.name.clone());
        let entry =
            ConsentEntry { number, change, at, source: source.to_owned(), evidence, wording, channel, by };
        self.ports.consent.record_consent(&entry).await.map_err(RoleError::from)?;
        telemetry::metrics().runs.consent_change(&entry);
        let (number, by) = (&entry.number, &entry.by);
        tracing::info!(to = %number, change = change.as_str(), source, by, "a change of consent was recorded");
        self.show_consent(principal, number).await
    }

    /// A row without a time may be older than what took it back since, such as one of a file that is imported again.
    async fn refuse_older_grant(&self, number: &E164, category: Category) -> Result<(), ControlError> {
        let entries = self.ports.consent.consent_log(number).await.map_err(RoleError::from)?;
        let of_category = entries.iter().filter(|entry| {
            [ConsentChange::Grant(category), ConsentChange::Revoke(category)].contains(&entry.change)
        });
        let last = of_category.max_by_key(|entry| entry.at);
        match last.filter(|entry| entry.change == ConsentChange::Revoke(category)) {
            None => Ok(()),
            Some(revoked) => Err(ControlError::Unusable(format!(
                "was revoked at {}, and the row does not say when it was granted: give the time in the column `at`",
                revoked.at
            ))),
        }
    }

    pub(crate) fn view_of(&self, consent: &Consent, entries: Vec<ConsentEntry>) -> ConsentView {
        let needs = self.ports.runs.grant_needs();
        let of = |is: &dyn Fn(Category) -> bool| Category::ALL.into_iter().filter(|c| is(*c)).collect();
        let line = |entry: ConsentEntry| {
            let ConsentEntry { at, change, source, evidence, wording, channel, by, .. } = entry;
            ConsentLine { at, change, source, evidence, wording, channel, by }
        };
        ConsentView {
            opted_out_since: consent.opted_out_since(),
            granted: of(&|category| consent.is_granted(category)),
            permitted: of(&|category| consent.permits(category, needs)),
            entries: entries.into_iter().map(line).collect(),
        }
    }
}
