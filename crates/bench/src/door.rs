//! Events, and where they are posted. In: their numbers. Out: HTTP requests that were taken.
//!
//! Never: knows what is behind it, so that callout and what stands beside it get the same requests.

use std::ops::Range;

use anyhow::{Result, bail};
use axum::body::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http_client::{Reach, client_builder};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::process::pause;

/// The source of most events, and its key.
pub(crate) const BUSY: (&str, &str) = ("bench", "bench-key");
/// A source that sends little, and its key.
pub(crate) const QUIET: (&str, &str) = ("quiet", "quiet-key");
/// A source of critical events, and its key.
pub(crate) const PAGER: (&str, &str) = ("pager", "pager-key");
/// Events in one request.
pub(crate) const BATCH: usize = 100;
/// Requests with events open at once.
pub(crate) const PRODUCERS: usize = 8;

/// How long a request waits that is wanted again, in milliseconds.
const AGAIN_AFTER_MS: i64 = 50;
const BATCH_TYPE: &str = "application/cloudevents-batch+json";

/// `/v1/events` of one address.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// Scheme, host and port.
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
}

impl Door {
    pub(crate) fn new(url: String) -> Result<Self> {
        Ok(Self { url, client: client_builder(Reach::Plain).build()? })
    }

    /// Batches of these events of the busy source, as fast as they are taken.
    pub(crate) async fn post_all(&self, indices: Range<usize>) -> Result<()> {
        let end = indices.end;
        let batches = indices.step_by(BATCH).map(|first| batch(first..(first + BATCH).min(end)));
        // Written before the first is sent.
        let posts = stream::iter(batches.collect::<Vec<String>>())
            .map(|body| self.post(BUSY.1, BATCH_TYPE, body))
            .buffer_unordered(PRODUCERS);
        posts.try_collect::<Vec<()>>().await.map(drop)
    }

    /// These events of the busy source in one request.
    pub(crate) async fn post_batch(&self, indices: Range<usize>) -> Result<()> {
        self.post(BUSY.1, BATCH_TYPE, batch(indices)).await
    }

    /// One event in a request of its own.
    pub(crate) async fn post_one(&self, key: &str, event: &Value) -> Result<()> {
        self.post(key, "application/cloudevents+json", event.to_string()).await
    }

    async fn post(&self, key: &str, content_type: &str, body: String) -> Result<()> {
        let body = Bytes::from(body);
        loop {
            let request = self.client.post(format!("{}/v1/events", self.url)).bearer_auth(key);
            let response = request.header("content-type", content_type).body(body.clone()).send().await?;
            match response.status() {
                // It has too much in hand, and wants this one again.
                StatusCode::TOO_MANY_REQUESTS => pause(AGAIN_AFTER_MS).await,
                status if status.is_success() => return Ok(()),
                status => bail!("{status}: {}", response.text().await?),
            }
        }
    }
}

pub(crate) fn event(source: &str, index: usize) -> Value {
    let id = format!("e-{index}");
    let kind = if source == PAGER.0 { "page.created" } else { "note.created" };
    json!({"specversion": "1.0", "source": source, "id": id, "type": kind, "data":
           {"number": format!("N{index:07}"), "phone": phone(index)}})
}

pub(crate) fn phone(index: usize) -> String {
    format!("+1415{index:07}")
}

fn batch(indices: Range<usize>) -> String {
    Value::Array(indices.map(|index| event(BUSY.0, index)).collect()).to_string()
}
