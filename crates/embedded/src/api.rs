//! What the API keeps: tokens, answers, outcome events. In: calls of the ports. Out: rows.
//!
//! Never: decides whether a token is in force.

use async_trait::async_trait;
use domain::{
    agent_stop::AgentStop,
    effect::OutcomeEvent,
    time::{ceil_ms, floor_ms},
    token::Token,
};
use jiff::Timestamp;
use ports::{AnswerStore, GivenAnswer, OutcomeLog, StoreError, TokenStore};
use rusqlite::{Connection, OptionalExtension as _, params};
use sealing::Kind;

use crate::{
    document::{Sealed, json},
    fault::Fault,
    read,
    store::EmbeddedStore,
};

/// Answers whose time is over that one writing of an answer removes.
const PURGED_AT_ONCE: u16 = 100;

#[async_trait]
impl TokenStore for EmbeddedStore {
    async fn add_token(&self, token: &Token) -> Result<(), StoreError> {
        let (id, doc) = (token.id.clone(), json(token, "token", &token.id)?);
        let add = move |connection: &Connection| {
            connection
                .prepare_cached("INSERT OR IGNORE INTO token (id, doc) VALUES (?1, ?2)")?
                .execute([&id, &doc])?;
            Ok(())
        };
        Ok(self.writer.write(add).await?)
    }

    async fn token(&self, id: &str) -> Result<Option<Token>, StoreError> {
        let id = id.to_owned();
        let read = move |connection: &Connection| {
            let found = read::documents(connection, "SELECT doc FROM token WHERE id = ?1", [&id], "token")?;
            Ok(found.into_iter().next())
        };
        Ok(self.readers.read(read).await?)
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let read = |connection: &Connection| {
            read::documents(connection, "SELECT doc FROM token ORDER BY seq", [], "token")
        };
        Ok(self.readers.read(read).await?)
    }

    async fn remove_token(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        let remove = move |connection: &Connection| {
            Ok(connection.prepare_cached("DELETE FROM token WHERE id = ?1")?.execute([&id])? > 0)
        };
        Ok(self.writer.write(remove).await?)
    }

    async fn agent_stops(&self) -> Result<Vec<AgentStop>, StoreError> {
        let read = |connection: &Connection| {
            read::documents(connection, "SELECT doc FROM agent_stop ORDER BY label", [], "stop of an agent")
        };
        Ok(self.readers.read(read).await?)
    }

    async fn stop_agents(&self, stop: &AgentStop) -> Result<(), StoreError> {
        let label = stop.label.clone().unwrap_or_default();
        let doc = json(stop, "stop of an agent", &label)?;
        let add = move |connection: &Connection| {
            connection
                .prepare_cached("INSERT OR IGNORE INTO agent_stop (label, doc) VALUES (?1, ?2)")?
                .execute([&label, &doc])?;
            Ok(())
        };
        Ok(self.writer.write(add).await?)
    }

    async fn start_agents(&self, label: Option<&str>) -> Result<bool, StoreError> {
        let label = label.unwrap_or_default().to_owned();
        let remove = move |connection: &Connection| {
            let mut delete = connection.prepare_cached("DELETE FROM agent_stop WHERE label = ?1")?;
            Ok(delete.execute([&label])? > 0)
        };
        Ok(self.writer.write(remove).await?)
    }
}

#[async_trait]
impl AnswerStore for EmbeddedStore {
    async fn answer(&self, key: &str, now: Timestamp) -> Result<Option<GivenAnswer>, StoreError> {
        let (key, sealer) = (key.to_owned(), self.sealer());
        let read = move |connection: &Connection| {
            let sql = "SELECT key, doc FROM answer WHERE key = ?1 AND until_ms > ?2";
            let of = Sealed::new(&sealer, Kind::Answer);
            let found = read::sealed(connection, of, sql, params![key, floor_ms(now)])?;
            Ok(found.into_iter().next())
        };
        Ok(self.readers.read(read).await?)
    }

    async fn keep_answer(
        &self,
        key: &str,
        answer: &GivenAnswer,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let doc = Sealed::new(&self.state.sealer, Kind::Answer).doc(key, answer)?;
        let key = key.to_owned();
        let keep = move |connection: &Connection| {
            let purge = "DELETE FROM answer WHERE key IN (SELECT key FROM answer WHERE until_ms <= ?1 LIMIT ?2) \
                         OR (key = ?3 AND until_ms <= ?1)";
            connection.prepare_cached(purge)?.execute(params![floor_ms(now), PURGED_AT_ONCE, key])?;
            let kept = connection
                .prepare_cached("INSERT OR IGNORE INTO answer (key, until_ms, doc) VALUES (?1, ?2, ?3)")?
                .execute(params![key, ceil_ms(until), doc])?;
            Ok(kept > 0)
        };
        Ok(self.writer.write(keep).await?)
    }

    async fn replace_answer(
        &self,
        key: &str,
        answer: &GivenAnswer,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let doc = Sealed::new(&self.state.sealer, Kind::Answer).doc(key, answer)?;
        let key = key.to_owned();
        let replace = move |connection: &Connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO answer (key, until_ms, doc) VALUES (?1, ?2, ?3)")?
                .execute(params![key, ceil_ms(until), doc])?;
            Ok(())
        };
        Ok(self.writer.write(replace).await?)
    }
}

#[async_trait]
impl OutcomeLog for EmbeddedStore {
    async fn log_outcome(&self, event: &OutcomeEvent, most: u32) -> Result<(), StoreError> {
        let (id, doc) = (event.id.clone(), json(event, "outcome event", &event.id)?);
        let log = move |connection: &Connection| {
            connection
                .prepare_cached("INSERT OR IGNORE INTO outcome_log (id, doc) VALUES (?1, ?2)")?
                .execute([&id, &doc])?;
            connection
                .prepare_cached(
                    "DELETE FROM outcome_log WHERE seq <= (SELECT max(seq) FROM outcome_log) - ?1",
                )?
                .execute([most])?;
            Ok(())
        };
        Ok(self.writer.write(log).await?)
    }

    async fn logged_outcomes(&self, after: u64, max: u16) -> Result<Vec<(u64, OutcomeEvent)>, StoreError> {
        let read = move |connection: &Connection| {
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let mut select = connection
                .prepare_cached("SELECT seq, doc FROM outcome_log WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
            let rows = select.query_map(params![after, max], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let read = |row: rusqlite::Result<(i64, String)>| {
                let (seq, doc) = row?;
                let event = serde_json::from_str(&doc)
                    .map_err(|error| Fault::unreadable("outcome event", &seq.to_string(), &error))?;
                Ok((seq as u64, event))
            };
            rows.map(read).collect::<Result<Vec<_>, Fault>>()
        };
        Ok(self.readers.read(read).await?)
    }

    async fn replace_logged(&self, event: &OutcomeEvent) -> Result<(), StoreError> {
        let (id, doc) = (event.id.clone(), json(event, "outcome event", &event.id)?);
        let replace = move |connection: &Connection| {
            connection
                .prepare_cached("UPDATE outcome_log SET doc = ?2 WHERE id = ?1")?
                .execute([&id, &doc])?;
            Ok(())
        };
        Ok(self.writer.write(replace).await?)
    }

    async fn last_logged(&self) -> Result<u64, StoreError> {
        let read = |connection: &Connection| {
            let last: Option<i64> = connection
                .prepare_cached("SELECT max(seq) FROM outcome_log")?
                .query_row([], |row| row.get(0))
                .optional()?
                .flatten();
            Ok(last.unwrap_or(0) as u64)
        };
        Ok(self.readers.read(read).await?)
    }
}
