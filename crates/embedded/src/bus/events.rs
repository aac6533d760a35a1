//! The table of events: publishing and acknowledging.
//!
//! In: events as JSON, and acknowledgements. Out: rows, then items for the consumers.
//! Never: delivers an event before it is durable, or deletes one before it is acknowledged.

use std::sync::Arc;

use domain::workflow::Lane;
use ports::Queue;
use rusqlite::{Connection, OptionalExtension as _, params};
use sealing::{Kind, Sealer};

use super::{core::Core, event_keys};
use crate::{fault::Fault, locked::locked, writer::Work};

/// An event on its way into the table.
pub(super) struct Outgoing {
    lane: Lane,
    body: Vec<u8>,
    /// The body as it is stored, where that is another one.
    sealed: Option<Vec<u8>>,
}

impl Outgoing {
    pub(super) fn new(lane: Lane, body: Vec<u8>, sealer: &Sealer) -> Result<Self, Fault> {
        let sealed = sealer.is_on().then(|| seal(sealer, lane, body.clone())).transpose()?;
        Ok(Self { lane, body, sealed })
    }
}

/// A body as it is stored. It is bound to its lane: its key is known only once it is written.
pub(crate) fn seal(sealer: &Sealer, lane: Lane, body: Vec<u8>) -> Result<Vec<u8>, Fault> {
    sealer.seal(Kind::Event, lane.as_str(), body).map_err(|error| Fault::Refused(error.to_string()))
}

/// A body as it was published. One that cannot be opened is handed on as it is: it becomes a dead letter, and holds up
/// nothing.
pub(super) fn opened(sealer: &Sealer, key: i64, stored: Vec<u8>) -> Vec<u8> {
    let lane = event_keys::lane_of(key).map_or("", Lane::as_str);
    match sealer.open(Kind::Event, lane, &stored) {
        Ok(body) => body.into_owned(),
        Err(error) => {
            tracing::error!(%error, key, "an event that waits cannot be read");
            stored
        }
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
            let body = event.sealed.as_ref().unwrap_or(&event.body);
            insert.execute(params![key, self.published_ms, body])?;
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
        let sealer = self.sealer.clone();
        let read = move |connection: &Connection| {
            let mut select = connection.prepare_cached("SELECT body FROM event WHERE key = ?1")?;
            let stored = select.query_row([key], |row| row.get(0)).optional()?;
            Ok(stored.map(|stored| opened(&sealer, key, stored)))
        };
        self.readers.read(read).await
    }
}
