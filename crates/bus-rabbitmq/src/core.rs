//! What the publisher, the consumers, the ackers and the delay forwarder of one bus share.
//!
//! In: connections and settings, made once. Out: access to them, and the broker's counts for a queue.
//! Never: keeps a message: what is in flight is stored on the broker.

use std::{collections::BTreeMap, sync::Arc};

use domain::workflow::Lane;
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicGetOptions, QueueDeclareOptions},
    types::FieldTable,
};
use ports::{BusError, Clock, Queue};
use tokio::sync::Mutex;

use crate::{
    connect::within,
    connection::Connection,
    message::{Envelope, Outgoing},
    publisher::Publisher,
    publisher_auth::PublisherAuth,
    topology_supervisor::TopologySupervisor,
    unacked::Unacked,
};

/// The shared parts of a bus.
pub(crate) struct Core {
    pub(crate) publisher: Publisher,
    pub(crate) consume_connection: Connection,
    pub(crate) topology_supervisor: Arc<TopologySupervisor>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Differs between processes, for the jitter of waits.
    pub(crate) seed: String,
    /// Which broker users may send which events, our own included. `None`: every user may send every event.
    pub(crate) publisher_auth: Option<PublisherAuth>,
    /// The broker user of this process.
    pub(crate) user: String,
    pub(crate) unacked: Unacked,
    pub(crate) lanes: BTreeMap<String, Lane>,
    /// For passive declarations; one that fails closes it.
    pub(crate) query_channel: Mutex<Option<Channel>>,
    /// For deliveries that are taken one by one; kept open by those that are unanswered.
    pub(crate) take_channel: Mutex<Option<Channel>>,
}

impl Core {
    /// A message of ours that proves to be ours, where users are asked for.
    pub(crate) fn vouched(&self, message: Outgoing) -> Outgoing {
        if self.publisher_auth.is_some() { message.vouched(&self.user) } else { message }
    }

    /// A queue's counts of ready messages and consumers, from a passive declaration.
    pub(crate) async fn query(&self, queue: Queue) -> Result<lapin::Queue, BusError> {
        let answer = async {
            let mut current = self.query_channel.lock().await;
            let channel = match current.take().filter(|channel| channel.status().connected()) {
                Some(channel) => channel,
                None => self.consume_connection.channel().await?,
            };
            let name = self.topology_supervisor.topology.names.queue(queue);
            let options = QueueDeclareOptions::durable().passive();
            let found =
                within(channel.queue_declare(name.as_str().into(), options, FieldTable::default())).await?;
            *current = Some(channel);
            Ok(found)
        };
        answer.await.map_err(|error: lapin::Error| BusError::Unavailable(error.to_string()))
    }

    /// The first message of a queue, if there is one, with the channel to answer on.
    pub(crate) async fn get(&self, queue: Queue) -> Result<Option<(Delivery, Channel)>, lapin::Error> {
        let mut current = self.take_channel.lock().await;
        let channel = match current.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => self.consume_connection.channel().await?,
        };
        let name = self.topology_supervisor.topology.names.queue(queue);
        let got = within(channel.basic_get(name.as_str().into(), BasicGetOptions { no_ack: false })).await?;
        *current = Some(channel.clone());
        Ok(got.map(|message| (message.delivery, channel)))
    }

    /// How long a message must still wait, in milliseconds, rounded up. Not above 0: it is due.
    pub(crate) fn left_ms(&self, envelope: &Envelope) -> i64 {
        let Some(fire_at) = envelope.fire_at else { return 0 };
        let left = fire_at.duration_since(self.clock.now());
        i64::try_from(left.as_nanos().div_euclid(1_000_000) + i128::from(left.subsec_nanos() % 1_000_000 > 0))
            .unwrap_or(i64::MAX)
    }
}
