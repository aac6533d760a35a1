//! Mapped hooks of an OpenClaw gateway (`hooks.mappings`, as of OpenClaw 2026.9). In: an effect. Out: one POST of flat
//! strings, which the mapping's template makes a message for an agent of.
//!
//! Never: a name, a number or a text: each would be read by a model. Never another body for the same event: the gateway
//! tells a repetition by its key and by what the body says.

use std::time::Duration;

use async_trait::async_trait;
use domain::effect::EffectAnswer;
use ports::{DestinationClient, EffectRequest};
use reqwest::StatusCode;
use serde_json::{Map, Value, json};
use url::Url;

use crate::{
    Token,
    request::{Meaning, Requests, send_meaning},
};

/// The gateway answers once the agent's run is admitted, which it gives up after 15 seconds.
const TIMEOUT: Duration = Duration::from_secs(20);
const SPEC_VERSION: &str = "1";
/// No mapping matches the path or the body's `source`.
const UNMAPPED: u16 = 404;

/// One hook.
#[derive(Debug)]
pub struct OpenClaw {
    requests: Requests,
    url: Url,
    token: Token,
}

impl OpenClaw {
    /// The mapped hook at this address, with the gateway's hook token.
    pub fn new(requests: Requests, url: Url, token: Token) -> Self {
        Self { requests, url, token }
    }

    async fn deliver(&self, request: &EffectRequest) -> Result<EffectAnswer, EffectAnswer> {
        let mut post = self
            .requests
            .post_json(self.url.clone(), &body(request))?
            .timeout(TIMEOUT)
            .bearer_auth(self.token.expose())
            .header("idempotency-key", &request.effect.event.id);
        if let Some(traceparent) = request.run.as_ref().and_then(|run| run.traceparent()) {
            post = post.header("traceparent", traceparent);
        }
        let meaning = Meaning { refusals: &[UNMAPPED], ..Meaning::default() };
        if send_meaning(post, meaning).await?.status == StatusCode::NO_CONTENT {
            tracing::info!(event = request.effect.event.id, "the gateway's mapping made nothing of an event");
            return Ok(EffectAnswer::Ignored);
        }
        Ok(EffectAnswer::Done(None))
    }
}

/// What never changes of an event, as flat strings: templates of mappings take nothing else.
fn body(request: &EffectRequest) -> Value {
    let event = &request.effect.event;
    let said = [
        ("source", Some("callout".to_owned())),
        ("spec_version", Some(SPEC_VERSION.to_owned())),
        ("type", Some(event.kind.as_str().to_owned())),
        ("event_id", Some(event.id.clone())),
        ("occurred_at", Some(event.at.to_string())),
        ("run_id", event.run.as_ref().map(ToString::to_string)),
        ("workflow", event.workflow.clone()),
        ("state", event.phase.map(|phase| phase.as_str().to_owned())),
        ("step", event.step.map(|step| (u16::from(step) + 1).to_string())),
        ("message", event.message.map(|number| number.to_string())),
        ("approval_id", event.approval.clone()),
    ];
    let fields = said.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    Value::Object(fields.collect::<Map<_, _>>())
}

#[async_trait]
impl DestinationClient for OpenClaw {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        self.deliver(request).await.unwrap_or_else(|answer| answer)
    }
}
