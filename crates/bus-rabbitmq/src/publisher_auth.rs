//! Who may send what. In: the broker user of an event, as the broker vouches for it. Out: a reason to refuse it, or none.
//!
//! Never: trusts the `source` that the event claims for itself, or decides about lanes and workflows.

use std::collections::{BTreeMap, BTreeSet};

use domain::{cloud_event::read_json, event::holds_type};
use serde_json::Value;

/// What one broker user may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The CloudEvents `source` that it speaks for.
    pub source: String,
    /// The event types that it may send; `incident.*` means all that begin so.
    pub types: Vec<String>,
}

/// The broker users whose events are taken.
///
/// The broker refuses a message whose `user_id` is not the user who publishes it, so a `user_id` proves who sent it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublisherAuth {
    /// Our own users, apart from the user of the address: they publish what came over HTTP, where its source was proven, and
    /// what operators replay. A fleet whose roles sign in as different users names them all.
    pub own: BTreeSet<String>,
    /// Everybody else.
    pub producers: BTreeMap<String, Grant>,
}

impl PublisherAuth {
    /// Why an event of this user is refused. Bytes that are no event are passed on: the parser gives the better reason.
    pub(crate) fn refusal(&self, user: Option<&str>, event: &[u8]) -> Option<String> {
        let Some(user) = user else {
            return Some("the event carries no user-id, so its producer is unknown".to_owned());
        };
        if self.own.contains(user) {
            return None;
        }
        let Some(grant) = self.producers.get(user) else {
            return Some(format!("the broker user {user:?} is not trusted with events"));
        };
        // As the parser reads it: another reading could vouch for one source and open runs for another.
        let event = read_json(event).ok()?;
        let attribute = |name: &str| event.get(name).and_then(Value::as_str);
        let (source, kind) = (attribute("source")?, attribute("type")?);
        if source != grant.source {
            return Some(format!("the broker user {user:?} does not speak for the source {source:?}"));
        }
        (!holds_type(&grant.types, kind))
            .then(|| format!("the broker user {user:?} may not send events of type {kind:?}"))
    }
}

#[cfg(test)]
mod tests {
    use domain::event::Event;

    use super::*;

    #[test]
    fn each_user_speaks_for_its_source_and_types_alone() {
        let grant = Grant { source: "billing".to_owned(), types: vec!["invoice.*".to_owned()] };
        let own = ["callout-ingest", "callout-operator"].map(str::to_owned).into();
        let auth = PublisherAuth { own, producers: [("billing-app".to_owned(), grant)].into() };
        let check = |user: Option<&str>, source: &str, kind: &str| {
            let event = serde_json::json!({"source": source, "type": kind}).to_string();
            auth.refusal(user, event.as_bytes())
        };
        assert_eq!(check(Some("billing-app"), "billing", "invoice.due"), None);
        assert_eq!(check(Some("callout-ingest"), "anything", "at.all"), None);
        assert_eq!(check(Some("callout-operator"), "anything", "at.all"), None);
        for (user, source, kind, reason) in [
            (None, "billing", "invoice.due", "user-id"),
            (Some("guest"), "billing", "invoice.due", "not trusted"),
            (Some("billing-app"), "monitor", "invoice.due", "speak for"),
            (Some("billing-app"), "billing", "incident.created", "type"),
        ] {
            let refusal = check(user, source, kind).unwrap();
            assert!(refusal.contains(reason), "{refusal}");
        }
        assert_eq!(auth.refusal(Some("billing-app"), b"no JSON"), None);
        let marked = b"\xef\xbb\xbf{\"source\":\"monitor\",\"type\":\"incident.created\"}";
        assert!(auth.refusal(Some("billing-app"), marked).unwrap().contains("speak for"));
        // Two sources are one too many for the parser.
        let twice =
            br#"{"specversion":"1.0","id":"e","source":"monitor","source":"billing","type":"invoice.due"}"#;
        assert_eq!(auth.refusal(Some("billing-app"), twice), None);
        assert_eq!(Event::from_json(twice).unwrap_err()[0].pointer, "/source");
    }
}
