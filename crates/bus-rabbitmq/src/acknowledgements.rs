//! Deliveries of one channel that end at the same moment are acknowledged together.
//!
//! In: deliveries, and acknowledgements from any task. Out: one frame for all that follow one another, one for each other.
//! Never: keeps an acknowledgement waiting for others to come, or acknowledges what is not done yet: a frame for many names
//! the last of those before which nothing is open.
//!
//! A quorum queue writes each acknowledgement to its log, one for many as one.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::join_all;
use lapin::{Acker, Channel, options::BasicAckOptions, types::DeliveryTag};
use tokio::sync::oneshot;

use crate::connect::within;

/// The deliveries of one channel, which is kept open for as long as one of them is unanswered.
pub(crate) struct Acknowledgements {
    state: Mutex<State>,
    _channel: Channel,
}

#[derive(Default)]
struct State {
    /// Those that the broker has no answer for.
    open: BTreeSet<DeliveryTag>,
    /// Those of them that are done.
    done: Vec<Done>,
    /// A task sends them.
    is_moving: bool,
}

struct Done {
    tag: DeliveryTag,
    acker: Acker,
    answer: oneshot::Sender<bool>,
}

impl Acknowledgements {
    pub(crate) fn new(channel: Channel) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), _channel: channel })
    }

    /// A delivery came.
    pub(crate) fn open(&self, tag: DeliveryTag) {
        self.state().open.insert(tag);
    }

    /// A delivery was answered otherwise. The frame that says so must be on its way already.
    pub(crate) fn close(&self, tag: DeliveryTag) {
        self.state().open.remove(&tag);
    }

    /// Acknowledges a delivery. `false`: the channel is gone or silent, and the broker delivers it again.
    pub(crate) async fn acknowledge(self: &Arc<Self>, tag: DeliveryTag, acker: Acker) -> bool {
        let (answer, answered) = oneshot::channel();
        let was_moving = {
            let mut state = self.state();
            state.done.push(Done { tag, acker, answer });
            std::mem::replace(&mut state.is_moving, true)
        };
        if !was_moving {
            tokio::spawn(self.clone().move_on());
        }
        answered.await.unwrap_or(false)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what is done until nothing is.
    async fn move_on(self: Arc<Self>) {
        loop {
            // What is ready to run may be done as well.
            tokio::task::yield_now().await;
            let groups = {
                let mut state = self.state();
                let State { open, done, is_moving } = &mut *state;
                *is_moving = !done.is_empty();
                let done = std::mem::take(done);
                grouped(open, done, |done| done.tag)
            };
            if groups.is_empty() {
                return;
            }
            join_all(groups.into_iter().map(send)).await;
        }
    }
}

/// Sends one frame for a group, whose last names it.
async fn send(group: Vec<Done>) {
    let Some(last) = group.last() else { return };
    let options = BasicAckOptions { multiple: group.len() > 1 };
    // An answer that is under way while its connection breaks may never be told so: whoever waits for it would take
    // nothing any more.
    let is_sent = within(last.acker.ack(options)).await.unwrap_or_else(|error| {
        tracing::debug!(%error, deliveries = group.len(), "acknowledgements were lost with their channel");
        false
    });
    for done in group {
        // Who is gone needs none.
        let _ = done.answer.send(is_sent);
    }
}

/// What is done, by the frames that say so: those before which nothing is open in one, each of the others in its own. They
/// are open no more then.
fn grouped<T>(
    open: &mut BTreeSet<DeliveryTag>,
    mut done: Vec<T>,
    tag_of: impl Fn(&T) -> DeliveryTag,
) -> Vec<Vec<T>> {
    done.sort_unstable_by_key(&tag_of);
    let before = open.iter().zip(&done).take_while(|(open, done)| **open == tag_of(done)).count();
    for done in &done {
        open.remove(&tag_of(done));
    }
    let others = done.split_off(before);
    let first = (!done.is_empty()).then_some(done);
    first.into_iter().chain(others.into_iter().map(|one| vec![one])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(open: &mut BTreeSet<u64>, done: &[u64]) -> Vec<Vec<u64>> {
        grouped(open, done.to_vec(), |tag| *tag)
    }

    #[test]
    fn one_frame_says_that_all_are_done_before_which_nothing_is_open() {
        let mut open: BTreeSet<u64> = (1..=8).collect();
        assert_eq!(frames(&mut open, &[3, 1, 2, 6, 5]), [vec![1, 2, 3], vec![5], vec![6]]);
        assert_eq!(open, BTreeSet::from([4, 7, 8]));
        assert_eq!(frames(&mut open, &[7]), [vec![7]]);
        assert_eq!(frames(&mut open, &[8, 4]), [vec![4, 8]], "what was answered before is in no one's way");
        assert!(frames(&mut open, &[]).is_empty());
    }
}
