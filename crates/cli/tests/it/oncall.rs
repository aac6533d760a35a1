//! `callout oncall` while callout runs. In: rotations, overrides, swaps. Out: who is shown and who is texted, at once.

use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, Layout, SECOND, event};

/// First and second take weekly turns; a turn that began long ago is the first one's every other week.
const ROTATIONS: &str = r#"
[[rotation]]
schedule = "desk"
time_zone = "Europe/Berlin"
start = "2026-01-05"
members = ["first", "second"]
[[rotation]]
schedule = "desk"
layer = "days"
time_zone = "Europe/Berlin"
start = "2026-01-05"
hours = 12
weekdays = ["mon", "tue", "wed", "thu", "fri"]
from = "08:00"
until = "20:00"
members = ["second"]
"#;

const WORKFLOW: &str = r#"
event = "desk.called"
stage = "live"
template = "{{ text }}"
[schema]
type = "object"
properties = { text = { type = "string" } }
[[step]]
notify = ["oncall:desk"]
deliver_within = "1h"
"#;

async fn start() -> Fleet {
    let files = vec![("oncall.toml", ROTATIONS.to_owned()), ("workflows/desk.toml", WORKFLOW.to_owned())];
    Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await
}

/// Sends an event, and returns who gets its text.
async fn texted(fleet: &Fleet, id: &str) -> &'static str {
    let text = format!("Call {id}");
    assert_eq!(fleet.event(&event("desk.called", id, id, json!({"text": text}))).await, 202);
    let has = |view: &twilio_sim::View<'_>, phone: &str| view.texts(phone).iter().any(|one| one.body == text);
    fleet.wait_until(|view| has(view, FIRST) || has(view, SECOND)).await;
    if fleet.sim.view(|view| has(view, FIRST)) { "first" } else { "second" }
}

fn on_call(fleet: &Fleet) -> Value {
    let layers = fleet.json(&["oncall", "now"]);
    let desk = layers.as_array().unwrap().iter().find(|layer| layer["layer"] == "primary").unwrap();
    desk["shifts"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_and_a_swap_are_in_force_at_once_and_can_be_taken_back() {
    let fleet = start().await;
    let usual = on_call(&fleet)["contact"].as_str().unwrap().to_owned();
    let other = if usual == "first" { "second" } else { "first" };
    assert_eq!(texted(&fleet, "c-1").await, usual);

    let made = fleet
        .json(&["oncall", "override", "desk", other, "--until", "8h", "--why", "dentist", "--by", "eve"]);
    let held = &made[0]["overrides"][0];
    assert_eq!(
        (&held["contact"], &held["by"], &held["why"]),
        (&json!(other), &json!("eve"), &json!("dentist"))
    );
    assert_eq!(texted(&fleet, "c-2").await, other);
    assert_eq!(on_call(&fleet)["by_override"], held["id"]);
    let shown = String::from_utf8(fleet.run(&["oncall", "show", "desk"]).stdout).unwrap();
    assert!(shown.contains("made by eve: dentist") && shown.contains("times in Europe/Berlin"), "{shown}");
    let id = held["id"].as_str().unwrap();
    assert!(fleet.json(&["oncall", "undo", id])[0]["overrides"].as_array().unwrap().is_empty());
    assert_eq!(texted(&fleet, "c-3").await, usual);
    assert_eq!(fleet.run(&["oncall", "undo", id]).status.code(), Some(3));

    let swapped =
        fleet.json(&["oncall", "swap", "oncall:desk/primary", "first", "second", "--why", "holiday"]);
    assert_eq!(swapped[0]["overrides"].as_array().unwrap().len(), 2, "{swapped}");
    assert_eq!(texted(&fleet, "c-4").await, other);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_what_there_is() {
    let fleet = start().await;
    let refused = |args: &[&str]| {
        let output = fleet.run(args);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (args, code, said) in [
        (
            &["oncall", "override", "desks", "first", "--until", "8h", "--why", "ill"][..],
            3,
            "there are desk/days, desk/primary",
        ),
        (&["oncall", "show", "desk/nights"], 3, "no schedule desk/nights"),
        (
            &["oncall", "override", "desk", "third", "--until", "8h", "--why", "ill"],
            1,
            "no contact is named \"third\"; there are first, second",
        ),
        (
            &["oncall", "override", "desk", "first", "--until", "2026-01-01T00:00:00Z", "--why", "ill"],
            1,
            "must end after it begins",
        ),
        (
            &["oncall", "override", "desk", "first", "--until", "18:00", "--why", "x"],
            2,
            "expected a time such as",
        ),
        (&["oncall", "override", "desk", "first", "--until", "8h"], 2, "--why <WHY>"),
        (&["oncall", "override", "desk", "first", "--until", "8h", "--why", " "], 2, "say why"),
        (&["oncall", "swap", "desk", "first", "first", "--why", "x"], 1, "are one person"),
        (&["oncall", "show", "a b"], 2, "expected SCHEDULE or SCHEDULE/LAYER"),
    ] {
        let (was, text) = refused(args);
        assert!(was == Some(code) && text.contains(said), "{args:?}: {was:?} {text}");
    }
    // At the weekend nobody works days.
    let layers = fleet.json(&["oncall", "now", "--at", "2026-11-29T12:00:00Z"]);
    let days = layers.as_array().unwrap().iter().find(|layer| layer["layer"] == "days").unwrap();
    assert_eq!(days["shifts"][0]["contact"], Value::Null, "{days}");
    assert_eq!(days["shifts"][0]["until"], "2026-11-30T07:00:00Z");
}

/// A calendar in which somebody is on call from long ago on, a week at a time.
fn calendar(contact: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nSUMMARY:On call - {contact}\n\
         DTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND;TZID=Europe/Berlin:20260112T090000\n\
         RRULE:FREQ=WEEKLY\nEND:VEVENT\nBEGIN:VEVENT\nUID:2\nSUMMARY:Team lunch\nRRULE:FREQ=DAILY\n\
         DTSTART;VALUE=DATE:20260105\nEND:VEVENT\nEND:VCALENDAR\n"
    )
}

const BY_CALENDAR: &str =
    "[[calendar]]\nschedule = \"desk\"\ntime_zone = \"Europe/Berlin\"\nfile = \"desk.ics\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_says_who_is_texted_and_its_last_good_copy_does_when_it_is_gone() {
    let files = vec![
        ("oncall.toml", BY_CALENDAR.to_owned()),
        ("desk.ics", calendar("second")),
        ("workflows/desk.toml", WORKFLOW.to_owned()),
    ];
    let fleet = Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await;
    let checked = String::from_utf8(fleet.run(&["check"]).stdout).unwrap();
    assert!(
        checked.contains("the calendar of desk/primary: event \"Team lunch\", UID 2, puts nobody on call"),
        "{checked}"
    );
    fleet.metrics_with(0, &["callout_calendar_failures{schedule=\"desk\",layer=\"primary\"} 0"]).await;
    let shift = on_call(&fleet);
    assert_eq!((&shift["contact"], &shift["by_calendar"]), (&json!("second"), &json!(true)), "{shift}");
    assert_eq!(texted(&fleet, "c-1").await, "second");
    let shown = String::from_utf8(fleet.run(&["oncall", "show", "desk"]).stdout).unwrap();
    assert!(shown.contains("(calendar)") && shown.contains("not taken  \"Team lunch\""), "{shown}");

    // Another place is read at once, and what is there is no calendar.
    std::fs::write(fleet.folder.path().join("oncall.toml"), BY_CALENDAR.replace("desk.ics", "other.ics"))
        .unwrap();
    std::fs::write(fleet.folder.path().join("other.ics"), "<html>Sign in</html>").unwrap();
    assert!(fleet.run(&["reload"]).status.success());
    fleet.metrics_with(0, &["callout_calendar_failures{schedule=\"desk\",layer=\"primary\"} 1"]).await;
    assert_eq!(texted(&fleet, "c-2").await, "second");
    let shown = String::from_utf8(fleet.run(&["oncall", "show", "desk"]).stdout).unwrap();
    assert!(shown.contains("CANNOT BE READ (1 failure in a row): it is HTML"), "{shown}");
    let status = String::from_utf8(fleet.run(&["status"]).stdout).unwrap();
    assert!(status.contains("the calendar of desk/primary cannot be read: it is HTML"), "{status}");

    // Overrides come first, and a dry run changes nothing.
    let path = fleet.folder.path().join("third.ics");
    std::fs::write(&path, calendar("first")).unwrap();
    let path = path.to_str().unwrap();
    let dry = fleet.json(&["oncall", "import", "--schedule", "desk", "--dry-run", path]);
    assert_eq!(
        (&dry["shifts"][0]["contact"], &dry["not_taken"][0]["uid"]),
        (&json!("first"), &json!("2")),
        "{dry}"
    );
    assert_eq!(fleet.run(&["oncall", "import", "--schedule", "desk", path]).status.code(), Some(2));
    assert_eq!(texted(&fleet, "c-3").await, "second");
    fleet.json(&["oncall", "override", "desk", "first", "--until", "8h", "--why", "ill"]);
    assert_eq!(texted(&fleet, "c-4").await, "first");
}

/// A calendar that puts both on call for the same time, for a day each day, and a layer in which one person is for ever.
#[tokio::test(flavor = "multi_thread")]
async fn two_people_with_one_shift_are_named_and_a_shift_has_its_own_end() {
    let shift = |uid: &str, who: &str| {
        format!(
            "BEGIN:VEVENT\nUID:{uid}\nSUMMARY:{who}\nDTSTART:20260105T090000Z\nDTEND:20260106T090000Z\n\
             RRULE:FREQ=DAILY\nEND:VEVENT\n"
        )
    };
    let both = format!("BEGIN:VCALENDAR\n{}{}END:VCALENDAR\n", shift("1", "second"), shift("2", "first"));
    let alone = "[[rotation]]\nschedule = \"alone\"\ntime_zone = \"UTC\"\nstart = \"2026-01-05\"\nmembers = [\"first\"]\n";
    let files = vec![
        ("oncall.toml", format!("{alone}{BY_CALENDAR}")),
        ("desk.ics", both),
        ("workflows/desk.toml", WORKFLOW.to_owned()),
    ];
    let fleet = Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await;
    fleet.metrics_with(0, &["callout_calendar_failures{schedule=\"desk\",layer=\"primary\"} 0"]).await;
    let said = |args: &[&str]| {
        let output = fleet.run(args);
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (same, counts) = ("first and second have the same shift, ", "first counts, the first by name");
    for args in [&["check"][..], &["oncall", "now"], &["status"], &["preflight", "--only", "coverage"]] {
        let text = said(args);
        assert!(text.contains(same) && text.contains(counts), "{args:?}: {text}");
    }
    assert!(said(&["check"]).contains("1 rotation, 1 calendar"), "{}", said(&["check"]));
    assert!(said(&["oncall", "now"]).contains("alone/primary first no end within 92 days"));
    // What names a turn is the same whenever the feed is asked for, though more or less of it is shown.
    let uids = |days: &str| -> Vec<String> {
        let feed = said(&["oncall", "calendar", "--days", days]);
        feed.split(' ').filter(|line| line.starts_with("UID:")).map(str::to_owned).collect()
    };
    let (few, more) = (uids("1"), uids("30"));
    assert!(few.len() > 8 && more.len() > few.len(), "{few:?}");
    assert!(few.iter().all(|uid| more.contains(uid)), "{few:?} {more:?}");
}
