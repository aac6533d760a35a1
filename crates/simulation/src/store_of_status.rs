//! What processes know of each other, in memory. In: calls of the ports. Out: what was noted, and what waits.

use async_trait::async_trait;
use domain::{
    group::{Group, GroupKey},
    originator::{ReceiptCount, ReceiptTally, slice_of, slices_at},
    outbound::SendingState,
    preflight::{Admitted, Preflight, PreflightReport},
    silence::Silence,
    status::{Backlog, Heartbeat, Waiting},
};
use jiff::Timestamp;
use ports::{
    GroupStore, PreflightStore, ReceiptStore, SendingStore, SilenceStore, StatusStore, StoreError, Versioned,
};

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
impl PreflightStore for MemoryStore {
    async fn preflight(&self) -> Result<Preflight, StoreError> {
        Ok(self.state().preflight.clone())
    }

    async fn keep_preflight(&self, report: &PreflightReport) -> Result<(), StoreError> {
        self.state().preflight.last = Some(report.clone());
        Ok(())
    }

    async fn note_admitted(&self, admitted: &Admitted) -> Result<(), StoreError> {
        self.state().preflight.admitted = Some(admitted.clone());
        Ok(())
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
            sealed_by: None,
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

#[async_trait]
impl ReceiptStore for MemoryStore {
    async fn add_receipts(&self, counts: &[ReceiptCount], now: Timestamp) -> Result<(), StoreError> {
        let mut state = self.state();
        let slice = state.receipts.entry(slice_of(now)).or_default();
        counts.iter().for_each(|count| slice.add_count(count));
        Ok(())
    }

    async fn receipts(&self, now: Timestamp) -> Result<Vec<ReceiptCount>, StoreError> {
        let (state, mut sums) = (self.state(), ReceiptTally::default());
        for slice in slices_at(now).filter_map(|slice| state.receipts.get(&slice)) {
            slice.counts().iter().for_each(|count| sums.add_count(count));
        }
        Ok(sums.counts())
    }
}

#[async_trait]
impl SilenceStore for MemoryStore {
    async fn silences(&self, now: Timestamp) -> Result<Vec<Silence>, StoreError> {
        Ok(self.state().silences.values().filter(|silence| silence.until > now).cloned().collect())
    }

    async fn add_silence(&self, silence: &Silence, now: Timestamp) -> Result<(), StoreError> {
        let silences = &mut self.state().silences;
        silences.retain(|_, silence| silence.until > now);
        silences.entry(silence.id()).or_insert_with(|| silence.clone());
        Ok(())
    }

    async fn remove_silence(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.state().silences.remove(id).is_some())
    }
}

#[async_trait]
impl GroupStore for MemoryStore {
    async fn group(&self, key: &GroupKey) -> Result<Option<Versioned<Group>>, StoreError> {
        Ok(self.state().groups.get(key).cloned())
    }

    async fn keep_group(
        &self,
        key: &GroupKey,
        group: &Group,
        version: u64,
        _kept_until: Timestamp,
        _now: Timestamp,
    ) -> Result<bool, StoreError> {
        let groups = &mut self.state().groups;
        let held = groups.get(key).map_or(0, |held| held.version);
        let new = Versioned { value: group.clone(), version: version + 1 };
        if held != version {
            return Ok(groups.get(key) == Some(&new));
        }
        groups.insert(key.clone(), new);
        Ok(true)
    }
}

fn waiting(times: impl Iterator<Item = Timestamp>) -> Waiting {
    let times: Vec<Timestamp> = times.collect();
    Waiting { count: times.len() as u64, since: times.into_iter().min() }
}
