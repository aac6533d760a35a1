//! `[privacy] key_file`. In: an installation that gets a key, and another one. Out: the same runs, and a file without texts.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::json;

use crate::harness::{FIRST, Fleet, PATIENCE, event, run_of};

/// Writes a key file for everybody or for its owner alone.
fn write(path: &Path, lines: &str, mode: u32) {
    fs::write(path, lines).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn new_key(fleet: &Fleet, name: &str) -> String {
    String::from_utf8(fleet.run(&["privacy", "new-key", name]).stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_gets_a_key_and_another_one_and_goes_on() {
    let mut fleet = Fleet::start().await;
    let send = json!({"text": "Secret words", "phone": FIRST});
    fleet.event(&event("note.created", "one", "one", send.clone())).await;
    let first = run_of("one", "note", "one");
    fleet.run_until(&first, |run| run["phase"] == "completed").await;
    fleet.kill();
    let key_file = fleet.folder.path().join("privacy.key");
    let old = new_key(&fleet, "old");
    assert!(old.starts_with("old ") && old.trim().len() == "old ".len() + 44, "{old}");
    assert_eq!(fleet.run(&["privacy", "new-key", "no name"]).status.code(), Some(2));
    let settings = fleet.folder.path().join("callout.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\n[privacy]\nkey_file = \"privacy.key\"\n")).unwrap();
    write(&key_file, &old, 0o644);
    let refused = fleet.run(&["check"]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(78), "{said}");
    assert!(said.contains("privacy.key_file") && said.contains("chmod 600"), "{said}");
    write(&key_file, &old, 0o600);
    fleet.serve().await;
    fleet.event(&event("note.created", "two", "two", send)).await;
    let second = run_of("two", "note", "two");
    fleet.run_until(&second, |run| run["phase"] == "completed").await;
    let mut tries = tokio::time::interval(std::time::Duration::from_millis(25));
    let encrypted = async {
        loop {
            tries.tick().await;
            let status = fleet.run(&["status", "--output", "json"]).stdout;
            let status: serde_json::Value = serde_json::from_slice(&status).unwrap_or_default();
            if status["status"]["backlog"]["sealing"] == "complete" {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, encrypted).await.expect("everything is encrypted in the end");
    write(&key_file, &format!("{}{old}", new_key(&fleet, "new")), 0o600);
    assert_eq!(fleet.json(&["reload"]), json!({"changed": [], "needs_restart": ["[privacy]"]}));
    fleet.kill();
    fleet.serve().await;
    fleet.kill();
    let new = fs::read_to_string(&key_file).unwrap().lines().next().unwrap().to_owned();
    write(&key_file, &new, 0o600);
    fleet.serve().await;
    // Which key is needed is shown, so that the other line may go.
    let status: serde_json::Value =
        serde_json::from_slice(&fleet.run(&["status", "--output", "json"]).stdout).unwrap();
    assert_eq!(status["status"]["backlog"]["sealed_by"], "new", "{status}");
    let held = fleet.run(&["export", "--recipient", FIRST]).stdout;
    let held: serde_json::Value = serde_json::from_slice(&held).unwrap();
    let texts: Vec<_> =
        held["runs"].as_array().unwrap().iter().map(|run| &run["messages"][0]["text"]).collect();
    assert_eq!(texts, ["Secret words", "Secret words"], "{held}");
    assert_eq!(fleet.run(&["audit"]).status.code(), Some(0));
    let copy = fleet.folder.path().join("copy.db");
    assert_eq!(fleet.run(&["backup", copy.to_str().unwrap()]).status.code(), Some(0));
    let bytes = fs::read(copy).unwrap();
    let has = |needle: &str| bytes.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(!has("Secret words") && !has(&FIRST[1..]) && has("completed"));
}
