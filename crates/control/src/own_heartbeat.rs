//! What this process last said of itself, whether or not the store took it. In: heartbeats. Out: the latest.
//!
//! Never: waits for the store, which may be what is broken.

use std::sync::{Arc, Mutex, PoisonError};

use domain::status::Heartbeat;

/// Holds the latest heartbeat of this process; empty in a command that only looks at the store.
#[derive(Debug, Clone, Default)]
pub struct OwnHeartbeat(Arc<Mutex<Option<Heartbeat>>>);

impl OwnHeartbeat {
    /// Replaces it.
    pub fn set(&self, heartbeat: Heartbeat) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(heartbeat);
    }

    /// Puts it in the place of what the store has of this process.
    pub(crate) fn among(&self, mut stored: Vec<Heartbeat>) -> Vec<Heartbeat> {
        let own = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(own) = own {
            match stored.iter_mut().find(|heartbeat| heartbeat.process == own.process) {
                Some(place) => *place = own,
                None => stored.push(own),
            }
        }
        stored
    }
}
