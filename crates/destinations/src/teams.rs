//! Microsoft Teams, through a webhook of its Workflows app. In: an effect. Out: a card in a channel or chat.
//!
//! Never: says the address, which is the secret, or shows a text as markup.

use async_trait::async_trait;
use domain::effect::EffectAnswer;
use ports::{DestinationClient, EffectRequest};
use serde_json::{Value, json};
use url::Url;

use crate::{
    page::{facts, headline},
    request::{Requests, send},
};

/// One channel or chat.
pub struct Teams {
    requests: Requests,
    url: Url,
}

impl Teams {
    /// The workflow that this address starts.
    pub fn new(requests: Requests, url: Url) -> Self {
        Self { requests, url }
    }

    async fn deliver(&self, request: &EffectRequest) -> Result<(), EffectAnswer> {
        let message = json!({
            "type": "message",
            "attachments": [{
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": null,
                "content": card(request),
            }],
        });
        send(self.requests.post_json(self.url.clone(), &message)?).await.map(drop)
    }
}

/// An Adaptive Card. Text runs are shown as they are; other texts of a card are read as Markdown.
fn card(request: &EffectRequest) -> Value {
    let event = &request.effect.event;
    let run = |text: String, is_headline: bool| {
        let weight = if is_headline { "Bolder" } else { "Default" };
        json!({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, "weight": weight}]})
    };
    let mut body = vec![run(headline(event), true)];
    body.extend(facts(request).into_iter().map(|line| run(line, false)));
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    });
    let ticket = event.ticket.as_deref().filter(|ticket| ticket.starts_with("https://"));
    if let Some(ticket) = ticket {
        card["actions"] = json!([{"type": "Action.OpenUrl", "title": "Ticket", "url": ticket}]);
    }
    card
}

#[async_trait]
impl DestinationClient for Teams {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        self.deliver(request).await.map_or_else(|answer| answer, |()| EffectAnswer::Done(None))
    }
}
