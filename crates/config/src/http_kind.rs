//! Destinations of the kind `http`. In: a table of `integrations.toml`. Out: the kind, whose requests can be made.
//!
//! Never: lets a ticket be opened twice: a service that is not searched must know a repeated request by its key.

use crate::{
    destination_address::AddressRules,
    destination_kind::DestinationKind,
    reader::{Document, Placed, Section},
};

/// Headers that are written by the client, or by a key of their own.
const TAKEN_HEADERS: [&str; 6] =
    ["host", "content-length", "content-type", "transfer-encoding", "connection", "authorization"];
const TOKEN_MARKS: &str = "!#$%&'*+-.^_`|~";

pub(crate) fn read(
    doc: &mut Document<'_>,
    name: &str,
    section: &mut Section<'_>,
    rules: AddressRules,
) -> Option<DestinationKind> {
    let content_type = section.text(doc, "content_type");
    if let Some(text) = content_type.as_ref().filter(|text| !is_header_value(&text.value)) {
        let message =
            format!("{name}.content_type: {:?} is no value of a header, as \"application/json\"", text.value);
        doc.problem(&text.at, message);
    }
    let authorization = section.text(doc, "authorization");
    let idempotency_header = section.text(doc, "idempotency_header");
    let (ticket_key, ticket_url) = (section.text(doc, "ticket_key"), section.text(doc, "ticket_url"));
    let (url, body) = (rules.required(doc, section), section.required_text(doc, "body"));
    if let Some(text) = authorization.as_ref().filter(|text| !text.value.contains("secret")) {
        let message = format!(
            "{name}.authorization: {{{{ secret }}}} is missing, as in \"Bearer {{{{ secret }}}}\"; the secret itself is in the \
             variable that secret_env names"
        );
        doc.problem(&text.at, message);
    }
    if let Some(header) = &idempotency_header {
        check_header(doc, name, header);
    }
    for (key, pointer) in [("ticket_key", &ticket_key), ("ticket_url", &ticket_url)] {
        check_pointer(doc, name, key, pointer.as_ref());
    }
    if let (Some(url), None) = (&ticket_url, &ticket_key) {
        doc.problem(&url.at, format!("{name}.ticket_url: give ticket_key too, which makes it open tickets"));
    }
    if let (Some(key), None) = (&ticket_key, &idempotency_header) {
        let message = format!(
            "{name}.ticket_key: give idempotency_header too, a header by which the service knows a repeated request; \
             without one a lost answer opens a second ticket"
        );
        doc.problem(&key.at, message);
    }
    let value = |text: Option<Placed<String>>| text.map(|text| text.value);
    Some(DestinationKind::Http {
        url: url?,
        body: body?.value,
        content_type: value(content_type).unwrap_or_else(|| "application/json".to_owned()),
        authorization: value(authorization),
        idempotency_header: value(idempotency_header),
        ticket_key: value(ticket_key),
        ticket_url: value(ticket_url),
    })
}

/// Visible characters and blanks, as RFC 9110 has them.
fn is_header_value(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().all(|c| c.is_ascii_graphic() || c == ' ')
}

/// A header's name is a token of RFC 9110.
fn check_header(doc: &mut Document<'_>, name: &str, header: &Placed<String>) {
    let is_token = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || TOKEN_MARKS.contains(c))
    };
    let text = &header.value;
    if !is_token(text) {
        let message =
            format!("{name}.idempotency_header: {text:?} is no name of a header, as \"Idempotency-Key\"");
        doc.problem(&header.at, message);
    } else if TAKEN_HEADERS.contains(&text.to_ascii_lowercase().as_str()) {
        let message = format!(
            "{name}.idempotency_header: {text:?} is written by callout itself; name another, as \"Idempotency-Key\""
        );
        doc.problem(&header.at, message);
    }
}

/// A JSON pointer is one of RFC 6901, to something below the whole answer.
fn check_pointer(doc: &mut Document<'_>, name: &str, key: &str, pointer: Option<&Placed<String>>) {
    let is_pointer = |text: &str| {
        let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        text.starts_with('/') && escapes
    };
    if let Some(pointer) = pointer.filter(|pointer| !is_pointer(&pointer.value)) {
        let message = format!(
            "{name}.{key}: {:?} is no JSON pointer into the answer, as \"/ticket/number\"",
            pointer.value
        );
        doc.problem(&pointer.at, message);
    }
}
