//! Reads yesterday's bytes: documents as they were stored, byte for byte, by the first version.
//!
//! In: fixtures that are never regenerated. Out: the values they mean. Never: changes a fixture to fit the code: what
//! stands there is what stores hold.

use domain::{
    message::MessagePhase,
    run::{Run, RunPhase},
    timeline::{DeadLetter, Entry, Outcome, ReplyRoute},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

const RUN: &str = include_str!("fixtures/run.json");
const TIMELINE: &str = include_str!("fixtures/timeline.json");
const EFFECTS: &str = include_str!("fixtures/effects.json");

/// Reads a document, and checks that writing it again loses and adds nothing.
#[track_caller]
fn check<T: DeserializeOwned + Serialize>(json: &Value) -> T {
    let value: T = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&value).unwrap(), *json);
    value
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_run_of_the_first_version_is_read() {
    let run: Run = check(&parse(RUN));
    assert_eq!((run.phase(), run.step(), run.messages().len()), (RunPhase::Active, 1, 12));
    let names: Vec<&str> = run.messages().iter().map(|message| message.phase().name()).collect();
    let expected = [
        "queued",
        "dispatching",
        "in_doubt",
        "retry_wait",
        "submitted",
        "delivered",
        "failed",
        "held",
        "suppressed",
        "dead",
        "expired",
        "cancelled",
    ];
    assert_eq!(names, expected);
    assert!(matches!(run.messages()[2].phase(), MessagePhase::InDoubt { asked: 1, .. }));
    assert_eq!(run.messages()[0].ack().map(|code| code.to_string()).as_deref(), Some("K7X4"));
}

#[test]
fn a_run_without_what_may_be_absent_is_read() {
    let mut json = parse(RUN);
    for optional in ["subject", "closed_at", "ticket", "traceparent"] {
        json.as_object_mut().unwrap().remove(optional);
    }
    let message = json["messages"][0].as_object_mut().unwrap();
    for optional in ["ack", "first_attempt_at", "nudge_at"] {
        message.remove(optional);
    }
    check::<Run>(&json);
}

#[test]
fn every_line_of_a_timeline_of_the_first_version_is_read() {
    let lines = parse(TIMELINE);
    let lines = lines.as_array().unwrap();
    assert_eq!(lines.len(), 20);
    lines.iter().for_each(|line| drop(check::<Entry>(line)));
}

#[test]
fn every_stored_effect_of_the_first_version_is_read() {
    let effects = parse(EFFECTS);
    check::<Outcome>(&effects["outcome"]);
    check::<ReplyRoute>(&effects["reply_route"]);
    check::<DeadLetter>(&effects["dead_letter"]);
    check::<domain::consent::ConsentEntry>(&effects["consent"]);
    check::<domain::timeline::Command>(&effects["command"]);
}
