//! What this process accepted lately. In: events that are about to be published. Out: whether one says something else
//! than the one before it under the same source and id.
//!
//! Never: replaces the store, which binds an id to its content when a run is opened; this bridges the time until then.

use std::collections::{BTreeMap, VecDeque};

use domain::event::{ContentHash, Event, EventKey};

/// Most events that are remembered. A run is opened within a fraction of a second.
const EVENTS_MAX: usize = 10_000;

/// The latest accepted events.
#[derive(Debug, Default)]
pub(crate) struct RecentEvents {
    contents: BTreeMap<EventKey, ContentHash>,
    oldest_first: VecDeque<EventKey>,
}

impl RecentEvents {
    /// Remembers what these events say.
    ///
    /// # Errors
    /// The place of the first that says something else than another with its key; none of them is remembered then.
    pub(crate) fn claim(&mut self, events: &[(usize, &Event)]) -> Result<(), usize> {
        let mut fresh: BTreeMap<&EventKey, ContentHash> = BTreeMap::new();
        for (index, event) in events {
            let content = event.content();
            let known = self.contents.get(&event.key).or_else(|| fresh.get(&event.key)).copied();
            if known.is_some_and(|known| known != content) {
                return Err(*index);
            }
            if known.is_none() {
                fresh.insert(&event.key, content);
            }
        }
        for (key, content) in fresh {
            self.contents.insert(key.clone(), content);
            self.oldest_first.push_back(key.clone());
        }
        while self.oldest_first.len() > EVENTS_MAX {
            let oldest = self.oldest_first.pop_front();
            oldest.map(|oldest| self.contents.remove(&oldest));
        }
        Ok(())
    }

    /// Whether an event with this key is remembered.
    pub(crate) fn knows(&self, key: &EventKey) -> bool {
        self.contents.contains_key(key)
    }

    /// Forgets events that were not accepted after all.
    pub(crate) fn forget(&mut self, events: &[Event]) {
        for event in events {
            self.contents.remove(&event.key);
            self.oldest_first.retain(|key| *key != event.key);
        }
    }
}
