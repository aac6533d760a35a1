//! A delivery that this process must answer.
//!
//! In: lapin's acker, and the acknowledgements of the channel that the delivery came on. Out: one acknowledgement,
//! rejection or return. Never: leaves a delivery unanswered: a claim that is dropped returns it to its queue.

use std::sync::Arc;

use futures::FutureExt as _;
use lapin::{
    Acker,
    options::{BasicNackOptions, BasicRejectOptions},
    types::DeliveryTag,
};

use crate::{acknowledgements::Acknowledgements, connect::within};

/// An unanswered delivery. Keeps its channel open, because the broker takes the answer on no other channel.
pub(crate) struct Claim {
    acker: Option<Acker>,
    tag: DeliveryTag,
    acknowledgements: Arc<Acknowledgements>,
}

impl Claim {
    pub(crate) fn new(acker: Acker, tag: DeliveryTag, acknowledgements: Arc<Acknowledgements>) -> Self {
        acknowledgements.open(tag);
        Self { acker: Some(acker), tag, acknowledgements }
    }

    /// Acknowledges the delivery. `false`: the channel is gone or silent, and the broker delivers it again.
    pub(crate) async fn ack(mut self) -> bool {
        let Some(acker) = self.acker.take() else { return false };
        self.acknowledgements.acknowledge(self.tag, acker).await
    }

    /// Moves the delivery to the broker's dead letters.
    pub(crate) async fn reject(mut self) {
        if let Some(acker) = self.acker.take() {
            drop(within(acker.reject(BasicRejectOptions { requeue: false })).await);
            self.acknowledgements.close(self.tag);
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
            self.acknowledgements.close(self.tag);
        }
    }
}
