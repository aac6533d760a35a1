//! Events: CloudEvents 1.0 records from trusted sources.
//!
//! In: JSON as it came over HTTP or AMQP. Out: [`Event`], or every field that is wrong with it.
//! Never: knows which workflows exist, or who may send what.

mod attributes;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{cloud_event, id::digest, number, schema::FieldError};

use attributes::{data_object, data_of_base64, optional_text, required_text, time_of};

/// What names an event for ever: its source and the source's id for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventKey {
    /// CloudEvents `source`.
    pub source: String,
    /// CloudEvents `id`, unique within the source.
    pub id: String,
}

/// What an event says, in short: its type, subject and data. Two deliveries of one event have the same, whatever times
/// they bear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(u64);

impl ContentHash {
    /// The number under which it is stored.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl From<u64> for ContentHash {
    fn from(stored: u64) -> Self {
        Self(stored)
    }
}

/// One accepted event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What names it.
    #[serde(flatten)]
    pub key: EventKey,
    /// CloudEvents `type`, for example `incident.created`.
    #[serde(rename = "type")]
    pub kind: String,
    /// CloudEvents `subject`: what the event is about. A resolving event names the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened, as the source says; read it through [`Event::happened_at`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// Its fields, checked against the workflow's schema.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// W3C trace context of the producer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Event {
    /// When it happened, for an event that was taken at `taken_at`. A caller's clock is a claim: no time counts as later
    /// than when it was taken.
    pub fn happened_at(&self, taken_at: Timestamp) -> Timestamp {
        self.claimed_time().map_or(taken_at, |claimed| claimed.min(taken_at))
    }

    /// The time that its source gives it. One that no event can have is what programs write for none: the year 1, or 0;
    /// one that could not be read counts as it.
    pub fn claimed_time(&self) -> Option<Timestamp> {
        self.time.filter(|claimed| *claimed > Timestamp::UNIX_EPOCH)
    }

    /// What its sender should know of a time that counts as absent.
    pub fn unset_time(&self) -> Option<String> {
        let is_unset = self.time.is_some() && self.claimed_time().is_none();
        is_unset.then(|| {
            format!(
                "event {}: its time cannot be read, or is 1970 or earlier, and counts as absent: the time it was taken is \
                 used; write it as 2026-01-31T09:30:00Z, or as milliseconds since 1970",
                self.key.id
            )
        })
    }

    /// What it says, for telling a repetition from another event under the same key.
    pub fn content(&self) -> ContentHash {
        // Maps are sorted by key, so the order of the producer's fields does not count; nor does the spelling of a
        // number, which changes on its way through Python or JavaScript.
        let data = number::by_value(&Value::Object(self.data.clone())).to_string();
        let digest = digest(&[&self.kind, self.subject.as_deref().unwrap_or_default(), &data]);
        ContentHash(digest[..8].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }

    /// The event with a time no later than when it was taken, as it is stored and passed on.
    pub fn taken_at(mut self, now: Timestamp) -> Self {
        self.time = self.claimed_time().map(|claimed| claimed.min(now));
        self
    }

    /// Reads one structured CloudEvent.
    ///
    /// # Errors
    /// Every attribute that is missing, malformed or too long; one error when the bytes are no JSON object.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Vec<FieldError>> {
        Self::from_value(cloud_event::read_json(bytes).map_err(|error| vec![error])?)
    }

    /// Reads one structured CloudEvent that has been parsed already.
    ///
    /// # Errors
    /// As [`Event::from_json`].
    pub fn from_value(value: Value) -> Result<Self, Vec<FieldError>> {
        let Value::Object(mut attributes) = value else {
            return Err(vec![FieldError::new(
                "",
                "expected a CloudEvent: a JSON object with specversion, id, source, type and data",
            )]);
        };
        let mut errors = Vec::new();
        match attributes.get("specversion") {
            Some(Value::String(version)) if version == "1.0" => {}
            _ => errors.push(FieldError::new("/specversion", "expected \"1.0\"")),
        }
        if let Some(kind) = attributes.get("datacontenttype").filter(|kind| !kind.is_null())
            && !kind.as_str().is_some_and(is_json_content_type)
        {
            errors.push(FieldError::new("/datacontenttype", "only application/json data is taken"));
        }
        let unpacked = data_of_base64(&mut attributes, &mut errors);
        let source = required_text(&mut attributes, "source", &mut errors);
        let id = required_text(&mut attributes, "id", &mut errors);
        let kind = required_text(&mut attributes, "type", &mut errors);
        let subject = optional_text(&mut attributes, "subject", &mut errors);
        let traceparent = optional_text(&mut attributes, "traceparent", &mut errors);
        let time = time_of(&mut attributes, &mut errors);
        let data = match unpacked {
            Some(data) => data_object("/data_base64", Some(data), &mut errors),
            None => data_object("/data", attributes.remove("data"), &mut errors),
        };
        if errors.is_empty() {
            Ok(Self { key: EventKey { source, id }, kind, subject, time, data, traceparent })
        } else {
            Err(errors)
        }
    }

    /// The event as a structured CloudEvent, as it is queued.
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Structured<'a> {
            specversion: &'static str,
            #[serde(flatten)]
            event: &'a Event,
        }
        // Strings, numbers and maps with string keys always serialise.
        serde_json::to_vec(&Structured { specversion: "1.0", event: self }).unwrap_or_default()
    }
}

/// Whether a list of types holds this one; `incident.*` holds all that begin with `incident.`.
pub fn holds_type(types: &[String], kind: &str) -> bool {
    types.iter().any(|held| match held.strip_suffix('*') {
        Some(prefix) => kind.starts_with(prefix),
        None => held == kind,
    })
}

/// Whether a content type, parameters aside, says JSON.
pub fn is_json_content_type(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::limits::{ATTRIBUTE_BYTES_MAX, EVENT_DATA_BYTES_MAX};

    #[test]
    fn a1_a_time_in_the_future_counts_as_the_moment_it_was_taken() {
        let now: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
        let event = |time: &str| {
            let json = json!({"specversion": "1.0", "source": "s", "id": "1", "type": "t", "time": time});
            Event::from_value(json).unwrap()
        };
        let (ahead, behind) = (event("2026-01-15T12:10:00Z"), event("2026-01-15T11:50:00Z"));
        assert_eq!((ahead.happened_at(now), ahead.taken_at(now).time), (now, Some(now)));
        assert_eq!(behind.happened_at(now), "2026-01-15T11:50:00Z".parse().unwrap());
        let untimed = Event { time: None, ..behind };
        assert_eq!((untimed.happened_at(now), untimed.taken_at(now).time), (now, None));
    }

    #[test]
    fn a_time_that_no_event_can_have_counts_as_absent_and_is_warned_of() {
        let now: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
        let unreadable = [
            "2026-01-15T11:44:52",
            "2026-01-15",
            "Thu, 15 Jan 2026 11:44:52 GMT",
            "2026-01-15T11:44:52 UTC",
            "yesterday",
            "2026-01-15T12:00:00+24:00",
            "2026-01-15T12:00:00+10:60",
        ];
        let unset =
            [json!("0001-01-01T00:00:00Z"), json!(0), json!("0"), json!(-1), json!("-62135596800000")];
        for time in unset.into_iter().chain(unreadable.map(Value::from)) {
            let event = with("time", time.clone()).unwrap();
            assert_eq!((event.happened_at(now), event.claimed_time()), (now, None), "{time}");
            assert!(event.unset_time().is_some() && event.taken_at(now).time.is_none(), "{time}");
        }
        let event = with("time", json!("2026-01-15T11:00:00Z")).unwrap();
        assert_eq!((event.unset_time(), event.claimed_time()), (None, event.time));
    }

    #[test]
    fn a_time_with_a_possible_offset_is_read() {
        for right in ["2026-01-15T12:00:00+14:00", "2026-01-15T12:00:00-23:59", "2026-01-15T12:00:00.5Z"] {
            assert!(with("time", json!(right)).unwrap().claimed_time().is_some(), "{right}");
        }
    }

    #[test]
    fn what_may_be_absent_may_be_empty() {
        for name in ["subject", "time", "traceparent"] {
            let event = with(name, json!("")).unwrap();
            assert_eq!(
                (event.subject.as_ref(), event.time, &event.traceparent),
                (None, None, &None),
                "{name}"
            );
            assert_eq!(event.unset_time(), None);
        }
    }

    #[test]
    fn every_wrong_attribute_is_named() {
        let errors = Event::from_value(json!({
            "specversion": "0.3", "id": 7, "type": "", "time": "yesterday", "data": [1], "data_base64": "AA=="
        }))
        .unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|e| e.pointer.as_str()).collect();
        assert_eq!(pointers, ["/specversion", "/data_base64", "/source", "/id", "/type", "/data"]);
    }

    #[test]
    fn a_queued_event_reads_back_as_it_was() {
        let event = Event::from_value(json!({
            "specversion": "1.0", "id": "e-1", "source": "monitor", "type": "incident.created",
            "subject": "db-1", "time": "2026-01-31T09:30:00Z", "data": {"severity": "high"}, "comment": "ignored"
        }))
        .unwrap();
        assert_eq!(Event::from_json(&event.to_json()), Ok(event));
    }

    /// A correct event with one attribute replaced.
    fn with(name: &str, value: Value) -> Result<Event, Vec<FieldError>> {
        let mut event =
            json!({"specversion": "1.0", "id": "e-1", "source": "monitor", "type": "incident.created"});
        event[name] = value;
        Event::from_value(event)
    }

    #[test]
    fn an_attribute_is_as_long_as_the_bound_and_no_longer() {
        assert!(with("id", json!("x".repeat(ATTRIBUTE_BYTES_MAX))).is_ok());
        let most = EVENT_DATA_BYTES_MAX - json!({"text": ""}).to_string().len();
        assert!(with("data", json!({"text": "x".repeat(most)})).is_ok());
        for (name, value, complaint) in [
            ("id", json!("x".repeat(ATTRIBUTE_BYTES_MAX + 1)), "/id longer than 255 bytes"),
            ("id", json!("e\u{7}1"), "/id contains control characters"),
            ("id", json!(""), "/id must not be empty"),
            ("data", json!({"text": "x".repeat(most + 1)}), "/data larger than 32768 bytes"),
            ("datacontenttype", json!("text/plain"), "/datacontenttype only application/json data is taken"),
            ("datacontenttype", json!(7), "/datacontenttype only application/json data is taken"),
        ] {
            let errors = with(name, value).unwrap_err();
            assert_eq!(errors.iter().map(FieldError::to_string).collect::<Vec<_>>(), [complaint]);
        }
    }

    #[test]
    fn json_has_many_names() {
        for name in ["application/json", "text/json", "Application/CloudEvents+JSON; charset=utf-8"] {
            assert!(is_json_content_type(name) && with("datacontenttype", json!(name)).is_ok(), "{name}");
        }
        for name in ["", "text/plain", "application/xml", "json", "application/jsonp"] {
            assert!(!is_json_content_type(name), "{name}");
        }
    }

    #[test]
    fn a_list_of_types_holds_names_and_beginnings() {
        let types = ["invoice.overdue".to_owned(), "incident.*".to_owned()];
        let held = |kind: &str| holds_type(&types, kind);
        assert!(held("invoice.overdue") && held("incident.created"));
        assert!(!held("invoice.paid") && !held("invoice.overdue.twice") && !held("incident"));
        assert!(holds_type(&["*".to_owned()], "anything") && !holds_type(&[], "anything"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_event_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Err(errors) = Event::from_json(&bytes) {
                prop_assert!(!errors.is_empty());
            }
        }

        #[test]
        fn any_attributes_are_an_event_or_named_errors(id in ".{0,300}", source in ".{0,300}", kind in ".{0,10}", time in ".{0,30}") {
            let parsed = Event::from_value(json!({
                "specversion": "1.0", "id": id, "source": source, "type": kind, "time": time, "data": {}
            }));
            match parsed {
                Ok(event) => prop_assert_eq!(Event::from_json(&event.to_json()), Ok(event)),
                Err(errors) => prop_assert!(errors.iter().all(|e| e.pointer.starts_with('/'))),
            }
        }
    }
}
