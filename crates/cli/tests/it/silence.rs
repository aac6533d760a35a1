//! `callout silence` while callout runs. In: silences. Out: runs that open and text nobody, and say why.

use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, event, run_of};

async fn sent(fleet: &Fleet, id: &str, subject: &str) -> Value {
    let note = event("note.created", id, subject, json!({"text": format!("Note {id}"), "phone": FIRST}));
    assert_eq!(fleet.event(&note).await, 202);
    let ended = |run: &Value| run["phase"] == "suppressed" || run["messages"][0]["status"] == "delivered";
    fleet.run_until(&run_of(id, "note", subject), ended).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silenced_event_opens_its_run_texts_nobody_and_says_why() {
    let fleet = Fleet::start().await;
    let made = fleet.json(&[
        "silence",
        "add",
        "--subject",
        "disk/*",
        "--until",
        "2h",
        "--why",
        "new disks",
        "--by",
        "eve",
    ]);
    let id = made[0]["id"].as_str().unwrap().to_owned();
    let silenced = sent(&fleet, "n-1", "disk/db-1").await;
    assert_eq!(silenced["phase"], "suppressed", "{silenced}");
    let timeline = silenced["timeline"].to_string();
    assert!(
        timeline.contains("silence.active") && timeline.contains("new disks") && timeline.contains(&id),
        "{timeline}"
    );
    assert_eq!(sent(&fleet, "n-2", "cpu/db-1").await["messages"][0]["status"], "delivered");
    let listed = String::from_utf8(fleet.run(&["silence", "list"]).stdout).unwrap();
    assert!(listed.contains("subject disk/*") && listed.contains("made by eve: new disks"), "{listed}");

    let status = fleet.run(&["status", "--output", "json"]).stdout;
    let silences = &serde_json::from_slice::<Value>(&status).unwrap()["status"]["silences"];
    assert_eq!((&silences["count"], &silences["next_end"]), (&json!(1), &made[0]["until"]), "{silences}");
    let shown = String::from_utf8(fleet.run(&["status"]).stdout).unwrap();
    assert!(shown.contains("1 silence now, the next ends "), "{shown}");

    assert!(fleet.json(&["silence", "end", &id]).as_array().unwrap().is_empty());
    let shown = String::from_utf8(fleet.run(&["status"]).stdout).unwrap();
    assert!(!shown.contains("silenced"), "{shown}");
    assert_eq!(sent(&fleet, "n-3", "disk/db-1").await["messages"][0]["status"], "delivered");
    assert_eq!(fleet.run(&["silence", "end", &id]).status.code(), Some(3));
}

/// What can be resolved is still there when the silence ends, unless it was resolved meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_resolved_when_a_silence_ends_pages() {
    let fleet = Fleet::start().await;
    let silence = |until: &str| {
        let args = ["silence", "add", "--subject", "disk/*", "--until", until, "--why", "new disks"];
        fleet.json(&args)[0]["id"].as_str().unwrap().to_owned()
    };
    let id = silence("2h");
    let page = async |id: &str, kind: &str, subject: &str| {
        let event = event(kind, id, subject, json!({"text": format!("Disk of {subject}")}));
        assert_eq!(fleet.event(&event).await, 202);
        run_of(id, "page", subject)
    };
    let waits = |run: &Value| run["timeline"].to_string().contains("step_silenced");
    let (open, over) =
        (page("p-1", "page.created", "disk/1").await, page("p-2", "page.created", "disk/2").await);
    for run in [&open, &over] {
        let held = fleet.run_until(run, waits).await;
        assert_eq!((&held["phase"], &held["messages"]), (&json!("active"), &json!([])), "{held}");
    }
    page("p-3", "page.resolved", "disk/2").await;
    fleet.run_until(&over, |run| run["phase"] == "resolved").await;
    assert!(fleet.sim.phone(FIRST).texts().is_empty());
    fleet.json(&["silence", "end", &id]);
    fleet.run_until(&open, |run| run["messages"][0]["status"] == "delivered").await;

    // By itself as well.
    silence("3s");
    let last = page("p-4", "page.created", "disk/4").await;
    fleet.run_until(&last, waits).await;
    fleet.run_until(&last, |run| run["messages"][0]["status"] == "delivered").await;
    let texts: Vec<String> = fleet.sim.phone(FIRST).texts().into_iter().map(|text| text.body).collect();
    let about = |subject: &str| texts.iter().filter(|text| text.contains(subject)).count();
    assert_eq!([about("disk/1"), about("disk/2"), about("disk/4")], [1, 0, 1], "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_of_everything_or_without_a_reason_is_refused() {
    let fleet = Fleet::start().await;
    for (args, said) in [
        (&["--until", "2h", "--why", "x"][..], "this silences every event"),
        (&["--subject", "*", "--until", "2h", "--why", "x"], "this silences every event"),
        (&["--subject", "a", "--until", "2h", "--why", ""], "say why"),
        (&["--subject", "a", "--until", "60d", "--why", "x"], "30 days at most"),
        (
            &["--workflow", "notes", "--until", "2h", "--why", "x"],
            "no workflow is named \"notes\"; there are",
        ),
        (&["--field", "severity", "--until", "2h", "--why", "x"], "expected PATH=PATTERN"),
    ] {
        let output = fleet.run(&[&["silence", "add"], args].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(said), "{args:?}: {text}");
    }
    assert!(fleet.json(&["silence", "list"]).as_array().unwrap().is_empty());
}
