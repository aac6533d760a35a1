//! Signs of life, and what waits. In: calls of the port. Out: rows and counts.
//!
//! Never: decides whether a process is alive, or whether something waits for too long.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::{
    status::{Backlog, Heartbeat, Sealing, Waiting},
    time::{floor_ms, of_ms},
};
use jiff::Timestamp;
use ports::{StatusStore, StoreError};
use rusqlite::{Connection, params};

use crate::{document::json, fault::Fault, keys, read, store::EmbeddedStore};

#[async_trait]
impl StatusStore for EmbeddedStore {
    async fn report(&self, heartbeat: &Heartbeat, forgotten_before: Timestamp) -> Result<(), StoreError> {
        let (process, at) = (heartbeat.process.clone(), floor_ms(heartbeat.at));
        let doc = json(heartbeat, "heartbeat", &process)?;
        let report = move |connection: &Connection| {
            connection
                .prepare_cached("INSERT OR REPLACE INTO heartbeat (process, at_ms, doc) VALUES (?1, ?2, ?3)")?
                .execute(params![process, at, doc])?;
            connection
                .prepare_cached("DELETE FROM heartbeat WHERE at_ms < ?1")?
                .execute([floor_ms(forgotten_before)])?;
            Ok(())
        };
        Ok(self.writer.write(report).await?)
    }

    async fn withdraw(&self, process: &str) -> Result<(), StoreError> {
        let process = process.to_owned();
        let withdraw = move |connection: &Connection| {
            connection.prepare_cached("DELETE FROM heartbeat WHERE process = ?1")?.execute([&process])?;
            Ok(())
        };
        Ok(self.writer.write(withdraw).await?)
    }

    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
        let read = |connection: &Connection| {
            read::documents(connection, "SELECT doc FROM heartbeat ORDER BY process", [], "heartbeat")
        };
        Ok(self.readers.read(read).await?)
    }

    async fn backlog(&self, now: Timestamp, destinations: &[String]) -> Result<Backlog, StoreError> {
        let destinations = destinations.to_vec();
        let sealing = match (self.state.sealer.is_on(), self.state.sealer.has_former()) {
            (false, _) => Sealing::Off,
            (true, true) => Sealing::UnderWay,
            (true, false) => Sealing::Complete,
        };
        let found = self.readers.read(move |connection| backlog(connection, now, &destinations)).await?;
        Ok(Backlog { sealing, ..found })
    }
}

fn backlog(connection: &Connection, now: Timestamp, destinations: &[String]) -> Result<Backlog, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let waiting = |sql: &str, params: &[i64]| -> Result<Waiting, Fault> {
        let mut select = snapshot.prepare_cached(sql)?;
        let (count, since): (i64, Option<i64>) =
            select.query_row(rusqlite::params_from_iter(params), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Waiting { count: count as u64, since: since.map(of_ms) })
    };
    let effects = destinations.iter().map(|destination| {
        let mut select = snapshot.prepare_cached("SELECT count(*) FROM effect WHERE destination = ?1")?;
        let count: i64 = select.query_row([destination], |row| row.get(0))?;
        Ok((destination.clone(), count as u64))
    });
    Ok(Backlog {
        sealing: Sealing::Off,
        sealed_by: keys::stored(&snapshot)?.as_deref().and_then(sealing::wrapped_by),
        effects: effects.collect::<Result<BTreeMap<_, _>, Fault>>()?,
        events: waiting("SELECT count(*), min(published_ms) FROM event", &[])?,
        overdue: waiting("SELECT count(*), min(due_ms) FROM run WHERE due_ms <= ?1", &[floor_ms(now)])?,
        needs_review: waiting("SELECT count(*), min(opened_ms) FROM run WHERE held = 1", &[])?,
        dead_letters: waiting("SELECT count(*), min(at_ms) FROM dead_letter", &[])?,
    })
}
