//! Dead letters at the terminal: named ones, many of them, and a command that is stopped.

use std::{
    process::{Command, Stdio},
    sync::Arc,
};

use domain::timeline::DeadLetter;
use embedded::{Embedded, EmbeddedConfig};
use ports::{Clock as _, SystemClock};
use serde_json::json;

use crate::harness::{Fleet, event};

/// A deployment with `count` dead letters, named `letter-1` and so on, that can be replayed.
async fn with_letters(count: usize) -> Fleet {
    let mut fleet = Fleet::start().await;
    add_letters(&mut fleet, count).await;
    fleet
}

/// Stops an embedded deployment, gives it such dead letters, and starts it again.
pub(crate) async fn add_letters(fleet: &mut Fleet, count: usize) {
    assert_eq!(fleet.terminate(), Some(0));
    let path = fleet.folder.path().join("callout.db");
    let backend =
        Embedded::open(EmbeddedConfig::new(path, Default::default(), Arc::new(SystemClock))).unwrap();
    let store = backend.store();
    let now = SystemClock.now();
    for n in 1..=count {
        let id = format!("e-{n}");
        let note = event("note.created", &id, &id, json!({"text": id, "phone": "+14155550120"}));
        let letter = DeadLetter {
            id: format!("letter-{n}"),
            reason: "unroutable".to_owned(),
            error: "no workflow names this event type".to_owned(),
            at: now + jiff::SignedDuration::from_millis(i64::try_from(n).unwrap()),
            epoch: None,
            message: None,
            workflow: None,
            source: Some("test".to_owned()),
            event_id: Some(id),
            attempts: 0,
            traceparent: None,
            event: Some(note.to_string()),
            origin: None,
        };
        store.add_dead_letter(&letter).await.unwrap();
    }
    drop(store);
    backend.close().await;
    fleet.serve().await;
}

fn said(fleet: &Fleet, args: &[&str]) -> (Option<i32>, String, String) {
    let output = fleet.run(args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_a_letter_that_is_not_there_is_not_found_and_those_beside_it_are_replayed() {
    let fleet = with_letters(1).await;
    for verb in ["show", "replay", "discard"] {
        let (code, _, error) = said(&fleet, &["dlq", verb, "nope"]);
        assert_eq!(code, Some(3), "{verb}: {error}");
        assert!(error.contains("no dead letter nope; `callout dlq list`"), "{verb}: {error}");
    }
    let (code, text, _) = said(&fleet, &["dlq", "replay", "nope", "letter-1", "--yes"]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("letter-1  replayed") && text.contains("nope  not found"), "{text}");
    assert_eq!(fleet.json(&["dlq", "list"]), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_the_last_of_many_letters_is_found_and_a_list_says_that_there_are_more() {
    let fleet = with_letters(1_001).await;
    let (_, page, _) = said(&fleet, &["dlq", "list", "--max", "1000"]);
    let hint = page.lines().last().unwrap();
    assert!(hint.starts_with("there are more") && !page.contains("letter-1001 "), "{hint}");
    let after = hint.split("--after ").nth(1).unwrap().split(", or").next().unwrap();
    let (_, rest, _) = said(&fleet, &["dlq", "list", "--after", after]);
    assert!(rest.contains("letter-1001 ") && !rest.contains("letter-1000 "), "{rest}");
    assert!(!rest.contains("there are more"), "{rest}");
    assert_eq!(fleet.json(&["dlq", "list", "--max", "2000"]).as_array().unwrap().len(), 1_001);
    let too_many = said(&fleet, &["dlq", "list", "--max", "20000"]);
    assert_eq!(too_many.0, Some(2), "{too_many:?}");
    assert_eq!(fleet.json(&["dlq", "show", "letter-1001"])["event_id"], "e-1001");
    let (_, tried, _) = said(&fleet, &["dlq", "replay", "--dry-run"]);
    assert!(tried.contains("there are more that match"), "{tried}");
    assert_eq!(fleet.json(&["dlq", "replay", "letter-1001", "--yes"])[0]["result"], "replayed");
    assert_eq!(fleet.json(&["dlq", "discard", "letter-1000", "--yes"])[0]["result"], "discarded");
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_a_stopped_replay_ends_after_the_letter_under_way_and_says_what_is_left() {
    let fleet = with_letters(60).await;
    let mut command = fleet.callout(&["dlq", "replay", "--yes", "--rate", "1"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let left = || fleet.json(&["dlq", "list"]).as_array().unwrap().len();
    while left() == 60 {
        tokio::task::yield_now().await;
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{error}");
    let left = left();
    let done = 60 - left;
    assert!(left > 0, "{error}");
    assert!(error.contains(&format!("stopped: {done} of 60 dead letters done, {left} left")), "{error}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text.matches("  replayed").count(), done, "{text}");
}
