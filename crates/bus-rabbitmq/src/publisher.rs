//! Publishing with confirmations. In: messages. Out: the broker has them, or an error.
//!
//! Never: has more than a window of them unconfirmed, waits for a blocked broker, or publishes with `mandatory`.
#![expect(
    clippy::disallowed_methods,
    reason = "keeps a connection: how long the broker is silent is measured on the machine's clock"
)]

use std::{sync::Arc, time::Duration};

use domain::workflow::Lane;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use lapin::{
    Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use ports::{BusError, Clock, Queue};
use tokio::{
    sync::{Mutex, Semaphore},
    time::Instant,
};

use crate::{
    backoff::Backoff,
    connect::{is_missing, is_refused},
    connection::Connection,
    message::Outgoing,
    topology::{Names, lane_key},
    topology_supervisor::TopologySupervisor,
};

/// Where something is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) exchange: String,
    pub(crate) key: String,
}

impl Address {
    /// Straight to a queue.
    pub(crate) fn queue(names: &Names, queue: Queue) -> Self {
        Self { exchange: names.commands(), key: queue.name().to_owned() }
    }

    /// To no queue.
    pub(crate) fn nowhere(names: &Names) -> Self {
        Self { exchange: names.check(), key: String::new() }
    }

    /// To a lane below that of an event's type.
    pub(crate) fn lane(names: &Names, lane: Lane) -> Self {
        Self { exchange: names.events(), key: lane_key(lane) }
    }

    /// To the lane of an event's type. The broker knows the lanes, for producers publish there too.
    pub(crate) fn event(names: &Names, kind: &str) -> Self {
        // A longer one is no type of any workflow, so no binding is missed.
        let end = kind.floor_char_boundary(255);
        Self { exchange: names.events(), key: kind[..end].to_owned() }
    }
}

/// A channel in confirm mode and its supervision.
pub(crate) struct Publisher {
    connection: Arc<Connection>,
    topology_supervisor: Arc<TopologySupervisor>,
    clock: Arc<dyn Clock>,
    window: Semaphore,
    window_max: usize,
    confirm_max: Duration,
    current: Mutex<Current>,
}

struct Current {
    channel: Option<Channel>,
    backoff: Backoff,
    not_before: Timestamp,
    /// Something that we publish to was not there.
    missing_since: Option<Instant>,
}

impl Publisher {
    pub(crate) fn new(
        connection: Arc<Connection>,
        topology_supervisor: Arc<TopologySupervisor>,
        clock: Arc<dyn Clock>,
        window_max: usize,
        confirm_max: Duration,
        seed: String,
    ) -> Self {
        let current = Current {
            channel: None,
            backoff: Backoff::new(seed),
            not_before: Timestamp::MIN,
            missing_since: None,
        };
        let window = Semaphore::new(window_max);
        Self {
            connection,
            topology_supervisor,
            clock,
            window,
            window_max,
            confirm_max,
            current: Mutex::new(current),
        }
    }

    /// Publishes all of them, in any order. After an error some may have been taken.
    pub(crate) async fn publish_all(&self, messages: Vec<(Address, Outgoing)>) -> Result<(), BusError> {
        let many = messages.len() > 1;
        let published = stream::iter(messages)
            .map(|(address, message)| self.publish(address, message))
            .buffer_unordered(self.window_max)
            .try_collect::<()>()
            .await;
        match published {
            Err(BusError::Full(reason)) if many => Err(BusError::Unavailable(reason)),
            published => published,
        }
    }

    /// Publishes one and waits until the broker has it on disk.
    pub(crate) async fn publish(&self, address: Address, message: Outgoing) -> Result<(), BusError> {
        let mut blocked = self.connection.blocked();
        let blocked_before = blocked.borrow_and_update().clone();
        if let Some(reason) = blocked_before {
            return Err(BusError::Unavailable(format!("the broker is blocked: {reason}")));
        }
        let now_blocked = async {
            let reason = blocked.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
            match reason {
                Some(reason) => reason,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            done = self.publish_unblocked(address, message) => done,
            reason = now_blocked => Err(BusError::Unavailable(format!("the broker is blocked: {reason}"))),
            () = tokio::time::sleep_until(Instant::now() + self.confirm_max) => {
                // What was written stays written, and the broker may still take it.
                Err(BusError::Unavailable("the broker did not confirm in time".to_owned()))
            }
        }
    }

    /// Why the broker takes nothing just now, if it does not.
    pub(crate) fn blocked(&self) -> Option<String> {
        self.connection.blocked().borrow().clone()
    }

    /// Makes the first connection, so that a start fails early.
    pub(crate) async fn open(&self) -> Result<(), BusError> {
        self.channel().await.map(drop)
    }

    async fn publish_unblocked(&self, address: Address, message: Outgoing) -> Result<(), BusError> {
        // The semaphore is never closed.
        let _place = self.window.acquire().await;
        let channel = self.channel().await?;
        let confirm = channel
            .basic_publish(
                address.exchange.as_str().into(),
                address.key.as_str().into(),
                BasicPublishOptions::default(),
                &message.body,
                message.properties,
            )
            .await;
        let confirmation = match confirm {
            Ok(confirm) => confirm.await,
            Err(error) => Err(error),
        };
        match confirmation {
            Ok(Confirmation::Ack(_)) => Ok(()),
            Ok(Confirmation::Nack(_)) => {
                Err(BusError::Full(format!("the broker refuses more in {}", address.key)))
            }
            Ok(Confirmation::NotRequested) => Err(BusError::Unavailable("confirmations are off".to_owned())),
            Err(error) => {
                if is_refused(&error) {
                    tracing::error!(exchange = address.exchange, key = address.key, %error, "our broker user may not publish this");
                }
                if is_missing(&error) {
                    self.current.lock().await.missing_since.get_or_insert_with(Instant::now);
                }
                Err(unavailable(&error))
            }
        }
    }

    /// The channel, opened if there is none. If that failed a moment ago, it fails again at once.
    async fn channel(&self) -> Result<Channel, BusError> {
        let mut current = self.current.lock().await;
        if let Some(channel) = current.channel.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        current.channel = None;
        if self.clock.now() < current.not_before {
            return Err(BusError::Unavailable("the broker could not be reached a moment ago".to_owned()));
        }
        match self.make_channel(current.missing_since).await {
            Ok(channel) => {
                current.backoff.reset();
                current.missing_since = None;
                current.channel = Some(channel.clone());
                Ok(channel)
            }
            Err(error) => {
                current.not_before = self.clock.now() + current.backoff.next();
                tracing::warn!(%error, "the broker cannot be published to");
                Err(unavailable(&error))
            }
        }
    }

    async fn make_channel(&self, missing_since: Option<Instant>) -> Result<Channel, lapin::Error> {
        if let Some(since) = missing_since {
            self.topology_supervisor.ensure(since).await?;
        }
        let channel = self.connection.channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }
}

fn unavailable(error: &lapin::Error) -> BusError {
    BusError::Unavailable(error.to_string())
}
