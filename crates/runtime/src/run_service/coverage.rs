//! Times at which a step would text nobody. In: the directory in force, overrides, opt-outs. Out: gaps.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
};

use domain::{
    coverage::{Barred, Gap, LayerClash, clashes, gaps, numbers},
    directory::Directory,
    phone::E164,
};
use jiff::SignedDuration;

use super::{RunService, opt_outs::OptOuts};
use crate::error::RoleError;

impl RunService {
    /// Events of calendars that put several people on call at once, of so many days from now on.
    pub fn clashes(&self, days: u16) -> Vec<LayerClash> {
        clashes(&self.directory(), self.now(), days)
    }

    /// The gaps of so many days from now on. What is known of opt-outs may be so old: to read them takes a question for each
    /// contact.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn gaps(&self, days: u16, opt_outs_age: SignedDuration) -> Result<Vec<Gap>, RoleError> {
        let (now, directory, workflows) = (self.now(), self.directory(), self.workflows());
        let overrides = self.ports.overrides.overrides(now).await?;
        let opted_out = self.opted_out(&directory, opt_outs_age).await?;
        let barred = Barred { environment: &self.environment, opted_out: &opted_out };
        Ok(gaps(workflows.workflows(), &directory, &overrides, barred, now, days))
    }

    /// The numbers of contacts that have opted out, as known for so long at most.
    async fn opted_out(
        &self,
        directory: &Arc<Directory>,
        age: SignedDuration,
    ) -> Result<Arc<BTreeSet<E164>>, RoleError> {
        let now = self.now();
        {
            let known = self.opt_outs.lock().unwrap_or_else(PoisonError::into_inner);
            let is_young = known.read_at.is_some_and(|at| now.duration_since(at) < age);
            if is_young && Arc::ptr_eq(&known.of, directory) {
                return Ok(known.numbers.clone());
            }
        }
        let mut opted_out = BTreeSet::new();
        for number in numbers(directory) {
            if self.ports.consent.consent(&number).await?.opted_out_since().is_some() {
                opted_out.insert(number);
            }
        }
        let numbers = Arc::new(opted_out);
        let read = OptOuts { read_at: Some(now), of: directory.clone(), numbers: numbers.clone() };
        *self.opt_outs.lock().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(numbers)
    }
}
