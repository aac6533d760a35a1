//! Consuming that does not end. In: a queue, and what to do with a delivery. Out: every delivery, whatever happens.
//!
//! Never: lets lapin recover (after an error of the channel its streams hang for ever), or ends before it is told to.
//! A lost channel is replaced, then its connection, then, where something was deleted, the topology.

use std::sync::Arc;

use futures::StreamExt as _;
use lapin::{
    Channel, Consumer,
    message::Delivery,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::time::Instant;

use crate::{
    backoff::Backoff,
    bus::Core,
    connect::{is_missing, within},
};

/// What is consumed.
pub(crate) struct Consumption {
    core: Arc<Core>,
    queue: String,
    prefetch: u16,
}

/// A consumer at work.
pub(crate) struct Open {
    channel: Channel,
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
            Ok(Open { channel: channel.clone(), consumer })
        })
        .await
    }

    /// Hands every delivery to `take` until `end` is there.
    pub(crate) async fn run(
        self,
        mut open: Open,
        mut take: impl FnMut(Delivery, Channel) + Send,
        end: impl Future<Output = ()> + Send,
    ) {
        let mut end = std::pin::pin!(end);
        loop {
            let lost = loop {
                tokio::select! {
                    () = &mut end => return close(open).await,
                    next = open.consumer.next() => match next {
                        Some(Ok(delivery)) => take(delivery, open.channel.clone()),
                        Some(Err(error)) => break Some(error),
                        None => break None,
                    },
                }
            };
            // Without an error the broker cancelled it: somebody deleted the queue.
            let suspicion = lost.as_ref().is_none_or(is_missing);
            let error = lost.as_ref().map(ToString::to_string);
            tracing::warn!(queue = self.queue, error, "consuming was interrupted");
            drop(open);
            tokio::select! {
                () = &mut end => return,
                again = self.reopen(suspicion) => open = again,
            }
            tracing::info!(queue = self.queue, "consuming goes on");
        }
    }

    async fn reopen(&self, suspicion: bool) -> Open {
        let mut backoff = Backoff::new(format!("{} {}", self.core.seed, self.queue));
        let mut missing_since = suspicion.then(Instant::now);
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
            tracing::warn!(queue = self.queue, %error, "the broker cannot be consumed from");
            self.core.clock.sleep_until(self.core.clock.now() + backoff.next()).await;
        }
    }
}

/// Returns what was fetched and not taken. The channel stays open for as long as somebody holds a delivery of it.
async fn close(open: Open) {
    let Open { channel, mut consumer } = open;
    let returned = within(async {
        channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await?;
        while let Some(Ok(delivery)) = consumer.next().await {
            delivery.nack(BasicNackOptions { requeue: true, ..Default::default() }).await?;
        }
        Ok(())
    });
    if let Err(error) = returned.await {
        tracing::debug!(%error, "a consumer was not closed; the broker returns its deliveries with the channel");
    }
}
