//! Who published a message. In: a delivery, and the users that are our own. Out: the broker user, and what a dead letter
//! keeps of the message.
//!
//! Never: takes a producer's word for its user: what the header of [`USER`] says counts only in messages of our own.

use domain::broker_origin::BrokerOrigin;
use lapin::{BasicProperties, types::FieldTable};

use crate::{
    cloud_event::json_of,
    headers::{DELIVERIES, EVENT, FIRE_AT, LETTER, ORIGIN, PUBLISHED_AT, USER, text},
    publisher_auth::PublisherAuth,
};

/// What the broker writes.
const OF_BROKER: [&str; 5] =
    ["x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count"];
const OURS: [&str; 7] = [LETTER, DELIVERIES, FIRE_AT, PUBLISHED_AT, USER, ORIGIN, "x-delay"];

/// The user to whose name a message is taken. `only_ours_publish`: it came through an exchange that producers may not
/// write to.
pub(crate) fn publisher(
    properties: &BasicProperties,
    only_ours_publish: bool,
    auth: Option<&PublisherAuth>,
) -> Option<String> {
    let vouched = properties.user_id().as_ref().map(ToString::to_string);
    let Some(said) = text(properties, USER) else { return if only_ours_publish { None } else { vouched } };
    let is_ours = |user: &String| auth.is_some_and(|auth| auth.own.contains(user));
    // A producer that writes this header is nobody.
    (only_ours_publish || vouched.as_ref().is_some_and(is_ours))
        .then_some(said)
        .filter(|user| !user.is_empty())
}

/// Where an event came from. `None`: from a process of callout, which knows the source by other means.
pub(crate) fn origin(
    properties: &BasicProperties,
    user: Option<&String>,
    auth: Option<&PublisherAuth>,
) -> Option<BrokerOrigin> {
    if let Some(kept) =
        text(properties, ORIGIN).and_then(|kept| serde_json::from_str::<BrokerOrigin>(&kept).ok())
    {
        // Bounded once more: producers may write this header too.
        return Some(BrokerOrigin {
            headers_left_out: kept.headers_left_out,
            ..BrokerOrigin::new(user.cloned(), kept.content_type, kept.headers)
        });
    }
    let is_ours = auth.is_none_or(|auth| user.is_some_and(|user| auth.own.contains(user)));
    if is_ours && properties.kind().as_ref().is_some_and(|kind| kind.as_str() == EVENT) {
        return None;
    }
    let headers = properties.headers().iter().flat_map(FieldTable::inner).filter_map(|(name, value)| {
        let name = name.as_str();
        let is_other = OURS.contains(&name) || OF_BROKER.iter().any(|start| name.starts_with(start));
        let value = json_of(value);
        (!is_other)
            .then(|| (name.to_owned(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    });
    let content_type = properties.content_type().as_ref().map(ToString::to_string);
    Some(BrokerOrigin::new(user.cloned(), content_type, headers))
}
