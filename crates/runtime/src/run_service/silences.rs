//! Events about which nobody is texted. In: the store's silences, read from time to time. Out: those that transitions know.
//!
//! Never: reads the store for one text: a silence is in force within seconds of being made.

use std::sync::{Arc, PoisonError};

use domain::silence::Silence;

use super::RunService;
use crate::error::RoleError;

impl RunService {
    /// The silences as this process knows them.
    pub fn silences(&self) -> Arc<[Silence]> {
        self.silences.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the silences of the store into force. Until it answers, those known before hold.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn refresh_silences(&self) -> Result<(), RoleError> {
        let silences = self.ports.silences.silences(self.now()).await?;
        *self.silences.write().unwrap_or_else(PoisonError::into_inner) = silences.into();
        Ok(())
    }
}
