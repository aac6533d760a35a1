//! Names of spans and fields, after OpenTelemetry's messaging conventions.
//!
//! The conventions are still in development; when they change, the names change here and nowhere else.

/// Span of the work on one delivery (consumer).
pub const SPAN_PROCESS: &str = "process";
/// Span of one request to the provider (client).
pub const SPAN_SUBMIT: &str = "submit";
/// Span of accepting one event (producer).
pub const SPAN_ACCEPT: &str = "accept";

/// The queue that a delivery came from.
pub const DESTINATION: &str = "messaging.destination.name";
/// The operation on the delivery, for example `process`.
pub const OPERATION: &str = "messaging.operation.name";
/// The event's source.
pub const EVENT_SOURCE: &str = "event.source";
/// The event's id within its source.
pub const EVENT_ID: &str = "event.id";
/// The id of the run.
pub const RUN: &str = "run.id";
/// The id of the message.
pub const MESSAGE: &str = "message.id";
/// The provider's id of the message.
pub const MESSAGE_SID: &str = "message.sid";
/// The number of the recipient, masked.
pub const RECIPIENT: &str = "message.recipient";
/// Requests made for the message.
pub const ATTEMPTS: &str = "message.attempts";
/// The message's final status.
pub const STATUS: &str = "message.status";
