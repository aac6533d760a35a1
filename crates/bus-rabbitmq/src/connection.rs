//! One connection that is made anew whenever it is needed and not there.
//!
//! In: requests for channels. Out: channels on a connection that lives.
//! Never: is shared by publishers and consumers: lapin writes nothing on a blocked connection, not even an answer.

use std::sync::Arc;

use futures::StreamExt as _;
use lapin::{Channel, Event};
use tokio::sync::{Mutex, watch};

use crate::connect::{Dialer, within};

/// A connection and its supervision.
pub(crate) struct Connection {
    dialer: Dialer,
    purpose: &'static str,
    current: Mutex<Option<Arc<lapin::Connection>>>,
    blocked: watch::Sender<Option<String>>,
}

impl Connection {
    pub(crate) fn new(dialer: Dialer, purpose: &'static str) -> Self {
        Self { dialer, purpose, current: Mutex::default(), blocked: watch::Sender::new(None) }
    }

    /// A new channel. When the connection does not give one, the next call makes a new connection.
    pub(crate) async fn channel(&self) -> Result<Channel, lapin::Error> {
        let mut current = self.current.lock().await;
        let connection = match current.as_ref().filter(|connection| connection.status().connected()) {
            Some(connection) => connection.clone(),
            None => {
                *current = None;
                let connection = Arc::new(self.dialer.dial(self.purpose).await?);
                tracing::debug!(purpose = self.purpose, "connected to the broker");
                self.blocked.send_replace(None);
                tokio::spawn(watch_alarms(connection.events_listener(), self.blocked.clone(), self.purpose));
                *current = Some(connection.clone());
                connection
            }
        };
        let channel = within(connection.create_channel()).await;
        if channel.is_err() {
            *current = None;
        }
        channel
    }

    /// Why the broker takes nothing on this connection just now, if it does not.
    pub(crate) fn blocked(&self) -> watch::Receiver<Option<String>> {
        self.blocked.subscribe()
    }
}

/// Ends with the connection.
async fn watch_alarms(
    events: impl futures::Stream<Item = Event>,
    blocked: watch::Sender<Option<String>>,
    purpose: &'static str,
) {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the type may grow, and nothing else concerns us")]
        match event {
            Event::ConnectionBlocked(reason) => {
                tracing::warn!(
                    purpose,
                    reason,
                    "the broker blocks publishers until its resource alarm is cleared"
                );
                blocked.send_replace(Some(reason));
            }
            Event::ConnectionUnblocked => {
                tracing::info!(purpose, "the broker takes messages again");
                blocked.send_replace(None);
            }
            Event::Error(error) => {
                tracing::warn!(purpose, %error, "the connection to the broker is lost");
                break;
            }
            _ => {}
        }
    }
    blocked.send_replace(None);
}
