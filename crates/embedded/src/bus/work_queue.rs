//! One queue in memory.
//!
//! In: items that are published, returned or fetched. Out: items, in order.
//! Never: holds more bodies than its bounds; what does not fit stays in the database until there is room.

use std::{collections::VecDeque, sync::Mutex};

use domain::{timeline::Command, workflow::Lane};
use ports::{BusError, TimerSlot};
use tokio::sync::Semaphore;

use super::event_keys::{self, Waiting};
use crate::{fault::Fault, locked::locked};

/// Most events of one lane kept in memory; later ones stay in the database.
const READY_MAX: usize = 10_000;
/// Most bytes of their bodies in memory.
const READY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// With fewer ready, events are fetched from the database.
const READY_LOW: usize = 1_000;
/// Most wake-ups that wait in one queue. The due rows repeat those that are refused.
const WAKE_UPS_MAX: u64 = 100_000;

/// A unit of work.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) content: Content,
    pub(super) redelivered: bool,
    pub(super) published_ms: Option<i64>,
}

/// The content of an item.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A row of the table of events. Without a body if it was delivered before; then it is read again.
    Event {
        key: i64,
        body: Option<Vec<u8>>,
    },
    Command(Command),
    Timer(TimerSlot),
}

impl Content {
    fn bytes(&self) -> usize {
        match self {
            Self::Event { body, .. } => body.as_ref().map_or(0, Vec::len),
            Self::Command(_) | Self::Timer(_) => 0,
        }
    }
}

/// A queue and its waiting consumers.
pub(super) struct WorkQueue {
    state: Mutex<State>,
    /// As many permits as items are ready.
    ready: Semaphore,
}

struct State {
    items: VecDeque<Item>,
    bytes: usize,
    /// Items that are not acknowledged, delivered or not, in memory or not.
    depth: u64,
    backlog: Backlog,
}

/// How far the table of events has been brought into memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backlog {
    /// The last key that was fetched.
    pub(super) fetched: i64,
    /// The last key in the table.
    pub(super) last: i64,
    /// Events up to this key were there when the database was opened.
    pub(super) redelivered_to: i64,
    fetching: bool,
}

impl Backlog {
    fn is_behind(&self) -> bool {
        self.fetched < self.last
    }
}

impl WorkQueue {
    pub(super) fn of_events(lane: Lane, waiting: &Waiting) -> Self {
        let backlog = Backlog {
            fetched: event_keys::keys(lane).start,
            last: waiting.last,
            redelivered_to: waiting.last,
            fetching: false,
        };
        Self::new(waiting.count, backlog)
    }

    pub(super) fn of_wake_ups() -> Self {
        Self::new(0, Backlog { fetched: 0, last: 0, redelivered_to: 0, fetching: false })
    }

    fn new(depth: u64, backlog: Backlog) -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, depth, backlog };
        Self { state: Mutex::new(state), ready: Semaphore::new(0) }
    }

    /// Waits until there is an item, and claims it for [`WorkQueue::pop`]. `None`: the queue is closed.
    pub(super) async fn wait(&self) -> Option<()> {
        self.ready.acquire().await.ok()?.forget();
        Some(())
    }

    /// Claims an item for [`WorkQueue::pop`], if there is one.
    pub(super) fn claim(&self) -> bool {
        self.ready.try_acquire().is_ok_and(|permit| {
            permit.forget();
            true
        })
    }

    pub(super) fn pop(&self) -> Option<Item> {
        let mut state = locked(&self.state);
        let item = state.items.pop_front()?;
        state.bytes -= item.content.bytes();
        Some(item)
    }

    pub(super) fn push_back(&self, item: Item) {
        locked(&self.state).push_back(item);
        self.ready.add_permits(1);
    }

    /// Returns an item that was delivered and not acknowledged; it is next.
    pub(super) fn push_front(&self, item: Item) {
        let mut state = locked(&self.state);
        state.bytes += item.content.bytes();
        state.items.push_front(item);
        drop(state);
        self.ready.add_permits(1);
    }

    /// Takes a new wake-up, if there is room.
    pub(super) fn offer(&self, item: Item) -> Result<(), BusError> {
        if self.is_closed() {
            return Err(Fault::ended().into());
        }
        let mut state = locked(&self.state);
        if state.depth >= WAKE_UPS_MAX {
            return Err(BusError::Full(format!("{WAKE_UPS_MAX} wake-ups wait already")));
        }
        state.depth += 1;
        state.push_back(item);
        drop(state);
        self.ready.add_permits(1);
        Ok(())
    }

    /// Takes a timer that has fired; the number of timers was bounded when it was started.
    pub(super) fn push_timer(&self, slot: TimerSlot) {
        let mut state = locked(&self.state);
        state.depth += 1;
        state.push_back(Item { content: Content::Timer(slot), redelivered: false, published_ms: None });
        drop(state);
        self.ready.add_permits(1);
    }

    /// Takes events that are durable, in the order of their keys; those that do not fit are fetched later.
    pub(super) fn published(&self, events: impl Iterator<Item = (i64, Vec<u8>)>, published_ms: i64) {
        let mut state = locked(&self.state);
        let mut pushed = 0;
        for (key, body) in events {
            let has_room = state.items.len() < READY_MAX && state.bytes < READY_BYTES_MAX;
            if has_room && !state.backlog.is_behind() {
                let content = Content::Event { key, body: Some(body) };
                state.push_back(Item { content, redelivered: false, published_ms: Some(published_ms) });
                state.backlog.fetched = key;
                pushed += 1;
            }
            state.backlog.last = key;
            state.depth += 1;
        }
        drop(state);
        self.ready.add_permits(pushed);
    }

    /// Notes that items were acknowledged.
    pub(super) fn answered(&self, items: u64) {
        let mut state = locked(&self.state);
        state.depth = state.depth.saturating_sub(items);
    }

    /// The backlog to fetch, if the queue runs low and no fetch is under way. The caller must call [`WorkQueue::fetched`].
    pub(super) fn begin_fetch(&self) -> Option<Backlog> {
        let mut state = locked(&self.state);
        let is_low = state.items.len() < READY_LOW && state.bytes < READY_BYTES_MAX;
        if !is_low || state.backlog.fetching || !state.backlog.is_behind() {
            return None;
        }
        state.backlog.fetching = true;
        Some(state.backlog)
    }

    /// Takes what was fetched. `up_to` is the last key that was looked at.
    pub(super) fn fetched(&self, items: Vec<Item>, up_to: i64) {
        let count = items.len();
        let mut state = locked(&self.state);
        items.into_iter().for_each(|item| state.push_back(item));
        state.backlog.fetched = up_to;
        state.backlog.fetching = false;
        drop(state);
        self.ready.add_permits(count);
    }

    pub(super) fn depth(&self) -> u64 {
        locked(&self.state).depth
    }

    pub(super) fn is_closed(&self) -> bool {
        self.ready.is_closed()
    }

    pub(super) fn close(&self) {
        self.ready.close();
    }
}

impl State {
    fn push_back(&mut self, item: Item) {
        self.bytes += item.content.bytes();
        self.items.push_back(item);
    }
}
