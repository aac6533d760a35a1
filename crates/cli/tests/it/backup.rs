//! `callout backup`, and a process that is started on the copy. In: texts that went out after the copy was made. Out: none
//! of them goes out again.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use twilio_sim::FaultPlan;

use crate::harness::{FIRST, Fleet, event, run_of};

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_out_after_the_backup_does_not_go_out_again_once_it_is_restored() {
    let mut fleet = Fleet::start().await;
    let note = |id: &str| event("note.created", id, id, json!({"text": id, "phone": FIRST}));
    fleet.event(&note("before")).await;
    fleet.run_until(&run_of("before", "note", "before"), |run| run["phase"] == "completed").await;
    // It waits for its second attempt while the copy is made.
    fleet.sim.set_faults(FaultPlan { rate_429: 1.0, ..FaultPlan::default() }).unwrap();
    fleet.event(&note("waits")).await;
    let waits = run_of("waits", "note", "waits");
    fleet.run_until(&waits, |run| run["messages"][0]["status"] == "retry_wait").await;
    let copy = fleet.folder.path().join("copy.db");
    let made = fleet.json(&["backup", copy.to_str().unwrap()]);
    assert_eq!((&made["runs"], made["bytes"].as_u64() > Some(4_096)), (&json!(2), true), "{made}");
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let again = fleet.run(&["backup", copy.to_str().unwrap()]);
    assert!(again.status.code() == Some(1) && said(&again).contains("is there already"), "{}", said(&again));

    let elsewhere =
        fleet.callout(&["backup", "other.db"]).env("CALLOUT_URL", "http://127.0.0.1:1").output().unwrap();
    assert!(
        elsewhere.status.code() == Some(2) && said(&elsewhere).contains("unset CALLOUT_URL"),
        "{}",
        said(&elsewhere)
    );

    fleet.sim.set_faults(FaultPlan::default()).unwrap();
    fleet.run_until(&waits, |run| run["messages"][0]["status"] == "delivered").await;
    fleet.kill();
    let database = fleet.folder.path().join("callout.db");
    for suffix in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{suffix}", database.display())));
    }
    std::fs::rename(&copy, &database).unwrap();
    fleet.serve().await;
    let run = fleet.run_until(&waits, |run| run["phase"] == "completed").await;
    assert!(run["timeline"].to_string().contains("doubt_settled"), "{run}");
    let report = fleet.sim.report();
    assert_eq!((report.accepted, report.duplicates_total), (2, 0), "{report:?}");
    assert!(std::fs::read_to_string(fleet.log()).unwrap().contains("this database is a restored backup"));
    fleet.event(&note("after")).await;
    fleet.run_until(&run_of("after", "note", "after"), |run| run["phase"] == "completed").await;
    assert_eq!(fleet.sim.report().accepted, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_nothing_or_into_nowhere_says_so_and_leaves_nothing() {
    let fleet = Fleet::start().await;
    let nowhere = fleet.run(&["backup", "/nowhere/copy.db"]);
    assert!(
        nowhere.status.code() == Some(1) && said(&nowhere).contains("/nowhere/copy.db cannot be written")
    );
    let other = crate::misconfigured::Settings::new("");
    let copy = other.folder.path().join("copy.db");
    let nothing = other.run(&["backup", copy.to_str().unwrap()]);
    assert!(nothing.status.code() == Some(3), "{}", said(&nothing));
    assert!(
        said(&nothing).contains("there is no callout database at") && !copy.exists(),
        "{}",
        said(&nothing)
    );
}
