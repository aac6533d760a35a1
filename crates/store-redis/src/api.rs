//! What the API keeps: tokens, answers, outcome events. In: calls of the ports. Out: keys.
//!
//! Never: decides whether a token is in force.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{
    agent_stop::AgentStop,
    effect::OutcomeEvent,
    time::{ceil_ms, floor_ms},
    token::Token,
};
use jiff::Timestamp;
use ports::{AnswerStore, GivenAnswer, OutcomeLog, StoreError, TokenStore};
use redis::cmd;
use sealing::Kind;

use crate::{
    connection::{Call, unreadable},
    documents::json,
    redis_store::RedisStore,
};

#[async_trait]
impl TokenStore for RedisStore {
    async fn add_token(&self, token: &Token) -> Result<(), StoreError> {
        let doc = json(token, "token", &token.id)?;
        let _added: u8 =
            self.connection.command(cmd("HSETNX").arg(self.keys.tokens()).arg(&token.id).arg(doc)).await?;
        Ok(())
    }

    async fn token(&self, id: &str) -> Result<Option<Token>, StoreError> {
        let doc: Option<Vec<u8>> =
            self.connection.command(cmd("HGET").arg(self.keys.tokens()).arg(id)).await?;
        doc.map(|doc| serde_json::from_slice(&doc).map_err(|error| unreadable("token", id, error)))
            .transpose()
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let docs: Vec<Vec<u8>> = self.connection.command(cmd("HVALS").arg(self.keys.tokens())).await?;
        let read = |doc: &Vec<u8>| {
            serde_json::from_slice::<Token>(doc).map_err(|error| unreadable("token", "of the list", error))
        };
        let mut tokens = docs.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        tokens.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(tokens)
    }

    async fn remove_token(&self, id: &str) -> Result<bool, StoreError> {
        let removed: u8 = self.connection.command(cmd("HDEL").arg(self.keys.tokens()).arg(id)).await?;
        Ok(removed > 0)
    }

    async fn agent_stops(&self) -> Result<Vec<AgentStop>, StoreError> {
        let docs: BTreeMap<String, Vec<u8>> =
            self.connection.command(cmd("HGETALL").arg(self.keys.agent_stops())).await?;
        let read = |(label, doc): (&String, &Vec<u8>)| {
            serde_json::from_slice(doc).map_err(|error| unreadable("stop of an agent", label, error))
        };
        docs.iter().map(read).collect()
    }

    async fn stop_agents(&self, stop: &AgentStop) -> Result<(), StoreError> {
        let label = stop.label.as_deref().unwrap_or_default();
        let doc = json(stop, "stop of an agent", label)?;
        let _added: u8 =
            self.connection.command(cmd("HSETNX").arg(self.keys.agent_stops()).arg(label).arg(doc)).await?;
        Ok(())
    }

    async fn start_agents(&self, label: Option<&str>) -> Result<bool, StoreError> {
        let label = label.unwrap_or_default();
        let removed: u8 =
            self.connection.command(cmd("HDEL").arg(self.keys.agent_stops()).arg(label)).await?;
        Ok(removed > 0)
    }
}

#[async_trait]
impl AnswerStore for RedisStore {
    async fn answer(&self, key: &str, now: Timestamp) -> Result<Option<GivenAnswer>, StoreError> {
        let found: (Option<i64>, Option<Vec<u8>>) =
            self.connection.command(cmd("HMGET").arg(self.keys.answer(key)).arg("until").arg("doc")).await?;
        let (Some(until), Some(doc)) = found else { return Ok(None) };
        if until <= floor_ms(now) {
            return Ok(None);
        }
        self.sealed(Kind::Answer).read(key, &doc).map(Some)
    }

    async fn keep_answer(
        &self,
        key: &str,
        answer: &GivenAnswer,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let call = Call::new(&self.scripts.keep_answer, vec![self.keys.answer(key)])
            .arg(floor_ms(now))
            .arg(ceil_ms(until))
            .arg(self.sealed(Kind::Answer).doc(key, answer)?)
            .arg(self.connection.token());
        self.connection.call(call).await
    }

    async fn replace_answer(
        &self,
        key: &str,
        answer: &GivenAnswer,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let call = Call::new(&self.scripts.replace_answer, vec![self.keys.answer(key)])
            .arg(ceil_ms(until))
            .arg(self.sealed(Kind::Answer).doc(key, answer)?);
        self.connection.call(call).await
    }
}

#[async_trait]
impl OutcomeLog for RedisStore {
    async fn log_outcome(&self, event: &OutcomeEvent, most: u32) -> Result<(), StoreError> {
        let call = Call::new(&self.scripts.log_outcome, self.keys.outcome_log().to_vec())
            .arg(&event.id)
            .arg(json(event, "outcome event", &event.id)?)
            .arg(most);
        self.connection.call(call).await
    }

    async fn logged_outcomes(&self, after: u64, max: u16) -> Result<Vec<(u64, OutcomeEvent)>, StoreError> {
        let call =
            Call::new(&self.scripts.logged_outcomes, self.keys.outcome_log().to_vec()).arg(after).arg(max);
        let rows: Vec<(u64, Vec<u8>)> = self.connection.call(call).await?;
        let read = |(position, doc): (u64, Vec<u8>)| {
            let event = serde_json::from_slice(&doc)
                .map_err(|error| unreadable("outcome event", &position.to_string(), error))?;
            Ok((position, event))
        };
        rows.into_iter().map(read).collect()
    }

    async fn replace_logged(&self, event: &OutcomeEvent) -> Result<(), StoreError> {
        let call = Call::new(&self.scripts.replace_logged, self.keys.outcome_log().to_vec())
            .arg(&event.id)
            .arg(json(event, "outcome event", &event.id)?);
        self.connection.call(call).await
    }

    async fn last_logged(&self) -> Result<u64, StoreError> {
        let [ids, _] = self.keys.outcome_log();
        let last: Vec<(String, u64)> =
            self.connection.command(cmd("ZREVRANGE").arg(ids).arg(0).arg(0).arg("WITHSCORES")).await?;
        Ok(last.first().map_or(0, |(_, position)| *position))
    }
}
