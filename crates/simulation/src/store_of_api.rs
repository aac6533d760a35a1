//! What the API keeps, in memory. In: calls of the ports. Out: what was kept.

use async_trait::async_trait;
use domain::{
    agent_stop::AgentStop,
    approval::{Approval, ApprovalStage, ApprovalState},
    effect::OutcomeEvent,
    token::Token,
};
use jiff::Timestamp;
use ports::{AnswerStore, ApprovalStore, GivenAnswer, Kept, OutcomeLog, StoreError, TokenStore, Versioned};

use crate::store::MemoryStore;

#[async_trait]
impl TokenStore for MemoryStore {
    async fn add_token(&self, token: &Token) -> Result<(), StoreError> {
        let mut state = self.state();
        if !state.tokens.iter().any(|known| known.id == token.id) {
            state.tokens.push(token.clone());
        }
        Ok(())
    }

    async fn token(&self, id: &str) -> Result<Option<Token>, StoreError> {
        Ok(self.state().tokens.iter().find(|token| token.id == id).cloned())
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        Ok(self.state().tokens.clone())
    }

    async fn remove_token(&self, id: &str) -> Result<bool, StoreError> {
        let mut state = self.state();
        let before = state.tokens.len();
        state.tokens.retain(|token| token.id != id);
        Ok(state.tokens.len() < before)
    }

    async fn agent_stops(&self) -> Result<Vec<AgentStop>, StoreError> {
        Ok(self.state().agent_stops.values().cloned().collect())
    }

    async fn stop_agents(&self, stop: &AgentStop) -> Result<(), StoreError> {
        self.state().agent_stops.entry(stop.label.clone()).or_insert_with(|| stop.clone());
        Ok(())
    }

    async fn start_agents(&self, label: Option<&str>) -> Result<bool, StoreError> {
        Ok(self.state().agent_stops.remove(&label.map(str::to_owned)).is_some())
    }
}

#[async_trait]
impl ApprovalStore for MemoryStore {
    async fn approvals(&self) -> Result<Vec<Versioned<Approval>>, StoreError> {
        let mut all: Vec<_> = self.state().approvals.values().cloned().collect();
        all.sort_by(|a, b| (b.value.asked_at, &a.value.id).cmp(&(a.value.asked_at, &b.value.id)));
        Ok(all)
    }

    async fn approval(&self, id: &str) -> Result<Option<Versioned<Approval>>, StoreError> {
        Ok(self.state().approvals.get(id).cloned())
    }

    async fn approvals_to_do(&self) -> Result<Vec<Versioned<Approval>>, StoreError> {
        let state = self.state();
        let to_do = state.approvals.values().filter(|held| held.value.stage() == ApprovalStage::MustBeDone);
        Ok(to_do.cloned().collect())
    }

    async fn keep_approval(
        &self,
        approval: &Approval,
        version: u64,
        pending_max: u16,
        now: Timestamp,
    ) -> Result<Kept, StoreError> {
        let approvals = &mut self.state().approvals;
        let held = approvals.get(&approval.id).map_or(0, |held| held.version);
        if held != version {
            return Ok(Kept::Changed);
        }
        if approval.stage() == ApprovalStage::Waits {
            approvals.retain(|id, held| *id == approval.id || held.value.kept_until() > now);
            let others = approvals.values().map(|held| &held.value).filter(|other| other.id != approval.id);
            let waits = |other: &&Approval| {
                other.token == approval.token && other.state(now) == ApprovalState::Pending
            };
            if others.filter(waits).count() >= usize::from(pending_max) {
                return Ok(Kept::Full);
            }
        }
        approvals.insert(approval.id.clone(), Versioned { value: approval.clone(), version: version + 1 });
        Ok(Kept::Stored)
    }
}

#[async_trait]
impl AnswerStore for MemoryStore {
    async fn answer(&self, key: &str, now: Timestamp) -> Result<Option<GivenAnswer>, StoreError> {
        let state = self.state();
        Ok(state.answers.get(key).filter(|(until, _)| *until > now).map(|(_, answer)| answer.clone()))
    }

    async fn keep_answer(
        &self,
        key: &str,
        answer: &GivenAnswer,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut state = self.state();
        let is_free = state.answers.get(key).is_none_or(|(until, _)| *until <= now);
        if is_free {
            state.answers.insert(key.to_owned(), (until, answer.clone()));
        }
        Ok(is_free)
    }

    async fn replace_answer(
        &self,
        key: &str,
        answer: &GivenAnswer,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        self.state().answers.insert(key.to_owned(), (until, answer.clone()));
        Ok(())
    }
}

#[async_trait]
impl OutcomeLog for MemoryStore {
    async fn log_outcome(&self, event: &OutcomeEvent, most: u32) -> Result<(), StoreError> {
        let log = &mut self.state().log;
        if !log.values().any(|known| known.id == event.id) {
            let next = log.last_key_value().map_or(1, |(position, _)| position + 1);
            log.insert(next, event.clone());
            while log.len() > most as usize {
                log.pop_first();
            }
        }
        Ok(())
    }

    async fn logged_outcomes(&self, after: u64, max: u16) -> Result<Vec<(u64, OutcomeEvent)>, StoreError> {
        let state = self.state();
        let later = state.log.range(after.saturating_add(1)..).take(usize::from(max));
        Ok(later.map(|(position, event)| (*position, event.clone())).collect())
    }

    async fn replace_logged(&self, event: &OutcomeEvent) -> Result<(), StoreError> {
        let mut state = self.state();
        if let Some(known) = state.log.values_mut().find(|known| known.id == event.id) {
            *known = event.clone();
        }
        Ok(())
    }

    async fn last_logged(&self) -> Result<u64, StoreError> {
        Ok(self.state().log.last_key_value().map_or(0, |(position, _)| *position))
    }
}
