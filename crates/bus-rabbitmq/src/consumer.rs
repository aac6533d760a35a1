//! Consumes a queue until it is stopped. In: a queue, and a handler of deliveries. Out: every delivery, through outages.
//!
//! Never: uses lapin's recovery (after a channel error its streams hang for ever), or ends before it is stopped.
//! A lost channel is replaced, then its connection, then, where something was deleted, the topology.
#![expect(
    clippy::disallowed_methods,
    reason = "keeps a connection: how long the broker is silent is measured on the machine's clock"
)]

use std::sync::Arc;

use futures::StreamExt as _;
use lapin::{
    Channel, Consumer,
    message::Delivery,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::time::Instant;

use crate::{
    acknowledgements::Acknowledgements,
    backoff::Backoff,
    connect::{is_missing, within},
    core::Core,
};

/// A queue to consume.
pub(crate) struct Consumption {
    core: Arc<Core>,
    queue: String,
    prefetch: u16,
}

/// An open consumer.
pub(crate) struct Open {
    channel: Channel,
    acknowledgements: Arc<Acknowledgements>,
    consumer: Consumer,
}

impl Consumption {
    pub(crate) fn new(core: Arc<Core>, queue: String, prefetch: u16) -> Self {
        Self { core, queue, prefetch: prefetch.max(1) }
    }

    /// Starts to consume.
    pub(crate) async fn open(&self) -> Result<Open, lapin::Error> {
        let channel = self.core.consume_connection.channel().await?;
        within(async {
            // Per consumer: quorum queues refuse the global kind, and close the connection for it.
            channel.basic_qos(self.prefetch, BasicQosOptions { global: false }).await?;
            let (queue, tag) = (self.queue.as_str().into(), "".into());
            let consumer = channel
                .basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default())
                .await?;
            let acknowledgements = Acknowledgements::new(channel.clone());
            Ok(Open { channel: channel.clone(), acknowledgements, consumer })
        })
        .await
    }

    /// Gives every delivery to `take` until `end` completes, and then those that had been sent by then.
    pub(crate) async fn run(
        self,
        mut open: Open,
        mut take: impl FnMut(Delivery, &Arc<Acknowledgements>) + Send,
        end: impl Future<Output = ()> + Send,
    ) {
        let mut end = std::pin::pin!(end);
        loop {
            let lost = loop {
                tokio::select! {
                    () = &mut end => return close(open, take).await,
                    next = open.consumer.next() => match next {
                        Some(Ok(delivery)) => take(delivery, &open.acknowledgements),
                        Some(Err(error)) => break Some(error),
                        None => break None,
                    },
                }
            };
            // Without an error the broker cancelled the consumer: the queue was deleted.
            let may_be_missing = lost.as_ref().is_none_or(is_missing);
            let error = lost.as_ref().map(ToString::to_string);
            tracing::warn!(queue = self.queue, error, "the consumer was interrupted");
            drop(open);
            tokio::select! {
                () = &mut end => return,
                again = self.reopen(may_be_missing) => open = again,
            }
            tracing::info!(queue = self.queue, "the consumer runs again");
        }
    }

    async fn reopen(&self, may_be_missing: bool) -> Open {
        let mut backoff = Backoff::new(format!("{} {}", self.core.seed, self.queue));
        let mut missing_since = may_be_missing.then(Instant::now);
        loop {
            let opened = async {
                if let Some(since) = missing_since {
                    self.core.topology_supervisor.ensure(since).await?;
                }
                self.open().await
            };
            let error = match opened.await {
                Ok(open) => return open,
                Err(error) => error,
            };
            if is_missing(&error) {
                missing_since = Some(Instant::now());
            }
            tracing::warn!(queue = self.queue, %error, "the consumer could not be opened; trying again");
            self.core.clock.sleep_until(self.core.clock.now() + backoff.next()).await;
        }
    }
}

/// Stops the broker from sending more. The channel stays open for as long as a delivery of it is unacked.
async fn close(open: Open, mut take: impl FnMut(Delivery, &Arc<Acknowledgements>) + Send) {
    let Open { channel, acknowledgements, mut consumer } = open;
    let cancelled = within(async {
        channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
        while let Some(Ok(delivery)) = consumer.next().await {
            take(delivery, &acknowledgements);
        }
        Ok(())
    });
    if let Err(error) = cancelled.await {
        tracing::debug!(%error, "a consumer was not closed; the broker returns its deliveries when the channel closes");
    }
}
