//! Rotations of `oncall.toml` that cannot be. In: tables. Out: an error with its line, and what to write.

use crate::problems;

/// A rotation that can be.
const WEEKLY: &str = "[[rotation]]\nschedule = \"s\"\ntime_zone = \"UTC\"\nstart = \"2026-01-05\"\nmembers = [\"platform-primary\"]\n";

#[test]
fn each_mistake_in_a_rotation_is_said_with_its_line() {
    let with = |more: &str| problems("oncall.toml", &format!("{WEEKLY}{more}"));
    let day = "from = \"08:00\"\nuntil = \"20:00\"\n";
    for (found, expected) in [
        (
            with(WEEKLY),
            "oncall.toml:6: schedule \"s\" has two rotations for layer \"primary\" that hold at once, first at Mon 2026-01-05 09:00 UTC",
        ),
        (
            with(&format!("{day}{WEEKLY}from = \"19:00\"\nuntil = \"08:00\"\n")),
            "oncall.toml:8: schedule \"s\" has two rotations for layer \"primary\" that hold at once, first at Mon 2026-01-05 19:00 UTC",
        ),
        (with("hours = 12\ndays = 1\n"), "oncall.toml:6: rotation: give days or hours, not both"),
        (with("hours = 0\n"), "oncall.toml:6: rotation.hours: expected a whole number from 1 to 8783"),
        (with("weekdays = [\"monday\"]\n"), "oncall.toml:6: rotation.weekdays: expected some of mon, tue"),
        (with("weekdays = [\"mon\", \"mon\"]\n"), "oncall.toml:6: rotation.weekdays: mon is there twice"),
        (with("from = \"08:00\"\n"), "oncall.toml:6: rotation: from and until belong together"),
        (with("from = \"8\"\nuntil = \"9\"\n"), "oncall.toml:6: rotation.from: expected a time of the day"),
        (
            problems("oncall.toml", &WEEKLY.replace("UTC", "Mars/Olympus")),
            "oncall.toml:3: unknown time zone \"Mars/Olympus\"",
        ),
        (
            problems("oncall.toml", &WEEKLY.replace("\"platform-primary\"", "")),
            "oncall.toml:1: rotation.members: name at least one contact",
        ),
    ] {
        assert!(found.contains(expected), "{expected}\nis not in\n{found}");
    }
}
