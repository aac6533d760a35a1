//! `callout simulate` without a running callout. In: events and configurations. Out: what would be sent, and what differs.

use std::{fmt::Write as _, path::Path, process::Command};

use serde_json::{Value, json};

use crate::harness::PAGE;

/// A folder with a configuration whose first step waits for so long.
fn configured(folder: &Path, within: &str) {
    std::fs::create_dir_all(folder.join("workflows")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "callout.toml",
        "environment = \"test\"\n[twilio]\nfrom = \"+15005550006\"\npublic_url = \"https://callout.example.com\"\n",
    );
    let person = |name: &str, number: &str| format!("[{name}]\nnumber = \"{number}\"\ntime_zone = \"UTC\"\n");
    write("contacts.toml", &(person("first", "+14155550111") + &person("second", "+14155550112")));
    write(
        "workflows/page.toml",
        &PAGE.replacen("ack_within = \"1h\"", &format!("ack_within = \"{within}\""), 1),
    );
}

fn page(id: &str, time: &str) -> Value {
    json!({
        "specversion": "1.0", "source": "test", "id": id, "type": "page.created", "subject": id, "time": time,
        "data": {"text": format!("Down {id}")}
    })
}

/// The exit code, standard output and standard error.
fn simulated(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callout"));
    command
        .current_dir(folder)
        .args(["simulate", "--workflow", "page", "--events", "events.jsonl"])
        .args(args);
    let output = command.env_remove("CALLOUT_URL").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn report(folder: &Path, args: &[&str]) -> Value {
    let (code, out, err) = simulated(folder, &[args, &["--output", "json"]].concat());
    assert_eq!(code, Some(0), "{err}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn the_timeline_that_would_be_and_what_another_configuration_changes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configured(folder, "1h");
    configured(&folder.join("other"), "30m");
    let resolved = json!({
        "specversion": "1.0", "source": "test", "id": "p-9", "type": "page.resolved", "subject": "p-2",
        "time": "2026-01-05T12:20:00Z", "data": {}
    });
    let events = [page("p-1", "2026-01-05T12:00:00Z"), page("p-2", "2026-01-05T12:10:00Z"), resolved];
    let events: Vec<_> = events.iter().map(Value::to_string).collect();
    std::fs::write(folder.join("events.jsonl"), events.join("\n")).unwrap();

    let report = report(folder, &[]);
    let runs = &report["runs"];
    assert_eq!(
        (&runs[0]["phase"], &runs[0]["ended_at"]),
        (&json!("exhausted"), &json!("2026-01-05T14:00:00Z"))
    );
    let sent: Vec<_> =
        runs[0]["texts"].as_array().unwrap().iter().map(|text| (&text["to"], &text["at"])).collect();
    assert_eq!(
        sent,
        [
            (&json!("first"), &json!("2026-01-05T12:00:00Z")),
            (&json!("second"), &json!("2026-01-05T13:00:00Z"))
        ]
    );
    assert_eq!(
        (&runs[1]["phase"], &runs[1]["ended_at"]),
        (&json!("resolved"), &json!("2026-01-05T12:20:00Z"))
    );
    assert_eq!(
        report["summary"],
        json!({"runs": 2, "texts": 3, "by_phase": {"exhausted": 1, "resolved": 1}})
    );

    let (_, text, _) = simulated(folder, &["--against", "other/callout.toml"]);
    assert!(text.contains("1 of 2 runs differ") && !text.contains("event p-2"), "{text}");
    assert!(text.contains("-   step 2  second by contact:second  sent 2026-01-05 13:00:00Z"), "{text}");
    assert!(text.contains("+   step 2  second by contact:second  sent 2026-01-05 12:30:00Z"), "{text}");

    std::fs::write(
        folder.join("outcomes.jsonl"),
        r#"{"event": "p-1", "step": 1, "acknowledged_after": "90s"}"#,
    )
    .unwrap();
    let (_, text, _) = simulated(folder, &["--outcomes", "outcomes.jsonl", "--from", "2026-01-05T12:00:00Z"]);
    assert!(text.contains("acknowledged 2026-01-05 12:01:30Z: by first"), "{text}");
    let (_, text, _) = simulated(folder, &["--from", "2026-01-05T12:05:00Z"]);
    assert!(!text.contains("event p-1") && text.contains("1 run, 1 text: 1 resolved"), "{text}");
}

#[test]
fn what_cannot_be_simulated_is_said_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configured(folder, "1h");
    let refused = |events: &str, args: &[&str], code, said: &str| {
        std::fs::write(folder.join("events.jsonl"), events).unwrap();
        let (was, _, text) = simulated(folder, args);
        assert!(was == Some(code) && text.contains(said), "{events} {args:?}: {was:?} {text}");
    };
    let event = page("p-1", "2026-01-05T12:00:00Z").to_string();
    refused("{", &[], 2, "events.jsonl:1: ");
    let mut untimed = page("p-1", "2026-01-05T12:00:00Z");
    untimed.as_object_mut().unwrap().remove("time");
    refused(&untimed.to_string(), &[], 2, "event 1 has no time");
    refused(&event.replace("page.created", "note.created"), &[], 0, "no event of the file opens a run");
    std::fs::write(folder.join("outcomes.jsonl"), r#"{"acked_after": "90s"}"#).unwrap();
    refused(&event, &["--outcomes", "outcomes.jsonl"], 2, "outcomes.jsonl:1: unknown field `acked_after`");
    refused(&event, &["--against", "other.toml"], 2, "there is no configuration at other.toml");
}

#[test]
fn a_month_of_a_thousand_events_a_day_is_done_in_one_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configured(folder, "1h");
    let mut events = String::new();
    for day in 1..=30 {
        for n in 0..1_000 {
            let time = format!("2026-01-{day:02}T{:02}:{:02}:{:02}Z", n / 42, n % 42, n % 60);
            writeln!(events, "{}", page(&format!("p-{day}-{n}"), &time)).unwrap();
        }
    }
    std::fs::write(folder.join("events.jsonl"), events).unwrap();
    let (code, text, error) = simulated(folder, &[]);
    assert_eq!(code, Some(0), "{error}");
    assert!(text.ends_with("30000 runs, 60000 texts: 30000 exhausted\n"), "{error}");
}

#[test]
fn a_text_that_would_wait_names_rule_zone_and_window() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configured(folder, "1h");
    let calendars = "[holidays]\ndates = [\"2026-01-05\"]\n";
    std::fs::write(folder.join("calendars.toml"), calendars).unwrap();
    let page_with = |more: &str| {
        let quiet = format!("[quiet_hours]\ntime_zone = \"UTC\"\ncalendars = [\"holidays\"]\n{more}[schema]");
        std::fs::write(folder.join("workflows/page.toml"), PAGE.replacen("[schema]", &quiet, 1)).unwrap();
    };
    std::fs::write(folder.join("events.jsonl"), page("p-1", "2026-01-05T12:00:00Z").to_string()).unwrap();
    page_with("");
    let text = &report(folder, &[])["runs"][0]["texts"][0];
    assert_eq!(text["at"], "2026-01-06T00:00:00Z", "{text}");
    let quiet = &text["quiet"][0];
    assert_eq!(
        (&quiet["rule"], &quiet["inputs"]["window"]),
        (&json!("quiet_hours.active"), &json!("holidays 00:00-24:00"))
    );
    assert_eq!(
        (&quiet["inputs"]["time_zone"], &quiet["inputs"]["time_zone_from"]),
        (&json!("UTC"), &json!("contact"))
    );
    page_with("defer_at_most = \"11h\"\nthen = \"escalate\"\n");
    let (_, text, _) = simulated(folder, &[]);
    assert!(text.contains("[rule quiet_hours.escalate; time_zone=UTC, time_zone_from=contact, until=2026-01-06T00:00:00Z, waits_until=2026-01-05T23:00:00Z, window=holidays 00:00-24:00]"), "{text}");
    assert!(text.contains("exhausted 2026-01-05 12:00:00Z"), "{text}");
}

#[test]
fn calendars_of_files_are_simulated_and_of_a_feed_without_a_store_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configured(folder, "1h");
    std::fs::write(folder.join("workflows/page.toml"), PAGE.replacen("contact:first", "oncall:desk", 1))
        .unwrap();
    let rotation = "[[rotation]]\nschedule = \"desk\"\ntime_zone = \"UTC\"\nstart = \"2026-01-05\"\nmembers = [\"first\"]\n";
    let calendar = format!("{rotation}[[calendar]]\nschedule = \"desk\"\ntime_zone = \"UTC\"\n");
    let event =
        "BEGIN:VEVENT\nUID:1\nSUMMARY:second\nDTSTART:20240105T000000Z\nDTEND:20240106T000000Z\nEND:VEVENT";
    std::fs::write(folder.join("desk.ics"), format!("BEGIN:VCALENDAR\n{event}\nEND:VCALENDAR\n")).unwrap();
    let pages =
        [page("p-1", "2024-01-05T12:00:00Z"), page("p-2", "2024-01-06T12:00:00Z")].map(|of| of.to_string());
    std::fs::write(folder.join("events.jsonl"), pages.join("\n")).unwrap();
    let to = |run: &Value| run["texts"][0]["to"].clone();

    std::fs::write(folder.join("oncall.toml"), format!("{calendar}file = \"desk.ics\"\n")).unwrap();
    let runs = report(folder, &[])["runs"].clone();
    assert_eq!((to(&runs[0]), to(&runs[1])), (json!("second"), json!("first")), "years ago as well");
    std::fs::write(folder.join("oncall.toml"), format!("{calendar}url_env = \"CALLOUT_CALENDAR_DESK\"\n"))
        .unwrap();
    let (code, out, err) = simulated(folder, &["--output", "json"]);
    assert!(out.contains("first") && code == Some(0), "{err}");
    assert!(err.contains("the calendar of desk/primary puts nobody on call in this simulation"), "{err}");
}
