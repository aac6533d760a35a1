//! A configuration that changes while the process runs.

use std::path::Path;

use serde_json::json;
use twilio_sim::SimConfig;

use crate::harness::{FIRST, Fleet, NOTE, PAGE, SECOND, event, run_of};

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_people_and_workflows_are_read_again_and_running_runs_keep_their_definition() {
    let fleet = Fleet::start().await;
    let folder = fleet.folder.path();
    fleet.event(&event("page.created", "p-1", "p-1", json!({"text": "one"}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    std::fs::write(folder.join("workflows/page.toml"), PAGE.replace("Reply ACK", "Answer ACK")).unwrap();
    std::fs::write(folder.join("workflows/memo.toml"), NOTE.replace("note.created", "memo.created")).unwrap();
    edit(folder, "contacts.toml", FIRST, "+14155550119");
    let said = fleet.json(&["reload"]);
    let changed = ["workflow memo is new", "workflow page changed", "contact first changed"];
    assert_eq!(said, json!({"changed": changed, "needs_restart": ["the lane of an event type"]}));

    fleet.event(&event("page.created", "p-2", "p-2", json!({"text": "two"}))).await;
    fleet.wait_until(|view| view.texts("+14155550119").len() == 1).await;
    assert!(fleet.sim.phone("+14155550119").texts()[0].body.contains("Answer ACK"));
    fleet.event(&event("memo.created", "m-1", "m-1", json!({"text": "three", "phone": SECOND}))).await;
    fleet.wait_until(|view| view.texts(SECOND).len() == 1).await;

    let code = fleet.sim.phone(FIRST).texts()[0].body.rsplit(' ').next().unwrap().to_owned();
    fleet.sim.phone(FIRST).reply(&format!("ACK {code}")).await.unwrap();
    fleet.run_until(&run_of("p-1", "page", "p-1"), |run| run["phase"] == "acknowledged").await;
    assert_eq!(fleet.json(&["reload"])["changed"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_a_configuration_with_an_error_changes_nothing_and_is_explained() {
    let fleet = Fleet::start().await;
    let folder = fleet.folder.path();
    edit(folder, "contacts.toml", FIRST, "+14155550119");
    edit(folder, "workflows/page.toml", "{{ text }}", "{{ txet }}");
    let output = fleet.run(&["reload"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(said.contains("workflows/page.toml:") && said.contains("txet"), "{said}");
    fleet.signal(0, "-HUP");
    fleet.event(&event("page.created", "p-1", "p-1", json!({"text": "one"}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;

    edit(folder, "workflows/page.toml", "{{ txet }}", "{{ text }}");
    fleet.signal(0, "-HUP");
    let mut tries = tokio::time::interval(std::time::Duration::from_millis(20));
    while !std::fs::read_to_string(fleet.log()).unwrap().contains("the configuration was read again") {
        tries.tick().await;
    }
    let log = std::fs::read_to_string(fleet.log()).unwrap();
    assert!(log.contains("the configuration stays as it was") && log.contains("txet"), "{log}");
    assert!(!log.contains("5550119"), "numbers reach no log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_from_a_file_is_changed_without_a_restart() {
    let files = tempfile::tempdir().unwrap();
    let key = files.path().join("key");
    std::fs::write(&key, "old-key\n").unwrap();
    let settings = "[[source]]\nname = \"filed\"\ntypes = [\"note.*\"]\nkey_env = [\"CALLOUT_KEY_FILED\"]\n";
    let env = vec![("CALLOUT_KEY_FILED_FILE".to_owned(), key.to_str().unwrap().to_owned())];
    let fleet = Fleet::start_roles(&[&[]], settings, env).await;
    let post = async |key: &str, id: &str| {
        let mut note = event("note.created", id, id, json!({"text": "hello", "phone": FIRST}));
        note["source"] = "filed".into();
        fleet.post(key, "application/cloudevents+json", note.to_string()).await.0
    };
    assert_eq!((post("old-key", "n-1").await, post("new-key", "n-2").await), (202, 401));
    std::fs::write(&key, "new-key\n").unwrap();
    assert_eq!(fleet.json(&["reload"])["changed"], json!(["source filed changed"]));
    assert_eq!((post("old-key", "n-3").await, post("new-key", "n-2").await), (401, 202));
}

/// The steps of docs/operations/upgrades.md, with texts on their way at each.
#[tokio::test(flavor = "multi_thread")]
async fn twilios_token_is_changed_without_a_refused_callback() {
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, token: &str| std::fs::write(files.path().join(name), token).unwrap();
    let old = SimConfig::default().auth_token;
    write("token", old.expose());
    write("next", old.expose());
    let env = vec![
        ("TWILIO_AUTH_TOKEN".to_owned(), String::new()),
        ("TWILIO_AUTH_TOKEN_FILE".to_owned(), file("token")),
        ("TWILIO_AUTH_TOKEN_NEXT_FILE".to_owned(), file("next")),
    ];
    let fleet = Fleet::start_roles(&[&[]], "", env).await;
    let texts = async |step: &str| {
        for n in 0..20 {
            let id = format!("{step}-{n}");
            let note = event("note.created", &id, &id, json!({"text": id, "phone": FIRST}));
            assert_eq!(fleet.event(&note).await, 202);
        }
    };
    texts("before").await;
    fleet.sim.add_token("second-token", false);
    write("next", "second-token");
    fleet.json(&["reload"]);
    texts("both").await;
    write("token", "second-token");
    write("next", old.expose());
    fleet.json(&["reload"]);
    texts("swapped").await;
    fleet.sim.add_token("second-token", true);
    texts("promoted").await;
    for step in ["before", "both", "swapped", "promoted"] {
        for n in 0..20 {
            let id = format!("{step}-{n}");
            fleet.run_until(&run_of(&id, "note", &id), |run| run["phase"] == "completed").await;
        }
    }
    write("next", "second-token");
    fleet.json(&["reload"]);
    let report = fleet.sim.report();
    assert_eq!((report.accepted, report.callbacks.failed), (80, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_said_for_as_long_as_it_is_not_in_force() {
    let fleet = Fleet::start().await;
    let folder = fleet.folder.path();
    let listen = format!("listen = \"{}\"", fleet.url.trim_start_matches("http://"));
    let elsewhere = "listen = \"127.0.0.1:9\"";
    let nothing: [&str; 0] = [];
    edit(folder, "callout.toml", &listen, elsewhere);
    assert_eq!(fleet.json(&["reload"])["needs_restart"], json!(["[http]"]));
    assert_eq!(fleet.json(&["reload"])["needs_restart"], json!(["[http]"]));
    edit(folder, "callout.toml", elsewhere, &listen);
    assert_eq!(fleet.json(&["reload"])["needs_restart"], json!(nothing));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_that_the_running_process_finds_has_the_exit_code_of_mistakes() {
    let files = tempfile::tempdir().unwrap();
    let key = files.path().join("key");
    std::fs::write(&key, "key\n").unwrap();
    let settings = "[[source]]\nname = \"filed\"\ntypes = [\"note.*\"]\nkey_env = [\"CALLOUT_KEY_FILED\"]\n";
    let env = vec![("CALLOUT_KEY_FILED_FILE".to_owned(), key.to_str().unwrap().to_owned())];
    let fleet = Fleet::start_roles(&[&[]], settings, env).await;
    std::fs::remove_file(&key).unwrap();
    let output = fleet.run(&["reload"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(
        said.contains("CALLOUT_KEY_FILED_FILE") && said.contains("1 error in the configuration"),
        "{said}"
    );
}

/// Whoever must acknowledge at night does not mend a file first.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_on_disk_keeps_no_operator_from_the_running_process() {
    let fleet = Fleet::start().await;
    fleet.event(&event("page.created", "p-1", "db", json!({"text": "Down"}))).await;
    let run = run_of("p-1", "page", "db");
    fleet.run_until(&run, |run| run["messages"][0]["status"] == "delivered").await;
    let file = fleet.folder.path().join("workflows/broken.toml");
    std::fs::write(&file, "x = [").unwrap();
    let acknowledged = fleet.run(&["runs", "ack", &run]);
    let said = String::from_utf8(acknowledged.stderr).unwrap();
    assert_eq!(acknowledged.status.code(), Some(0), "{said}");
    assert!(said.contains("the configuration on disk has errors"), "{said}");
    assert_eq!(fleet.run(&["status"]).status.code(), Some(0));
    assert_eq!(fleet.run(&["check"]).status.code(), Some(78));
}
