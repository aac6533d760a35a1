//! Slack's incoming webhooks. In: an effect. Out: one line in a channel.
//!
//! Never: says the address, which is the secret.

use async_trait::async_trait;
use domain::effect::EffectAnswer;
use ports::{DestinationClient, EffectRequest};
use serde_json::json;
use url::Url;

use crate::{
    page::headline,
    request::{Requests, send},
};

/// One channel.
pub struct Slack {
    requests: Requests,
    url: Url,
}

impl Slack {
    /// The channel that this address leads to.
    pub fn new(requests: Requests, url: Url) -> Self {
        Self { requests, url }
    }

    async fn deliver(&self, request: &EffectRequest) -> Result<(), EffectAnswer> {
        let event = &request.effect.event;
        // What Slack would read as a link, a mention or a command.
        let line = headline(event).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let ticket = event.ticket.as_ref().map(|ticket| format!(" {ticket}")).unwrap_or_default();
        let body = json!({"text": format!("{line}{ticket}")});
        send(self.requests.post_json(self.url.clone(), &body)?).await.map(drop)
    }
}

#[async_trait]
impl DestinationClient for Slack {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        self.deliver(request).await.map_or_else(|answer| answer, |()| EffectAnswer::Done(None))
    }
}
