//! Headers that callout writes and reads. In: properties of a message. Out: a value, if it has the right type.
//!
//! Never: reads a header of a producer as one of ours without asking where the message came from; its callers do that.

use lapin::{BasicProperties, types::AMQPValue};

/// The type of a message with an event.
pub(crate) const EVENT: &str = "callout.event.v1";
/// The header with the id of a dead letter that the store has too.
pub(crate) const LETTER: &str = "callout-letter";
/// How often the work was delivered before it was published again.
pub(crate) const DELIVERIES: &str = "callout-deliveries";
/// The earliest delivery, in Unix milliseconds.
pub(crate) const FIRE_AT: &str = "fire-at";
/// When it was first published, in Unix milliseconds: the property `timestamp` knows only seconds.
pub(crate) const PUBLISHED_AT: &str = "published-at";
/// The broker user that an event came from, kept when the event is published again by one of our own users. Empty: the
/// event named none.
pub(crate) const USER: &str = "callout-user";
/// The rest of where such an event came from, as JSON.
pub(crate) const ORIGIN: &str = "callout-origin";

pub(crate) fn header<'a>(properties: &'a BasicProperties, name: &str) -> Option<&'a AMQPValue> {
    properties.headers().as_ref()?.inner().get(name)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other types are not written by callout")]
pub(crate) fn text(properties: &BasicProperties, name: &str) -> Option<String> {
    match header(properties, name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other types are not written by callout")]
pub(crate) fn number(properties: &BasicProperties, name: &str) -> Option<i64> {
    match header(properties, name)? {
        AMQPValue::LongLongInt(number) => Some(*number),
        AMQPValue::LongInt(number) => Some(i64::from(*number)),
        AMQPValue::LongUInt(number) => Some(i64::from(*number)),
        AMQPValue::ShortInt(number) => Some(i64::from(*number)),
        AMQPValue::ShortShortInt(number) => Some(i64::from(*number)),
        AMQPValue::Timestamp(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}
