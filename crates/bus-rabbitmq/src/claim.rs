//! A delivery that this process must answer.
//!
//! In: lapin's acker and the channel that the delivery came on. Out: one acknowledgement, rejection or return.
//! Never: leaves a delivery unanswered: a claim that is dropped returns it to its queue.

use futures::FutureExt as _;
use lapin::{
    Acker, Channel,
    options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions},
};

use crate::connect::within;

/// An unanswered delivery. Keeps its channel open, because the broker takes the answer on no other channel.
pub(crate) struct Claim {
    acker: Option<Acker>,
    _channel: Channel,
}

impl Claim {
    pub(crate) fn new(acker: Acker, channel: Channel) -> Self {
        Self { acker: Some(acker), _channel: channel }
    }

    /// Acknowledges the delivery. `false`: the channel is gone or silent, and the broker delivers it again.
    pub(crate) async fn ack(mut self) -> bool {
        let Some(acker) = self.acker.take() else { return false };
        // An answer that is under way while its connection breaks may never be told so: whoever waits for it would take
        // nothing any more.
        within(acker.ack(BasicAckOptions::default())).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "an acknowledgement was lost with its channel");
            false
        })
    }

    /// Moves the delivery to the broker's dead letters.
    pub(crate) async fn reject(mut self) {
        if let Some(acker) = self.acker.take() {
            drop(within(acker.reject(BasicRejectOptions { requeue: false })).await);
        }
    }

    /// Whether an answer can still be sent.
    pub(crate) fn is_usable(&self) -> bool {
        self.acker.as_ref().is_some_and(Acker::usable)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(acker) = self.acker.take() {
            // The first poll hands the frame to the connection's own task, which writes it.
            let options = BasicNackOptions { requeue: true, ..Default::default() };
            drop(acker.nack(options).now_or_never());
        }
    }
}
