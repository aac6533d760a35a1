//! Quiet hours of workflows, categories and calendars. In: tables. Out: what a workflow is read with, or an error with its line.

use domain::{
    quiet_hours::{AfterWait, QuietHours},
    workflow::WorkflowDefinition,
};

use crate::{env, examples, problems};

const PAGING: &str = "workflows/incident-paging.toml";

/// The example with these lines below it: the problems, and the line on which the first of them is.
fn with(more: &str) -> (String, usize) {
    let example = std::fs::read_to_string(examples().join(PAGING)).unwrap();
    (problems(PAGING, &format!("{example}\n{more}")), example.lines().count() + 2)
}

#[test]
fn each_mistake_in_quiet_hours_is_said_with_its_line() {
    let table = "[quiet_hours]\n";
    let night = "[quiet_hours]\nstart = \"21:00\"\nend = \"08:00\"\n";
    let zone = "time_zone = \"UTC\"\n";
    let windows = "[quiet_hours]\ntime_zone = \"UTC\"\n[[quiet_hours.window]]\n";
    for (more, below, expected) in [
        (
            format!("{night}time_zone = \"Mars/Base\"\n"),
            3,
            "unknown time zone \"Mars/Base\"; use an IANA name",
        ),
        (night.to_owned(), 0, "quiet_hours.time_zone: required"),
        (
            format!("{table}{zone}"),
            0,
            "quiet_hours: give start and end, or windows, each written [[quiet_hours.window]]",
        ),
        (
            format!("{windows}days = [\"monday\"]\nstart = \"21:00\"\nend = \"08:00\"\n"),
            3,
            "quiet_hours.window.days: expected some of mon, tue, wed, thu, fri, sat, sun, not \"monday\"",
        ),
        (
            format!("{windows}start = \"08:00\"\nend = \"08:00\"\n"),
            4,
            "quiet_hours.window: start and end are the same time, which is never quiet; for a whole day write \"00:00\" and \"24:00\"",
        ),
        (
            format!("{windows}start = \"08:00\"\nend = \"25:00\"\n"),
            4,
            "quiet_hours.window.end: expected a time of the day such as \"21:00\" or \"24:00\"",
        ),
        (
            format!("{night}{zone}[[quiet_hours.window]]\nstart = \"08:00\"\nend = \"21:00\"\n"),
            0,
            "quiet_hours: the windows cover the whole week, so no text would ever go out; leave some time between them",
        ),
        (
            format!("{night}{zone}zone_unknown = \"guess\"\n"),
            4,
            "quiet_hours.zone_unknown: expected \"default\" or \"refuse\", not \"guess\"",
        ),
        (
            format!("{night}{zone}zone_unknown = \"refuse\"\n"),
            3,
            "quiet_hours.zone_unknown: \"refuse\" needs no time_zone; leave one of them out",
        ),
        (
            format!("{night}{zone}then = \"drop\"\n"),
            4,
            "quiet_hours.then: says what follows defer_at_most, which is not there; give one such as \"12h\"",
        ),
        (
            format!("{night}{zone}defer_at_most = \"12h\"\nthen = \"wait\"\n"),
            5,
            "quiet_hours.then: expected \"drop\", \"escalate\" or \"digest\", not \"wait\"",
        ),
        (
            format!("{night}{zone}zone_field = \"customer.zone\"\n"),
            4,
            "time_zone_field: field \"customer.zone\" is not declared in the schema",
        ),
    ] {
        let (found, first) = with(&more);
        let expected = format!("{PAGING}:{}: {expected}", first + below);
        assert!(found.contains(&expected), "{expected}\nis not in\n{found}");
        assert!(found.ends_with("1 error in the configuration"), "{found}");
    }
}

#[test]
fn a_calendar_that_is_not_there_and_a_date_that_does_not_exist_are_said() {
    let night = "[quiet_hours]\nstart = \"21:00\"\nend = \"08:00\"\ntime_zone = \"UTC\"\n";
    let (found, _) = with(&format!("{night}calendars = [\"us\"]\n"));
    assert!(
        found.contains("calendars.toml: is not there, and other files use names of it: create it"),
        "{found}"
    );
    for (text, expected) in [
        (
            "[us]\ndates = [\n    \"2026-02-28\",\n    \"2026-02-30\",\n]\n",
            "calendars.toml:4: us.dates: there is no date \"2026-02-30\"; write one that exists, such as \"2026-12-25\"",
        ),
        ("[us]\n", "calendars.toml:1: us: give dates, or windows, each written [[us.window]]"),
        (
            "[us]\n[[us.window]]\ndays = [\"holidays\"]\nstart = \"09:00\"\nend = \"10:00\"\n",
            "calendars.toml:3: us.window.days: expected some of mon, tue, wed, thu, fri, sat, sun, holiday, not \"holidays\"",
        ),
    ] {
        let found = problems("calendars.toml", text);
        assert!(found.contains(expected), "{expected}\nis not in\n{found}");
    }
}

/// The paging example with these quiet hours, beside calendars and a main file.
fn read(workflow: &str, calendars: &str, main: &str) -> Result<WorkflowDefinition, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    for name in ["contacts.toml", "oncall.toml"] {
        std::fs::copy(examples().join(name), folder.path().join(name)).unwrap();
    }
    let with = |name: &str, more: &str| {
        let example = std::fs::read_to_string(examples().join(name)).unwrap();
        std::fs::write(folder.path().join(name), format!("{example}\n{more}")).unwrap();
    };
    with(PAGING, workflow);
    with("callout.toml", main);
    std::fs::write(folder.path().join("calendars.toml"), calendars).unwrap();
    let loaded = config::load(&folder.path().join("callout.toml"), &env, config::Scope::SERVER);
    loaded
        .map(|(config, _)| (*config.workflows[0].definition).clone())
        .map_err(|problems| problems.to_string())
}

fn shown(hours: &QuietHours) -> Vec<String> {
    hours.windows.iter().map(ToString::to_string).collect()
}

#[test]
fn a_workflow_without_quiet_hours_has_those_of_its_category() {
    let defaults = "[quiet_hours.operational]\nstart = \"22:00\"\nend = \"06:00\"\ntime_zone = \"Europe/Berlin\"\n\
                    defer_at_most = \"2h\"\nthen = \"escalate\"\n[quiet_hours.marketing]\nstart = \"01:00\"\nend = \"02:00\"\n\
                    zone_unknown = \"refuse\"\n";
    let of_category = read("", "", defaults).unwrap().quiet_hours.unwrap();
    assert_eq!(shown(&of_category), ["22:00-06:00"]);
    assert_eq!((of_category.defer_at_most_s, of_category.then), (Some(7_200), AfterWait::Escalate));
    let own = "[quiet_hours]\nstart = \"12:00\"\nend = \"13:00\"\nzone_unknown = \"refuse\"\n";
    let own = read(own, "", defaults).unwrap().quiet_hours.unwrap();
    assert_eq!(
        (shown(&own), own.time_zone, own.defer_at_most_s),
        (vec!["12:00-13:00".to_owned()], None, None)
    );
    assert_eq!(read("", "", "").unwrap().quiet_hours, None);
}

#[test]
fn windows_of_weekdays_and_of_calendars_are_read() {
    let calendars = "[company]\ndates = [\"2026-12-24\", \"2026-12-31\"]\n[[company.window]]\ndays = [\"holiday\", \"fri\"]\n\
                     start = \"14:00\"\nend = \"24:00\"\n[us]\ndates = [\"2026-12-25\"]\n[[us.window]]\nstart = \"20:00\"\n\
                     end = \"08:00\"\n";
    let hours = "[quiet_hours]\ntime_zone = \"UTC\"\ncalendars = [\"company\", \"us\"]\ncalendar_field = \"severity\"\n\
                 [[quiet_hours.window]]\ndays = [\"mon\", \"tue\"]\nstart = \"18:30\"\nend = \"09:00\"\n";
    let hours = read(hours, calendars, "").unwrap().quiet_hours.unwrap();
    let expected = [
        "mon,tue 18:30-09:00",
        "company fri 14:00-24:00",
        "company 14:00-24:00",
        "us 20:00-08:00",
        "us 00:00-24:00",
    ];
    assert_eq!(shown(&hours), expected);
    let dates: Vec<_> = hours.windows.iter().map(|window| window.dates.len()).collect();
    assert_eq!(dates, [0, 0, 2, 0, 1]);
    let by_field = hours.by_field.unwrap();
    assert_eq!((by_field.field.as_str(), by_field.calendars.len()), ("severity", 2));
}
