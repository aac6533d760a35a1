//! What the API keeps, in memory. In: calls of the ports. Out: what was kept.

use async_trait::async_trait;
use domain::{effect::OutcomeEvent, token::Token};
use jiff::Timestamp;
use ports::{AnswerStore, GivenAnswer, OutcomeLog, StoreError, TokenStore};

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
