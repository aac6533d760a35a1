//! The producers. In: events and their time. Out: every event, taken by the fleet.
//!
//! Never: gives an event up, or a second id to it: what is not confirmed is sent again, as a real producer does.

use domain::source_quota::Quota;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Result, bail};
use bus_rabbitmq::RabbitBus;
use jiff::{SignedDuration, Timestamp};
use ports::{Bus as _, Clock as _, SystemClock};
use tokio::task::JoinSet;

use crate::{event_outcome::Sample, fleet::Fleet, pause::pause, settings::KEY};

/// Events in one request.
pub(crate) const BATCH: usize = 5;
/// One batch in so many goes to the exchange, past ingest.
const DIRECT_EVERY: usize = 4;
/// How long a producer waits before it sends again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Longer than any outage here.
const TAKEN_WITHIN: Duration = Duration::from_secs(120);

/// How the load went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    /// Events that went through ingest.
    pub(crate) over_http: u64,
    /// Events that were published to the exchange.
    pub(crate) to_exchange: u64,
    /// Batches that had to be sent again.
    pub(crate) repeated: u64,
    /// When each batch of [`BATCH`] was taken.
    taken: Vec<Timestamp>,
}

impl Sent {
    /// When the event at a place of the samples was taken.
    pub(crate) fn taken(&self, index: usize) -> Option<Timestamp> {
        self.taken.get(index / BATCH).copied()
    }
}

/// A producer that does not give up.
#[derive(Clone)]
pub(crate) struct Producer {
    client: reqwest::Client,
    url: String,
    bus: Arc<RabbitBus>,
    repeated: Arc<AtomicU64>,
}

impl Producer {
    pub(crate) async fn new(fleet: &Fleet) -> Result<Self> {
        let (client, url, bus) = (fleet.client.clone(), fleet.events_url(), fleet.bus().await?);
        Ok(Self { client, url, bus, repeated: Arc::default() })
    }

    /// Sends everything, spread evenly over a time from `begin` on.
    pub(crate) async fn send_all(
        &self,
        samples: &[Sample],
        begin: Timestamp,
        lasting: Duration,
    ) -> Result<Sent> {
        let count = samples.len().div_ceil(BATCH).max(1);
        let mut sent = Sent { taken: vec![begin; count], ..Sent::default() };
        let mut batches: JoinSet<Result<(usize, Timestamp)>> = JoinSet::new();
        let part = lasting.as_secs_f64() / count as f64;
        for (index, batch) in samples.chunks(BATCH).enumerate() {
            let (producer, batch) = (self.clone(), batch.to_vec());
            let at = begin + SignedDuration::try_from_secs_f64(part * index as f64)?;
            let is_direct = index % DIRECT_EVERY == DIRECT_EVERY - 1;
            *(if is_direct { &mut sent.to_exchange } else { &mut sent.over_http }) += batch.len() as u64;
            // As they come due: an hour has more batches than there should be tasks.
            SystemClock.sleep_until(at).await;
            batches.spawn(async move {
                if is_direct {
                    producer.publish(&batch).await?
                } else {
                    producer.post(&batch).await?
                }
                Ok((index, SystemClock.now()))
            });
            while let Some(ended) = batches.try_join_next() {
                let (index, at) = ended??;
                sent.taken[index] = at;
            }
        }
        while let Some(ended) = batches.join_next().await {
            let (index, at) = ended??;
            sent.taken[index] = at;
        }
        Ok(Sent { repeated: self.repeated.load(Ordering::Relaxed), ..sent })
    }

    /// Through ingest.
    pub(crate) async fn post(&self, samples: &[Sample]) -> Result<()> {
        let body = serde_json::Value::Array(samples.iter().map(Sample::json).collect()).to_string();
        self.until_taken(|| async {
            let request = self.client.post(&self.url).bearer_auth(KEY).body(body.clone());
            let answer = request.header("content-type", "application/cloudevents-batch+json").send().await;
            match answer {
                Ok(answer) if answer.status().is_success() => Ok(true),
                // A mistake of ours is no fault to be retried.
                Ok(answer) if answer.status().as_u16() == 400 => bail!("{}", answer.text().await?),
                Ok(_) | Err(_) => Ok(false),
            }
        })
        .await
    }

    /// To the exchange.
    pub(crate) async fn publish(&self, samples: &[Sample]) -> Result<()> {
        let events = samples.iter().map(Sample::event).collect::<Result<Vec<_>>>()?;
        self.until_taken(|| async { Ok(self.bus.publish_events(&events, Quota::Within).await.is_ok()) }).await
    }

    #[expect(clippy::disallowed_methods, reason = "real processes are given so long")]
    async fn until_taken<F: Future<Output = Result<bool>> + Send>(
        &self,
        send: impl Fn() -> F + Send,
    ) -> Result<()> {
        let sending = async {
            while !send().await? {
                self.repeated.fetch_add(1, Ordering::Relaxed);
                pause(AGAIN_AFTER).await;
            }
            Ok(())
        };
        match tokio::time::timeout(TAKEN_WITHIN, sending).await {
            Ok(sent) => sent,
            Err(_) => bail!("events were not taken for {TAKEN_WITHIN:?}"),
        }
    }
}
