//! Reads yesterday's bytes: documents as they were stored, byte for byte, by the first version and by later ones.
//!
//! In: fixtures that are never regenerated; a new form is a new line of `timeline_added.json`. Out: the values they mean.
//! Never: changes a fixture to fit the code: what stands there is what stores hold.

use std::collections::BTreeSet;

use domain::{
    message::MessagePhase,
    run::{Run, RunPhase},
    timeline::{DeadLetter, Entry, Outcome, ReplyRoute, TimelineEvent},
    workflow::{OnDoubt, WorkflowDefinition},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

const RUN: &str = include_str!("fixtures/run.json");
const TIMELINE: &str = include_str!("fixtures/timeline.json");
const TIMELINE_ADDED: &str = include_str!("fixtures/timeline_added.json");
const DEFINITION: &str = include_str!("fixtures/definition.json");
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

/// The stored name of every variant. A variant that is missing here does not compile; one without a fixture fails below.
macro_rules! stored_names {
    ($($variant:ident => $name:literal),* $(,)?) => {
        const STORED_NAMES: &[&str] = &[$($name),*];

        fn stored_name(what: &TimelineEvent) -> &'static str {
            match what {
                $(TimelineEvent::$variant { .. } => $name),*
            }
        }
    };
}

stored_names! {
    Opened => "opened",
    LaneLowered => "lane_lowered",
    StepStarted => "step_started",
    StepDelayed => "step_delayed",
    StepSilenced => "step_silenced",
    DelayCut => "delay_cut",
    NextNumber => "next_number",
    Decided => "decided",
    Digest => "digest",
    Told => "told",
    DigestStatus => "digest_status",
    GoesAlone => "goes_alone",
    Shortened => "shortened",
    TextChanged => "text_changed",
    DispatchBegan => "dispatch_began",
    OriginatorChosen => "originator_chosen",
    Submitted => "submitted",
    Refused => "refused",
    RetryScheduled => "retry_scheduled",
    DoubtBegan => "doubt_began",
    DoubtAsked => "doubt_asked",
    DoubtResolved => "doubt_settled",
    Status => "status",
    StatusAsked => "status_asked",
    StatusUnknown => "status_unknown",
    ContradictoryStatus => "contradictory_status",
    SecondSid => "second_sid",
    Died => "died",
    Replayed => "replayed",
    EffectReplayed => "effect_replayed",
    Discarded => "discarded",
    Cancelled => "cancelled",
    Escalated => "escalated",
    ReplyUnclear => "reply_unclear",
    ReplyAnswered => "reply_answered",
    ConsentChanged => "consent_changed",
    AllClear => "all_clear",
    Acknowledged => "acknowledged",
    AcknowledgedPartly => "acknowledged_partly",
    AcknowledgementExpired => "acknowledgement_expired",
    AcknowledgedLate => "acknowledged_late",
    Observed => "observed",
    HeldByAgent => "held_by_agent",
    ResolvedLate => "resolved_late",
    TextsRemoved => "texts_removed",
    Closed => "closed",
    TicketWanted => "ticket_wanted",
    TicketOpened => "ticket_opened",
    TicketFailed => "ticket_failed",
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
fn every_kind_of_timeline_line_has_a_stored_form_that_is_read() {
    let mut read = BTreeSet::new();
    for fixture in [TIMELINE, TIMELINE_ADDED] {
        for line in parse(fixture).as_array().unwrap() {
            let entry = check::<Entry>(line);
            assert_eq!(line["what"], stored_name(&entry.what));
            read.insert(stored_name(&entry.what));
        }
    }
    assert_eq!(read, STORED_NAMES.iter().copied().collect());
}

#[test]
fn a_text_that_an_operator_says_was_sent_is_stored_as_held() {
    let mut json = parse(RUN);
    json["messages"][7]["phase"]["held"]["sent_says"] = "Ada".into();
    let run: Run = check(&json);
    let phase = run.messages()[7].phase();
    assert!(matches!(phase, MessagePhase::SentUnconfirmed { .. }), "{phase:?}");
}

#[test]
fn a_stored_definition_is_read_also_without_what_later_versions_added() {
    let mut json = parse(DEFINITION);
    let full: WorkflowDefinition = check(&json);
    assert_eq!((full.on_doubt, full.steps.len()), (OnDoubt::Review, 2));
    for added in [
        "shared_subjects",
        "doubt_ask_after",
        "poll_after",
        "links",
        "recipient_hourly_max",
        "bare_word",
        "all_clear",
    ] {
        assert!(json.as_object_mut().unwrap().remove(added).is_some(), "{added}");
    }
    let read: WorkflowDefinition = serde_json::from_value(json).unwrap();
    let defaults = WorkflowDefinition::new("paging", "incident.created", "", Value::Null, Vec::new());
    let expected = WorkflowDefinition {
        shared_subjects: defaults.shared_subjects,
        doubt_ask_after: defaults.doubt_ask_after,
        poll_after: defaults.poll_after,
        links: defaults.links,
        recipient_hourly_max: defaults.recipient_hourly_max,
        only_from: defaults.only_from,
        bare_word: defaults.bare_word,
        all_clear: defaults.all_clear,
        ..full
    };
    assert_eq!(read, expected);
}

#[test]
fn every_stored_effect_of_the_first_version_is_read() {
    let effects = parse(EFFECTS);
    check::<Outcome>(&effects["outcome"]);
    check::<ReplyRoute>(&effects["reply_route"]);
    check::<domain::effect::Effect>(&effects["outbound"]);
    check::<DeadLetter>(&effects["dead_letter"]);
    check::<domain::consent::ConsentEntry>(&effects["consent"]);
    check::<domain::timeline::Command>(&effects["command"]);
}

#[test]
fn f1_a_dead_letter_is_read_with_and_without_its_origin() {
    let mut json = parse(EFFECTS)["dead_letter"].clone();
    assert_eq!(check::<DeadLetter>(&json).origin, None);
    json["origin"] = parse(
        r#"{"user":"billing","content_type":"text/plain","headers":{"ce-id":"e-1"},"headers_left_out":2}"#,
    );
    let origin = check::<DeadLetter>(&json).origin.unwrap();
    assert_eq!((origin.user.as_deref(), origin.headers["ce-id"].as_str()), (Some("billing"), "e-1"));
    json["origin"] = parse("{}");
    assert_eq!(check::<DeadLetter>(&json).origin.unwrap().user, None);
}
