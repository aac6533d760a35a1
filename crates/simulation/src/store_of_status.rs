//! What processes know of each other, in memory. In: calls of the ports. Out: what was noted, and what waits.

use async_trait::async_trait;
use domain::{
    outbound::SendingState,
    status::{Backlog, Heartbeat, Waiting},
};
use jiff::Timestamp;
use ports::{SendingStore, StatusStore, StoreError};

use crate::store::MemoryStore;

#[async_trait]
impl SendingStore for MemoryStore {
    async fn sending(&self) -> Result<Option<SendingState>, StoreError> {
        Ok(self.state().sending.clone())
    }

    async fn note_sending(
        &self,
        noted: Option<&SendingState>,
        new: &SendingState,
    ) -> Result<bool, StoreError> {
        let held = &mut self.state().sending;
        if held.as_ref() == noted {
            *held = Some(new.clone());
        }
        Ok(held.as_ref() == Some(new))
    }
}

#[async_trait]
impl StatusStore for MemoryStore {
    async fn report(&self, heartbeat: &Heartbeat, forgotten_before: Timestamp) -> Result<(), StoreError> {
        let heartbeats = &mut self.state().heartbeats;
        heartbeats.insert(heartbeat.process.clone(), heartbeat.clone());
        heartbeats.retain(|_, heartbeat| heartbeat.at >= forgotten_before);
        Ok(())
    }

    async fn withdraw(&self, process: &str) -> Result<(), StoreError> {
        self.state().heartbeats.remove(process);
        Ok(())
    }

    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
        Ok(self.state().heartbeats.values().cloned().collect())
    }

    async fn backlog(&self, now: Timestamp, destinations: &[String]) -> Result<Backlog, StoreError> {
        let state = self.state();
        let rows = || state.runs.values();
        let of = |destination: &String| {
            state.effects.values().filter(|(_, effect)| effect.destination == *destination).count() as u64
        };
        Ok(Backlog {
            sealing: domain::status::Sealing::Off,
            // When events were accepted is not kept here.
            events: Waiting { count: state.pending.len() as u64, since: None },
            overdue: waiting(rows().filter_map(|row| row.due).filter(|due| *due <= now)),
            needs_review: waiting(
                rows().filter(|row| row.run.index().needs_review).map(|row| row.run.opened_at()),
            ),
            dead_letters: waiting(state.letters.values().map(|(_, letter)| letter.at)),
            effects: destinations.iter().map(|name| (name.clone(), of(name))).collect(),
        })
    }
}

fn waiting(times: impl Iterator<Item = Timestamp>) -> Waiting {
    let times: Vec<Timestamp> = times.collect();
    Waiting { count: times.len() as u64, since: times.into_iter().min() }
}
