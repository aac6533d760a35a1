//! Whom texts come from. In: the configured originators, receipts. Out: the originators as transitions choose among them.

use std::sync::Arc;

use domain::originator::{Originator, Originators};

use super::RunService;
use crate::{error::RoleError, originator_scores::OriginatorScores};

impl RunService {
    /// Has texts come from these originators, the preferred first.
    pub fn sending_from(self, originators: Vec<Originator>) -> Self {
        Self { originators: OriginatorScores::new(originators), ..self }
    }

    /// The originators as this process knows them.
    pub fn originators(&self) -> Arc<Originators> {
        self.originators.in_force()
    }

    /// Gives the store what this process noted of originators, and takes from it what all processes noted.
    ///
    /// # Errors
    /// When the store cannot be asked. What was noted is given to it the next time.
    pub async fn exchange_receipts(&self) -> Result<(), RoleError> {
        Ok(self.originators.exchange(&*self.ports.receipts, self.now()).await?)
    }
}
