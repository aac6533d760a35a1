//! The page behind the link of a text. In: a browser with the link. Out: what the run is about, with a button; and an
//! acknowledgement where the button was pressed.
//!
//! Never: acknowledges because a page was fetched: scanners and previews fetch every link; or because another site's page
//! sent a form. Never says of an unknown link why it is not known.

use std::sync::Arc;

use askama::Template as _;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderName, StatusCode, Uri, header},
    response::{Html, IntoResponse, Redirect, Response},
};
use domain::{
    ack_link::linked_message,
    id::MessageId,
    link_secret::LINK_PATH,
    message::Message,
    quiet_hours,
    run::{Run, RunPhase},
};
use jiff::tz::TimeZone;
use runtime::RoleError;

use crate::{callback_ports::CallbackPorts, receiver::Receiver};

/// The path of every link.
pub(crate) const ROUTE: &str = "/a/{message}/{secret}";
const _: () = assert!(LINK_PATH.len() == 3, "the route begins with LINK_PATH");

#[derive(askama::Template)]
#[template(path = "link.html")]
struct Page<'a> {
    about: &'a str,
    workflow: &'a str,
    opened_at: String,
    /// Whether the button is there.
    is_open: bool,
    /// What is to be said instead.
    state: String,
}

#[derive(askama::Template)]
#[template(path = "notice.html")]
struct Notice<'a> {
    text: &'a str,
}

/// A run as its link shows it.
struct Linked {
    message: MessageId,
    run: Arc<Run>,
    /// The name of whom the text went to.
    whom: String,
    zone: TimeZone,
}

pub(crate) async fn show(
    State(receiver): State<Arc<Receiver>>,
    Path((message, secret)): Path<(String, String)>,
) -> Response {
    match find(&receiver.ports, &message, &secret).await {
        Ok(Some(linked)) => match page(&receiver.ports, &linked).await {
            Ok(text) => answer(StatusCode::OK, text),
            Err(error) => unavailable(&error),
        },
        Ok(None) => unknown(),
        Err(error) => unavailable(&error),
    }
}

pub(crate) async fn acknowledge(
    State(receiver): State<Arc<Receiver>>,
    Path((message, secret)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if is_from_elsewhere(&headers, receiver.ports.runs.link_base()) {
        return elsewhere();
    }
    let linked = match find(&receiver.ports, &message, &secret).await {
        Ok(Some(linked)) => linked,
        Ok(None) => return unknown(),
        Err(error) => return unavailable(&error),
    };
    let number = linked.message.number;
    let acknowledged = receiver.ports.runs.apply(&linked.message.run, |run, ctx| {
        run.acknowledge_by_link(&linked.whom, number, ctx);
    });
    match acknowledged.await {
        // A page that is loaded again then asks for nothing.
        Ok(_) => with_headers(Redirect::to(&format!("{LINK_PATH}{message}/{secret}")).into_response()),
        Err(error) => unavailable(&error),
    }
}

async fn find(ports: &CallbackPorts, message: &str, secret: &str) -> Result<Option<Linked>, RoleError> {
    let Ok(message) = message.parse::<MessageId>() else { return Ok(None) };
    let Some(run) = ports.runs.load(&message.run).await?.map(|run| run.value) else { return Ok(None) };
    let workflow = ports.runs.workflow_of(&run).await?;
    let linked = linked_message(&run, message.number, secret, &workflow, ports.runs.now());
    let Some(recipient) = linked.map(|message| message.recipient()) else { return Ok(None) };
    let contact = ports.runs.contact_with(&recipient.number);
    let zone = contact.as_ref().map(|contact| contact.time_zone.clone()).or(recipient.time_zone.clone());
    let whom = contact.map_or_else(|| recipient.shown_name(), |contact| contact.name);
    let zone = zone.and_then(|zone| quiet_hours::zone(&zone)).unwrap_or(TimeZone::UTC);
    Ok(Some(Linked { message, run, whom, zone }))
}

async fn page(ports: &CallbackPorts, linked: &Linked) -> Result<String, RoleError> {
    let Linked { run, zone, .. } = linked;
    let number = linked.message.number;
    let takes_part = run.phase() == RunPhase::Active && run.is_acknowledged_by(number);
    let at = |time: jiff::Timestamp| time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string();
    // A digest is of other runs as well, which may wait though this one does not.
    let is_open = (run.phase() == RunPhase::Active && !takes_part) || run.awaits_digest_reply(number);
    let others = run.message(number).and_then(Message::digest).map_or(0, |digest| digest.members.len());
    let about = match others {
        0 => run.about().to_owned(),
        others => format!("{} +{others}", run.about()),
    };
    let state = if run.phase() == RunPhase::Acknowledged {
        let by = ports.runs.acknowledged(run.id()).await?;
        by.map_or_else(String::new, |(by, when)| format!("Acknowledged by {by}, {}", at(when)))
    } else if takes_part {
        format!("Acknowledged by you. Still waiting for {}", run.awaited_beside(number).join(", "))
    } else {
        format!("Over: {}", run.phase().as_str())
    };
    let page =
        Page { about: &about, workflow: run.workflow(), opened_at: at(run.opened_at()), is_open, state };
    Ok(page.render().unwrap_or_default())
}

/// Whether a page of another site has the browser post this. The page itself sends no referrer, so that its browser names
/// the origin `null`.
fn is_from_elsewhere(headers: &HeaderMap, base: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let own = base.parse::<Uri>().ok();
    // Without a proxy that changes it, the host is that of the request.
    let hosts = [own.as_ref().and_then(|uri| uri.authority()).map(|own| own.as_str()), text("host")];
    let is_foreign = |origin: &str| {
        let host = origin.split_once("://").map(|(_, host)| host);
        origin != "null" && (host.is_none() || !hosts.contains(&host))
    };
    text("sec-fetch-site").is_some_and(|site| site == "cross-site") || text("origin").is_some_and(is_foreign)
}

fn elsewhere() -> Response {
    let text = "Another site sent this. Open the link of the text itself, and press its button.";
    answer(StatusCode::FORBIDDEN, Notice { text }.render().unwrap_or_default())
}

fn unknown() -> Response {
    let text = "This link is not known, or its time is over.";
    answer(StatusCode::NOT_FOUND, Notice { text }.render().unwrap_or_default())
}

fn unavailable(error: &RoleError) -> Response {
    tracing::warn!(%error, "a link could not be answered");
    let text = "This cannot be answered at the moment. Try again, or reply to the text with its code.";
    answer(StatusCode::SERVICE_UNAVAILABLE, Notice { text }.render().unwrap_or_default())
}

fn answer(status: StatusCode, text: String) -> Response {
    with_headers((status, Html(text)).into_response())
}

/// The page holds no script and nothing of others; the link, which is a secret, is told to nobody.
fn with_headers(mut response: Response) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        response.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    response
}
