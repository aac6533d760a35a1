//! Why events were not taken, as RFC 9457 problem details.
//!
//! In: what went wrong. Out: a status and a body that says what, where and what to do.
//! Never: repeats the value of a field, a key or a signature.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use domain::{
    acceptance::NotAccepted,
    agent::AgentRefusal,
    content_encoding::UnpackError,
    limits::{EVENT_BATCH_MAX, EVENT_BODY_BYTES_MAX},
    phone::{identifier_without_numbers, without_numbers},
    plural::counted,
    schema::FieldError,
};
use serde_json::{Value, json};

use crate::problem::problem;

/// How many ids and pointers of one request are logged.
const LISTED_MAX: usize = 10;

/// Why events were not taken. Nothing of the request was.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Fields are wrong.
    #[error("{} {} wrong", counted(.0.len(), "field"), if .0.len() == 1 { "is" } else { "are" })]
    Invalid(Vec<FieldError>),
    /// The body is not what its content type says.
    #[error("{0}")]
    Unreadable(String),
    /// The content type is none of the three forms.
    #[error(
        "send application/cloudevents+json, application/cloudevents-batch+json, or JSON data with ce- headers"
    )]
    UnknownForm,
    /// The body is packed in a way that is not taken.
    #[error("{0}")]
    Encoding(UnpackError),
    /// Neither a known key nor a valid signature.
    #[error(
        "send a known key as `Authorization: Bearer`, or sign the request as Standard Webhooks describe, at most 5 minutes old"
    )]
    Unauthenticated,
    /// No known key at an adapter.
    #[error("send the source's key as `Authorization: Bearer`, or as the password of basic authentication")]
    NoKey,
    /// A known sender, but not for this.
    #[error("{0}")]
    Forbidden(String),
    /// A software agent may not send it on its own.
    #[error("{0}")]
    Agent(AgentRefusal),
    /// Other content under the source and id of another event.
    #[error(
        "another event came first with the same source and id, but other content; give each event an id of its own"
    )]
    Conflict {
        /// Where in the request.
        pointer: String,
    },
    /// More than one request may hold.
    #[error(
        "the body may have {EVENT_BODY_BYTES_MAX} bytes, a batch {EVENT_BATCH_MAX} events; send smaller batches"
    )]
    TooLarge,
    /// More than one notification of a tool may hold.
    #[error(
        "a notification may have {0} bytes; let the tool send fewer alerts at once, such as with max_alerts of Alertmanager"
    )]
    NotificationTooLarge(usize),
    /// Too many requests at once, of a tool that tries again after 5xx alone.
    #[error("too many requests are under way; send this one again")]
    BusyAdapter,
    /// Too many requests at once.
    #[error("too many requests are under way; send this one again")]
    Busy,
    /// The events could not be made durable.
    #[error("the events could not be stored; send them again: {0}")]
    NotStored(String),
}

impl From<NotAccepted> for Problem {
    fn from(reason: NotAccepted) -> Self {
        match reason {
            NotAccepted::Invalid(errors) => Self::Invalid(errors),
            NotAccepted::Forbidden(reason) => Self::Forbidden(reason),
            NotAccepted::Agent(refusal) => Self::Agent(refusal),
            NotAccepted::Conflict { pointer } => Self::Conflict { pointer },
            NotAccepted::NotStored(reason) => Self::NotStored(reason),
        }
    }
}

impl Problem {
    /// The status of its answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::UnknownForm | Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unauthenticated | Self::NoKey => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::Agent(_) => StatusCode::FORBIDDEN,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::TooLarge | Self::NotificationTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::NotStored(_) | Self::BusyAdapter => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether the same request may be taken a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy | Self::BusyAdapter | Self::NotStored(_))
    }

    /// Counts and logs that events were not taken: of which source and with which ids, as far as they are known, and which
    /// fields are wrong. Without numbers that may be a phone's.
    pub fn report(&self, source: Option<&str>, ids: &[String]) {
        let status = self.status();
        telemetry::metrics().intake.rejected(source, status.as_str());
        let listed = |texts: &mut dyn Iterator<Item = &str>| {
            let listed: Vec<_> = texts.take(LISTED_MAX).map(identifier_without_numbers).collect();
            (!listed.is_empty()).then(|| listed.join(" "))
        };
        tracing::info!(
            status = status.as_u16(),
            problem = without_numbers(&self.to_string()),
            "event.source" = source.map(identifier_without_numbers),
            "event.id" = listed(&mut ids.iter().map(String::as_str)),
            pointers = listed(&mut self.pointers()),
            "events were not taken"
        );
    }

    /// Where in the request something is wrong.
    fn pointers(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Invalid(errors) => Box::new(errors.iter().map(|error| error.pointer.as_str())),
            Self::Conflict { pointer } => Box::new(std::iter::once(pointer.as_str())),
            Self::Unreadable(_)
            | Self::UnknownForm
            | Self::Encoding(_)
            | Self::Unauthenticated
            | Self::NoKey
            | Self::Forbidden(_)
            | Self::Agent(_)
            | Self::TooLarge
            | Self::NotificationTooLarge(_)
            | Self::Busy
            | Self::BusyAdapter
            | Self::NotStored(_) => Box::new(std::iter::empty()),
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "The event is not valid",
            Self::Unreadable(_) => "The request cannot be read",
            Self::UnknownForm => "The content type is not one of CloudEvents",
            Self::Encoding(_) => "The content encoding is not taken",
            Self::Unauthenticated | Self::NoKey => "The sender is not known",
            Self::Forbidden(_) | Self::Agent(_) => "The sender may not send this",
            Self::Conflict { .. } => "The id belongs to another event",
            Self::TooLarge | Self::NotificationTooLarge(_) => "The request is too large",
            Self::Busy | Self::BusyAdapter => "Too many requests",
            Self::NotStored(_) => "The events could not be stored",
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let errors = match &self {
            Self::Invalid(errors) => {
                let errors = errors.iter().map(|e| json!({"pointer": e.pointer, "detail": e.message}));
                json!({"errors": errors.collect::<Vec<_>>()})
            }
            Self::Conflict { pointer } => {
                json!({"errors": [{"pointer": pointer, "detail": "the id of another event"}]})
            }
            // A word by which an agent knows that it should stop.
            Self::Agent(refusal) => json!({"code": refusal.code()}),
            Self::Unreadable(_)
            | Self::UnknownForm
            | Self::Encoding(_)
            | Self::Unauthenticated
            | Self::NoKey
            | Self::Forbidden(_)
            | Self::TooLarge
            | Self::NotificationTooLarge(_)
            | Self::Busy
            | Self::BusyAdapter
            | Self::NotStored(_) => Value::Null,
        };
        let mut response = problem(status, self.title(), &self.to_string(), errors);
        let headers = response.headers_mut();
        if self.is_passing() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if matches!(self, Self::Encoding(_)) {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if matches!(self, Self::Unauthenticated | Self::NoKey) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_says_so_in_the_way_that_its_sender_understands() {
        for (problem, status) in [
            (Problem::Busy, StatusCode::TOO_MANY_REQUESTS),
            // Alertmanager 0.25 gives up after 429.
            (Problem::BusyAdapter, StatusCode::SERVICE_UNAVAILABLE),
            (Problem::NotStored("full".to_owned()), StatusCode::SERVICE_UNAVAILABLE),
        ] {
            assert!(problem.is_passing());
            let response = problem.into_response();
            assert_eq!(response.status(), status);
            assert!(response.headers().contains_key(header::RETRY_AFTER), "{status}");
        }
    }
}
