//! Names of spans and fields, after OpenTelemetry's messaging conventions, which are still in development:
//! an upgrade of the names happens here and nowhere else.

/// Span of one delivery being worked on (consumer).
pub const SPAN_PROCESS: &str = "process";
/// Span of one request to the provider (client).
pub const SPAN_SUBMIT: &str = "submit";
/// Span of one event being taken (producer).
pub const SPAN_ACCEPT: &str = "accept";

/// The queue a delivery came from.
pub const DESTINATION: &str = "messaging.destination.name";
/// What is done with the delivery.
pub const OPERATION: &str = "messaging.operation.name";
/// The event's source.
pub const EVENT_SOURCE: &str = "event.source";
/// The event's id within its source.
pub const EVENT_ID: &str = "event.id";
/// The run.
pub const RUN: &str = "run.id";
/// The message of the run.
pub const MESSAGE: &str = "message.id";
/// The provider's name for the message.
pub const MESSAGE_SID: &str = "message.sid";
/// The recipient, masked.
pub const RECIPIENT: &str = "message.recipient";
/// Requests made for the message.
pub const ATTEMPTS: &str = "message.attempts";
/// The message's final status.
pub const STATUS: &str = "message.status";
