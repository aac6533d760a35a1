//! What Twilio writes. In: bodies of API answers. Out: [`ProviderMessage`]s, or the code of an error.
//!
//! Never: fails on a field it does not need, or keeps an error's text, which may hold a whole phone number.

use domain::provider::{ProviderMessage, ProviderMessageId, ProviderStatus, Text};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use serde::Deserialize;
use serde_json::Value;

use crate::message_sid;

static RFC2822: DateTimeParser = DateTimeParser::new();

/// A message, with the fields we use.
#[derive(Deserialize)]
pub(crate) struct MessageResource {
    pub(crate) sid: String,
    #[serde(default)]
    pub(crate) status: Option<String>,
    #[serde(default)]
    direction: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    messaging_service_sid: Option<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    date_created: Option<String>,
    #[serde(default)]
    num_segments: Option<Value>,
    #[serde(default)]
    error_code: Option<Value>,
}

/// One page of a list.
#[derive(Deserialize)]
pub(crate) struct MessagePage {
    pub(crate) messages: Vec<MessageResource>,
    #[serde(default)]
    pub(crate) next_page_uri: Option<String>,
}

/// What a create answer has to say; everything else in it is skipped unread.
#[derive(Deserialize)]
pub(crate) struct Created<'a> {
    #[serde(borrow)]
    pub(crate) sid: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) status: Option<std::borrow::Cow<'a, str>>,
}

/// An error answer that Twilio itself wrote, whatever its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ApiError {
    /// Absent from some legacy answers.
    pub(crate) code: Option<u32>,
}

impl MessageResource {
    /// The message in our words; `None` if it is inbound, or lacks what makes it one.
    pub(crate) fn into_provider_message(self) -> Option<ProviderMessage> {
        if self.direction.as_deref() == Some("inbound") {
            return None;
        }
        Some(ProviderMessage {
            sid: message_sid(&self.sid).ok()?,
            status: status_or_floor(self.status.as_deref()),
            error_code: self.error_code.as_ref().and_then(number),
            to: self.to?.parse().ok()?,
            from: self.from.filter(|from| !from.is_empty()),
            service: self.messaging_service_sid.filter(|sid| !sid.is_empty()),
            body: Text(self.body.unwrap_or_default().into()),
            created_at: timestamp(&self.date_created?)?,
            // "0" is written while the sender is not chosen yet.
            segments: self
                .num_segments
                .as_ref()
                .and_then(number)
                .and_then(|n| u8::try_from(n).ok())
                .filter(|n| *n > 0),
        })
    }

    /// When it was created, if that is readable.
    pub(crate) fn created_at(&self) -> Option<Timestamp> {
        timestamp(self.date_created.as_deref()?)
    }
}

/// Twilio's word for a status in ours; `None` for a word that says nothing about an outbound text.
pub(crate) fn status(word: &str) -> Option<ProviderStatus> {
    Some(match word {
        "accepted" | "scheduled" => ProviderStatus::Accepted,
        "queued" => ProviderStatus::Queued,
        "sending" => ProviderStatus::Sending,
        "sent" => ProviderStatus::Sent,
        // Only channels with read receipts say `read`, and only after it arrived.
        "delivered" | "read" => ProviderStatus::Delivered,
        "undelivered" => ProviderStatus::Undelivered,
        // A withdrawn message was never sent.
        "failed" | "canceled" => ProviderStatus::Failed,
        _ => return None,
    })
}

/// As [`status`], for a message that certainly exists: an unknown word moves nothing, so it has the lowest rank.
pub(crate) fn status_or_floor(word: Option<&str>) -> ProviderStatus {
    word.and_then(status).unwrap_or(ProviderStatus::Accepted)
}

/// Reads any of the error shapes: legacy `{code, message, status}`, RFC 9457, V1's `{code, message,
/// httpStatusCode}`, and `{errors: [{code, …}]}`. `None` if Twilio did not write this.
pub(crate) fn api_error(body: &[u8]) -> Option<ApiError> {
    let Value::Object(fields) = serde_json::from_slice(body).ok()? else { return None };
    if let Some(code) = fields.get("code").and_then(number) {
        return Some(ApiError { code: Some(code) });
    }
    if let Some(first) = fields.get("errors").and_then(Value::as_array).and_then(|errors| errors.first()) {
        return first.get("code").and_then(number).map(|code| ApiError { code: Some(code) });
    }
    let has = |name| fields.contains_key(name);
    let legacy = has("status") && has("message");
    let rfc9457 = has("type") && has("title") && has("status");
    let v1 = has("message") && has("httpStatusCode");
    (legacy || rfc9457 || v1).then_some(ApiError { code: None })
}

/// An RFC 2822 date, as in `Thu, 24 Aug 2023 05:01:45 +0000`.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    RFC2822.parse_timestamp(text).ok()
}

/// The message's SID and first status, from a create answer.
pub(crate) fn created(body: &[u8]) -> Option<(ProviderMessageId, ProviderStatus)> {
    let created: Created<'_> = serde_json::from_slice(body).ok()?;
    Some((message_sid(&created.sid).ok()?, status_or_floor(created.status.as_deref())))
}

/// Numbers come as numbers or as strings, depending on the field and on its age.
pub(crate) fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource() -> Value {
        json!({
            "sid": "SM00000000000000000000000000000001", "status": "undelivered", "direction": "outbound-api",
            "to": "+14155550100", "from": "+15005550006", "messaging_service_sid": null, "body": "hello",
            "date_created": "Thu, 24 Aug 2023 05:01:45 +0000", "num_segments": "2", "error_code": 30003, "tags": {}
        })
    }

    fn read(value: Value) -> Option<ProviderMessage> {
        serde_json::from_value::<MessageResource>(value).unwrap().into_provider_message()
    }

    #[test]
    fn a_message_is_read_with_its_types() {
        let message = read(resource()).unwrap();
        assert_eq!(message.status, ProviderStatus::Undelivered);
        assert_eq!((message.error_code, message.segments), (Some(30003), Some(2)));
        assert_eq!(message.created_at, "2023-08-24T05:01:45Z".parse().unwrap());
        assert_eq!((message.from.as_deref(), message.service), (Some("+15005550006"), None));
    }

    #[test]
    fn what_is_missing_or_new_in_a_message_is_survived() {
        let mut value = resource();
        value["status"] = json!("teleported");
        value["num_segments"] = json!("0");
        value["from"] = Value::Null;
        value["body"] = Value::Null;
        let message = read(value).unwrap();
        assert_eq!((message.status, message.segments, message.from), (ProviderStatus::Accepted, None, None));
    }

    #[test]
    fn an_inbound_message_is_not_ours() {
        let mut value = resource();
        value["direction"] = json!("inbound");
        assert_eq!(read(value), None);
    }

    #[test]
    fn every_status_word_has_its_meaning() {
        for (word, meaning) in [
            ("accepted", Some(ProviderStatus::Accepted)),
            ("scheduled", Some(ProviderStatus::Accepted)),
            ("queued", Some(ProviderStatus::Queued)),
            ("sending", Some(ProviderStatus::Sending)),
            ("sent", Some(ProviderStatus::Sent)),
            ("delivered", Some(ProviderStatus::Delivered)),
            ("read", Some(ProviderStatus::Delivered)),
            ("undelivered", Some(ProviderStatus::Undelivered)),
            ("failed", Some(ProviderStatus::Failed)),
            ("canceled", Some(ProviderStatus::Failed)),
            ("partially_delivered", None),
            ("receiving", None),
            ("received", None),
        ] {
            assert_eq!(status(word), meaning, "{word}");
        }
    }

    #[test]
    fn every_error_shape_is_read() {
        let coded = Some(ApiError { code: Some(21211) });
        for (body, expected) in [
            (json!({"code": 21211, "message": "m", "more_info": "u", "status": 400}), coded),
            (json!({"message": "m", "status": 400}), Some(ApiError { code: None })),
            (json!({"type": "t", "title": "t", "status": 400, "code": 21211}), coded),
            (json!({"code": "21211", "message": "m", "httpStatusCode": 400, "userError": true}), coded),
            (json!({"errors": [{"code": 21211, "message": "m"}]}), coded),
            (json!({"errors": []}), None),
            (json!({"hello": "world"}), None),
            (json!([1, 2]), None),
        ] {
            assert_eq!(api_error(body.to_string().as_bytes()), expected, "{body}");
        }
        assert_eq!(api_error(b"<html>Bad gateway</html>"), None);
        assert_eq!(api_error(b"\xff\xfe"), None);
    }
}
