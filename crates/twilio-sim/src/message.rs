//! One message, and the JSON Twilio writes for it. In: what was created. Out: the resource of the API.
//!
//! Never: decides when a status changes.

use domain::provider::ProviderMessageId;
use jiff::{Timestamp, fmt::rfc2822, tz::TimeZone};
use serde::Serialize;

/// The API's version, part of every path.
pub(crate) const API_VERSION: &str = "2010-04-01";

/// A message's status, in Twilio's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the word of Twilio's documentation")]
pub enum Status {
    Accepted,
    Scheduled,
    Queued,
    Sent,
    Delivered,
    Undelivered,
    Failed,
    Canceled,
    Received,
}

impl Status {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Scheduled => "scheduled",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Received => "received",
        }
    }

    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        match self {
            Self::Accepted | Self::Scheduled | Self::Queued | Self::Sent => false,
            Self::Delivered | Self::Undelivered | Self::Failed | Self::Canceled | Self::Received => true,
        }
    }

    /// Whether the text is known not to have arrived.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::Undelivered | Self::Failed | Self::Canceled)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) sid: ProviderMessageId,
    pub(crate) inbound: bool,
    pub(crate) to: String,
    pub(crate) from: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) body: String,
    pub(crate) media: usize,
    pub(crate) segments: u8,
    pub(crate) status: Status,
    pub(crate) error_code: Option<u32>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) sent: Option<Timestamp>,
    /// Steps of its plan that were taken.
    pub(crate) steps: usize,
    /// Identifies the text in the report, by receiver and body.
    pub(crate) text_key: u128,
    pub(crate) message_id: Option<String>,
}

/// The resource, field by field as Twilio orders and types them.
#[derive(Serialize)]
pub(crate) struct Resource<'a> {
    body: &'a str,
    num_segments: String,
    direction: &'static str,
    from: Option<&'a str>,
    date_updated: String,
    price: Option<&'a str>,
    error_message: Option<&'static str>,
    uri: String,
    account_sid: &'a str,
    num_media: String,
    to: &'a str,
    date_created: String,
    status: &'static str,
    sid: &'a str,
    date_sent: Option<String>,
    messaging_service_sid: Option<&'a str>,
    error_code: Option<u32>,
    price_unit: &'static str,
    api_version: &'static str,
    subresource_uris: SubresourceUris,
}

#[derive(Serialize)]
struct SubresourceUris {
    media: String,
}

impl Record {
    pub(crate) fn resource<'a>(&'a self, account_sid: &'a str) -> Resource<'a> {
        let path = format!("/{API_VERSION}/Accounts/{account_sid}/Messages/{}", self.sid);
        let created = rfc2822_of(self.created);
        // A sender that is not chosen yet leaves the parts uncounted.
        let segments = if self.from.is_none() { 0 } else { self.segments };
        Resource {
            body: &self.body,
            num_segments: segments.to_string(),
            direction: if self.inbound { "inbound" } else { "outbound-api" },
            from: self.from.as_deref(),
            date_updated: if self.updated == self.created {
                created.clone()
            } else {
                rfc2822_of(self.updated)
            },
            price: None,
            error_message: self.error_code.map(twilio::error_code::meaning),
            uri: format!("{path}.json"),
            account_sid,
            num_media: self.media.to_string(),
            to: &self.to,
            date_created: created,
            status: self.status.word(),
            sid: self.sid.as_str(),
            date_sent: self.sent.map(rfc2822_of),
            messaging_service_sid: self.service.as_deref(),
            error_code: self.error_code,
            price_unit: "USD",
            api_version: API_VERSION,
            subresource_uris: SubresourceUris { media: format!("{path}/Media.json") },
        }
    }
}

/// `Thu, 24 Aug 2023 05:01:45 +0000`, as Twilio writes dates.
pub(crate) fn rfc2822_of(time: Timestamp) -> String {
    rfc2822::to_string(&time.to_zoned(TimeZone::UTC)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_twilio_writes_them() {
        let time = "2023-08-24T05:01:45.678Z".parse().unwrap();
        assert_eq!(rfc2822_of(time), "Thu, 24 Aug 2023 05:01:45 +0000");
    }
}
