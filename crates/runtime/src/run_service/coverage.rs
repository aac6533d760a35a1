//! Times at which a step would text nobody. In: the directory in force, overrides, opt-outs. Out: gaps.

use std::collections::BTreeSet;

use domain::coverage::{Barred, Gap, LayerClash, clashes, gaps, numbers};

use super::RunService;
use crate::error::RoleError;

impl RunService {
    /// Events of calendars that put several people on call at once, of so many days from now on.
    pub fn clashes(&self, days: u16) -> Vec<LayerClash> {
        clashes(&self.directory(), self.now(), days)
    }

    /// The gaps of so many days from now on. With `asks_consent` each contact's opt-out is read as well, which takes a
    /// question for each.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn gaps(&self, days: u16, asks_consent: bool) -> Result<Vec<Gap>, RoleError> {
        let (now, directory, workflows) = (self.now(), self.directory(), self.workflows());
        let overrides = self.ports.overrides.overrides(now).await?;
        let mut opted_out = BTreeSet::new();
        for number in if asks_consent { numbers(&directory) } else { BTreeSet::new() } {
            if self.ports.consent.consent(&number).await?.opted_out_since().is_some() {
                opted_out.insert(number);
            }
        }
        let barred = Barred { environment: &self.environment, opted_out: &opted_out };
        Ok(gaps(workflows.workflows(), &directory, &overrides, barred, now, days))
    }
}
