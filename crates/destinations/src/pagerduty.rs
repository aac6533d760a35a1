//! PagerDuty, Events API v2. In: an effect. Out: one event; all that is said of a run shares a deduplication key.
//!
//! Never: triggers anew for a run that is over.

use async_trait::async_trait;
use domain::effect::{EffectAnswer, OutcomeKind};
use ports::{DestinationClient, EffectRequest};
use serde_json::json;
use url::Url;

use crate::{
    Token,
    cloud_event::cloud_event,
    page::headline,
    request::{Requests, send},
};

/// One integration of a service.
#[derive(Debug)]
pub struct PagerDuty {
    requests: Requests,
    enqueue: Url,
    routing_key: Token,
}

impl PagerDuty {
    /// Events for the integration with this key.
    pub fn new(requests: Requests, api: &Url, routing_key: Token) -> Self {
        let mut enqueue = api.clone();
        enqueue.set_path("/v2/enqueue");
        Self { requests, enqueue, routing_key }
    }

    async fn deliver(&self, request: &EffectRequest) -> Result<(), EffectAnswer> {
        let event = &request.effect.event;
        // That sending goes on ends what was triggered when it stopped.
        let of_sending = matches!(event.kind, OutcomeKind::SendingStopped | OutcomeKind::SendingResumed);
        let own = if of_sending { "sending" } else { &event.id };
        // What is decided about an approval ends what asked for it, and not what its run triggered.
        let run = event.run.as_ref().map(|run| run.as_str());
        let key = event.approval.as_deref().or(run).unwrap_or(own);
        let body = json!({
            "routing_key": self.routing_key.expose(),
            "event_action": action(event.kind),
            "dedup_key": format!("callout/{key}"),
            "payload": {
                "summary": headline(event),
                "source": event.source.as_deref().unwrap_or("callout"),
                "severity": "critical",
                "timestamp": event.at.to_string(),
                "class": event.kind.as_str(),
                "custom_details": cloud_event(request, false)["data"],
            },
        });
        send(self.requests.post_json(self.enqueue.clone(), &body)?).await.map(drop)
    }
}

fn action(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::RunResolved
        | OutcomeKind::RunCancelled
        | OutcomeKind::RunCompleted
        | OutcomeKind::SendingResumed
        | OutcomeKind::ApprovalDecided => "resolve",
        OutcomeKind::RunAcknowledged => "acknowledge",
        OutcomeKind::RunOpened
        | OutcomeKind::RunEscalated
        | OutcomeKind::RunExhausted
        | OutcomeKind::RunSuppressed
        | OutcomeKind::RunExpired
        | OutcomeKind::MessageUndeliverable
        | OutcomeKind::MessageNeedsReview
        | OutcomeKind::DeadLetterCreated
        | OutcomeKind::ConsentChanged
        | OutcomeKind::TicketWanted
        | OutcomeKind::TicketOpened
        | OutcomeKind::TicketFailed
        | OutcomeKind::SendingStopped
        | OutcomeKind::ApprovalRequested => "trigger",
    }
}

#[async_trait]
impl DestinationClient for PagerDuty {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        self.deliver(request).await.map_or_else(|answer| answer, |()| EffectAnswer::Done(None))
    }
}
