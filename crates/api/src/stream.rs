//! What happens, as it happens: outcome events as server-sent events, which a reader resumes where it stopped.
//!
//! The log that streams read is written by the role `integrations`, as one more destination: an event is in it once,
//! after the change that it tells of was stored, whatever dies in between.
//!
//! In: the position of the last event that was read. Out: later events, in order.
//! Never: decides who sees what: `control` does.

use std::{convert::Infallible, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use control::{Answer, Request};
use domain::{
    effect::{EffectAnswer, OutcomeEvent},
    time::after_ms,
};
use futures::{Stream, StreamExt as _, stream};
use ports::{DestinationClient, EffectRequest, OutcomeLog};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{api_error::ApiError, api_state::Api, authenticate::Authenticated, parameter::parsed};

/// Events that are kept for readers that come back.
const KEPT_MAX: u32 = 20_000;
/// How often the log is read for one reader, in milliseconds.
const READ_EVERY_MS: i64 = 500;
/// How often a stream says that it lives.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(15);

/// Writes outcome events into the log.
pub struct StreamClient(pub Arc<dyn OutcomeLog>);

#[async_trait]
impl DestinationClient for StreamClient {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        match self.0.log_outcome(&request.effect.event, KEPT_MAX).await {
            Ok(()) => EffectAnswer::Done(None),
            Err(error) => EffectAnswer::Failed { reason: error.to_string(), is_in_doubt: true },
        }
    }
}

pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/v1/stream", get(follow))
}

/// Where to begin.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamParameters {
    /// After the event with this id of the stream; `0` is the oldest that is kept. From now on without it. The header
    /// `Last-Event-ID`, which browsers send when they come back, counts more.
    #[param(value_type = Option<u64>)]
    after: Option<String>,
}

/// Where to begin for who comes back.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what `position` reads")]
struct LastEventId {
    /// The id of the last event that was read.
    #[param(rename = "Last-Event-ID", value_type = String, required = false, pattern = "^[0-9]{1,19}$")]
    id: Option<String>,
}

/// Follows what happens: each event's `data` is a CloudEvent by docs/schemas/outcome-event.json, its `event` the type.
#[utoipa::path(get, path = "/v1/stream", operation_id = "follow_stream", tag = "installation",
    params(StreamParameters, LastEventId),
    responses((status = 200, content_type = "text/event-stream", body = String),
        (status = "4XX", body = crate::api_error::Problem, content_type = "application/problem+json"),
        (status = 503, body = crate::api_error::Problem, content_type = "application/problem+json")))]
pub(crate) async fn follow(
    State(api): State<Arc<Api>>,
    who: Authenticated,
    parameters: Result<Query<StreamParameters>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asked = parsed("after", parameters?.after.as_deref(), "the id of an event of the stream", "17")?;
    let after = position(&headers)?.or(asked);
    let (_, after) = ask(&api, &who, Request::FindPosition { after }).await?;
    let keep_alive = KeepAlive::new().interval(SIGN_OF_LIFE_EVERY);
    // Says where the reader begins, so that it can come back there before the first event.
    let begins = stream::iter([Ok(Event::default().id(after.to_string()))]);
    let events = begins.chain(events(api, who, after));
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

fn position(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    id.map(Some).ok_or_else(|| ApiError::Invalid("Last-Event-ID: expected the id of an event".to_owned()))
}

/// Pages of the log, each waited for, until the process stops or the reader goes.
fn events(api: Arc<Api>, who: Authenticated, after: u64) -> impl Stream<Item = Result<Event, Infallible>> {
    let pages = stream::unfold((api, who, after), async |(api, who, mut after)| {
        loop {
            // A token that is revoked or has expired, and the stop of an agent, end what it opened.
            if !api.ports.control.is_in_force(&who.principal).await {
                return None;
            }
            let before = after;
            let page = match ask(&api, &who, Request::ReadStream { after }).await {
                Ok((page, read)) => {
                    after = read;
                    page
                }
                Err(error) => {
                    tracing::warn!(%error, "outcome events could not be read; it is tried again");
                    Vec::new()
                }
            };
            let seen: Vec<Event> = page.iter().map(|(position, event)| written(*position, event)).collect();
            if !seen.is_empty() {
                return Some((stream::iter(seen.into_iter().map(Ok)), (api, who, after)));
            }
            let next = after_ms(api.ports.clock.now(), READ_EVERY_MS);
            tokio::select! {
                () = api.ports.clock.sleep_until(next), if after == before => {}
                () = api.settings.stop.cancelled() => return None,
                () = std::future::ready(()), if after != before => {}
            }
        }
    });
    pages.flatten()
}

/// The events that the reader sees, and the position up to which the log was read.
async fn ask(
    api: &Api,
    who: &Authenticated,
    request: Request,
) -> Result<(Vec<(u64, OutcomeEvent)>, u64), ApiError> {
    let answer = api.ports.control.execute(&who.principal, request).await?;
    let Answer::Stream { events, after } = answer else { return Err(ApiError::Unexpected) };
    Ok((events, after))
}

fn written(position: u64, event: &OutcomeEvent) -> Event {
    let data = event.to_cloud_event().to_string();
    Event::default().id(position.to_string()).event(event.kind.as_str()).data(data)
}
