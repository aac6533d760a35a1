//! Texts that wait for quiet hours to end, seen from outside. In: workflows and events. Out: when texts go out, and what the run
//! says of it.

use jiff::{Timestamp, ToSpan, civil::Time, tz::TimeZone};
use ports::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, Layout, NOTE, PAGE, SECOND, event, run_of};

/// The time of the day in UTC, so many seconds from now.
fn in_seconds(seconds: i64) -> Time {
    let at = SystemClock.now().checked_add(seconds.seconds()).unwrap().to_zoned(TimeZone::UTC);
    at.time().round(jiff::Unit::Second).unwrap()
}

/// `[quiet_hours]` from an hour ago until so many seconds from now, in UTC.
fn quiet(until_s: i64, more: &str) -> String {
    let (start, end) = (in_seconds(-3_600), in_seconds(until_s));
    format!("[quiet_hours]\nstart = \"{start}\"\nend = \"{end}\"\ntime_zone = \"UTC\"\n{more}")
}

fn with(workflow: &str, kind: &str, quiet: &str) -> String {
    // Before the first table, so that keys above it stay where they are.
    workflow.replace("note.", kind).replace("page.", kind).replacen(
        "[schema]",
        &format!("{quiet}[schema]"),
        1,
    )
}

async fn start(name: &str, text: String) -> Fleet {
    let (file, settings) = (format!("workflows/{name}.toml"), "");
    Fleet::start_layout(Layout {
        roles: &[&[]],
        settings,
        files: vec![(file.as_str(), text)],
        ..Layout::default()
    })
    .await
}

/// The verdict of the first text of a run.
fn verdict(fleet: &Fleet, run: &str) -> Value {
    fleet.json(&["runs", "explain", run])["steps"][0]["texts"][0]["lines"][0]["verdict"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_waits_goes_out_after_the_process_was_killed() {
    let quiet = quiet(15, "zone_field = \"zone\"\n");
    let workflow =
        with(NOTE, "late.", &quiet).replace("phone = { type", "zone = { type = \"string\" }, phone = { type");
    let mut fleet = start("late", workflow).await;
    let data = json!({"text": "Good morning.", "phone": FIRST, "zone": "UTC"});
    assert_eq!(fleet.event(&event("late.created", "n-1", "a", data)).await, 202);
    let run = run_of("n-1", "late", "a");
    fleet.run_until(&run, |run| run["messages"][0]["status"] == "queued").await;
    let verdict = verdict(&fleet, &run);
    assert_eq!(verdict["rule"], "quiet_hours.active", "{verdict}");
    let inputs = &verdict["inputs"];
    assert_eq!((&inputs["time_zone"], &inputs["time_zone_from"]), (&json!("UTC"), &json!("event")));
    let until: Timestamp = inputs["until"].as_str().unwrap().parse().unwrap();
    fleet.kill();
    assert!(fleet.sim.phone(FIRST).texts().is_empty(), "it went out too early");
    fleet.serve().await;
    fleet.wait_until(|view| !view.texts(FIRST).is_empty()).await;
    assert!(SystemClock.now() >= until, "it went out before {until}");
    let run = fleet.run_until(&run, |run| run["phase"] == "completed").await;
    assert_eq!(run["messages"].as_array().unwrap().len(), 1, "{run}");
}

/// Nobody takes on what they were not told of, whatever they reply to other texts.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_does_not_mean_a_text_that_still_waits() {
    let fleet = start("late", with(PAGE, "late.", &quiet(3_600, ""))).await;
    for (kind, id) in [("late.created", "l-1"), ("page.created", "p-1")] {
        assert_eq!(fleet.event(&event(kind, id, id, json!({"text": "Down"}))).await, 202);
    }
    let (waits, told) = (run_of("l-1", "late", "l-1"), run_of("p-1", "page", "p-1"));
    fleet.run_until(&waits, |run| run["messages"][0]["status"] == "queued").await;
    fleet.run_until(&told, |run| run["messages"][0]["status"] == "delivered").await;
    fleet.sim.phone(FIRST).reply("ACK ALL").await.unwrap();
    fleet.run_until(&told, |run| run["phase"] == "acknowledged").await;
    let answered = |text: &str| text.starts_with("Acknowledged: p-1.");
    fleet.wait_until(|view| view.texts(FIRST).iter().any(|text| answered(&text.body))).await;
    assert_eq!(fleet.json(&["runs", "show", &waits])["phase"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_would_wait_for_too_long_goes_to_the_next_step_or_ends() {
    let limit = "defer_at_most = \"10m\"\nthen = \"escalate\"\n";
    let escalates = with(PAGE, "wait.", &quiet(3_600, limit));
    let mut drops = with(PAGE, "drop.", &quiet(3_600, &limit.replace("escalate", "drop")));
    drops = drops.replace("contact:first", "contact:second");
    // The second person lives where it is not quiet.
    let second_zone = "Pacific/Kiritimati";
    let files = vec![
        ("workflows/wait.toml", escalates.replace("contact:second", "contact:abroad")),
        ("workflows/drop.toml", drops),
        ("contacts.toml", format!("[abroad]\nnumber = \"+14155550113\"\ntime_zone = \"{second_zone}\"\n")),
    ];
    let fleet = Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await;
    assert_eq!(fleet.event(&event("wait.created", "w-1", "a", json!({"text": "Down"}))).await, 202);
    let run = run_of("w-1", "wait", "a");
    let shown = fleet.run_until(&run, |run| run["messages"][1]["status"] == "delivered").await;
    assert_eq!(shown["messages"][0]["status"], "suppressed");
    assert_eq!(verdict(&fleet, &run)["rule"], "quiet_hours.escalate");
    assert_eq!(fleet.event(&event("drop.created", "d-1", "a", json!({"text": "Down"}))).await, 202);
    let run = run_of("d-1", "drop", "a");
    let shown = fleet.run_until(&run, |run| run["phase"] == "suppressed").await;
    assert_eq!(shown["messages"].as_array().unwrap().len(), 1, "no further step: {shown}");
    assert_eq!(verdict(&fleet, &run)["rule"], "quiet_hours.drop");
    let explained = String::from_utf8(fleet.run(&["runs", "explain", &run]).stdout).unwrap();
    let flat = explained.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in ["so it was dropped", "time_zone=UTC, time_zone_from=contact", "waits_until=", "window="] {
        assert!(flat.contains(said), "{said} is not in {flat}");
    }
    assert!(fleet.sim.phone(FIRST).texts().is_empty() && fleet.sim.phone(SECOND).texts().is_empty());
}
