//! Events that wait in the database because memory is bounded, or because this process has just started.
//!
//! In: queues that run low. Out: their next events, in order. Never: more than a batch at a time, or one event twice.

use domain::time::after_s;
use ports::Queue;
use rusqlite::{Connection, params};
use sealing::Sealer;

use super::{
    core::Core,
    events::opened,
    work_queue::{Backlog, Content, Item},
};
use crate::fault::Fault;

/// Most events fetched at once.
const FETCH_MAX: usize = 1_000;
/// Most bytes of bodies fetched at once; the last event may go beyond.
const FETCH_BYTES_MAX: usize = 8 * 1024 * 1024;

impl Core {
    /// Fetches the next events of a queue in the background, if it runs low and there are any.
    pub(super) fn fetch_backlog(&self, queue: Queue) {
        let (Some(core), Some(backlog)) = (self.me.upgrade(), self.queue(queue).begin_fetch()) else {
            return;
        };
        tokio::spawn(async move {
            loop {
                match core.readers.read(fetch_with(core.sealer.clone(), backlog)).await {
                    Ok((items, up_to)) => {
                        core.queue(queue).fetched(items, up_to);
                        // If all of a batch is acknowledged already, no consumer would ask for the next one.
                        return core.fetch_backlog(queue);
                    }
                    Err(_) if core.queue(queue).is_closed() => return,
                    Err(error) => tracing::warn!(?error, "waiting events could not be read; trying again"),
                }
                core.clock.sleep_until(after_s(core.clock.now(), 1)).await;
            }
        });
    }
}

fn fetch_with(
    sealer: Sealer,
    backlog: Backlog,
) -> impl FnOnce(&Connection) -> Result<(Vec<Item>, i64), Fault> + Send {
    move |connection| fetch(connection, &sealer, backlog)
}

fn fetch(connection: &Connection, sealer: &Sealer, backlog: Backlog) -> Result<(Vec<Item>, i64), Fault> {
    let mut select = connection.prepare_cached(
        "SELECT key, published_ms, body FROM event WHERE key > ?1 AND key <= ?2 ORDER BY key LIMIT ?3",
    )?;
    let mut rows = select.query(params![backlog.fetched, backlog.last, FETCH_MAX as i64])?;
    let (mut items, mut bytes, mut up_to) = (Vec::new(), 0, backlog.last);
    while let Some(row) = rows.next()? {
        let (key, body): (i64, Vec<u8>) = (row.get(0)?, row.get(2)?);
        bytes += body.len();
        items.push(Item {
            content: Content::Event { key, body: Some(opened(sealer, key, body)) },
            redelivered: key <= backlog.redelivered_to,
            published_ms: Some(row.get(1)?),
        });
        if items.len() == FETCH_MAX || bytes >= FETCH_BYTES_MAX {
            up_to = key;
            break;
        }
    }
    Ok((items, up_to))
}
