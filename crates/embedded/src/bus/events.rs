//! The table of events: publishing and acknowledging.
//!
//! In: events as JSON, and acknowledgements. Out: rows, then items for the consumers.
//! Never: delivers an event before it is durable, or deletes one before it is acknowledged.

use std::sync::Arc;

use domain::workflow::Lane;
use ports::Queue;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::core::Core;
use crate::{fault::Fault, locked::locked, writer::Work};

/// An event on its way into the table.
pub(super) struct Outgoing {
    lane: Lane,
    body: Vec<u8>,
}

impl Outgoing {
    pub(super) fn new(lane: Lane, body: Vec<u8>) -> Self {
        Self { lane, body }
    }
}

/// Publishes events.
pub(super) struct Publish {
    core: Arc<Core>,
    events: Vec<Outgoing>,
    published_ms: i64,
    /// The keys of the events, from the last time this ran.
    keys: Vec<i64>,
}

impl Publish {
    pub(super) fn new(core: Arc<Core>, events: Vec<Outgoing>, published_ms: i64) -> Self {
        Self { core, events, published_ms, keys: Vec::new() }
    }
}

impl Work for Publish {
    type Output = ();

    fn run(&mut self, connection: &Connection) -> Result<(), Fault> {
        let mut insert =
            connection.prepare_cached("INSERT INTO event (key, published_ms, body) VALUES (?1, ?2, ?3)")?;
        self.keys.clear();
        for event in &self.events {
            // Keys of a transaction that fails are not used again; only the order matters.
            let key = locked(&self.core.next_keys)[event.lane as usize].next();
            insert.execute(params![key, self.published_ms, event.body])?;
            self.keys.push(key);
        }
        connection
            .prepare_cached("UPDATE ledger SET accepted = accepted + ?1")?
            .execute([self.keys.len() as i64])?;
        Ok(())
    }

    fn committed(&mut self, _output: &mut ()) {
        let mut by_lane = Lane::ALL.map(|_| Vec::new());
        for (event, key) in self.events.drain(..).zip(&self.keys) {
            by_lane[event.lane as usize].push((*key, event.body));
        }
        for (lane, events) in Lane::ALL.into_iter().zip(by_lane) {
            if !events.is_empty() {
                self.core.queue(Queue::Events(lane)).published(events.into_iter(), self.published_ms);
            }
        }
    }
}

/// Deletes an event that was acknowledged.
pub(super) struct Ack {
    pub(super) core: Arc<Core>,
    pub(super) queue: Queue,
    pub(super) key: i64,
}

impl Work for Ack {
    type Output = usize;

    fn run(&mut self, connection: &Connection) -> Result<usize, Fault> {
        let gone = connection.prepare_cached("DELETE FROM event WHERE key = ?1")?.execute([self.key])?;
        if gone > 0 {
            connection.prepare_cached("UPDATE ledger SET concluded = concluded + 1")?.execute([])?;
        }
        Ok(gone)
    }

    fn committed(&mut self, deleted: &mut usize) {
        self.core.queue(self.queue).answered(*deleted as u64);
    }
}

impl Core {
    /// The body of an event that was delivered before. `None`: it was acknowledged meanwhile.
    pub(super) async fn event_body(&self, key: i64) -> Result<Option<Vec<u8>>, Fault> {
        let read = move |connection: &Connection| {
            let mut select = connection.prepare_cached("SELECT body FROM event WHERE key = ?1")?;
            Ok(select.query_row([key], |row| row.get(0)).optional()?)
        };
        self.readers.read(read).await
    }
}
