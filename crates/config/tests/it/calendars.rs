//! `[[calendar]]` and `[canary]`. In: files and the environment. Out: calendars and settings, or what to write instead.

use config::Scope;
use domain::directory::CalendarSource;

use crate::{env, examples, problems, problems_with};

const ON_CALL: &str = "[[calendar]]\nschedule = \"desk\"\ntime_zone = \"Europe/Berlin\"\n";

fn said(keys: &str) -> String {
    problems("oncall.toml", &format!("{ON_CALL}{keys}"))
}

#[test]
fn a_calendar_says_where_it_is_and_no_more() {
    for (keys, says) in [
        ("", "oncall.toml:1: calendar: give file, or url_env with the variable that holds the address"),
        ("file = \"a.ics\"\nurl_env = \"CALLOUT_CALENDAR\"\n", "calendar: give file or url_env, not both"),
        (
            "url = \"https://example.com/SECRET\"\n",
            "oncall.toml:4: calendar.url: the address of a calendar holds a secret",
        ),
        ("file = \"a.ics\"\nrefresh = \"1s\"\n", "calendar.refresh"),
        ("file = \"a.ics\"\nevery = \"1h\"\n", "every"),
    ] {
        let said = said(keys);
        assert!(said.contains(says) && !said.contains("SECRET"), "{keys}: {said}");
    }
    let twice = said(&format!("file = \"a.ics\"\n{ON_CALL}file = \"b.ics\"\n"));
    assert!(
        twice.contains("oncall.toml:5: schedule \"desk\" has two calendars for layer \"primary\""),
        "{twice}"
    );
}

#[test]
fn the_address_of_a_calendar_is_a_secret_of_the_process_that_reads_it() {
    let text = format!("{ON_CALL}url_env = \"CALENDAR_OF_DESK\"\n");
    let with = |url: Option<&'static str>| {
        move |name: &str| match name {
            "CALENDAR_OF_DESK" => url.map(str::to_owned),
            name => env(name),
        }
    };
    let said = |url| problems_with("oncall.toml", &text, &with(url));
    assert!(
        said(None)
            .contains("oncall.toml:4: the calendar of desk/primary has no address: set CALENDAR_OF_DESK"),
        "{}",
        said(None)
    );
    for (url, says) in [
        ("http://example.com/SECRET", "CALENDAR_OF_DESK must begin with https:// (or webcal://)"),
        ("SECRET", "CALENDAR_OF_DESK is no address"),
        ("ftp://example.com/SECRET", "CALENDAR_OF_DESK must begin with https://"),
    ] {
        let said = said(Some(url));
        assert!(said.contains(says) && !said.contains("SECRET"), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    for name in ["callout.toml", "contacts.toml"] {
        std::fs::copy(examples().join(name), folder.path().join(name)).unwrap();
    }
    let workflow = "event = \"a\"\ntemplate = \"x\"\n[schema]\ntype = \"object\"\nproperties = { a = { type = \"string\" } }\n[[step]]\nnotify = [\"oncall:desk\"]\n";
    std::fs::write(folder.path().join("workflows/desk.toml"), workflow).unwrap();
    std::fs::write(folder.path().join("oncall.toml"), &text).unwrap();
    let load = |scope| {
        config::load(&folder.path().join("callout.toml"), &with(Some("webcal://example.com/SECRET")), scope)
    };
    let (config, secrets) = load(Scope { calendars: true, ..Scope::OPERATOR }).unwrap();
    assert_eq!(secrets.calendars["CALENDAR_OF_DESK"].0.as_str(), "https://example.com/SECRET");
    assert!(!format!("{secrets:?}{config:?}").contains("SECRET"));
    let calendar = &config.directory.calendars[&("desk".to_owned(), "primary".to_owned())];
    let source = CalendarSource::UrlIn { variable: "CALENDAR_OF_DESK".to_owned(), allow_private: false };
    assert_eq!((&calendar.source, calendar.refresh_s), (&source, 900));
    assert!(load(Scope::OPERATOR).unwrap().1.calendars.is_empty());
}

#[test]
fn a_contact_has_one_email_and_no_other_has_it() {
    let contact = |name: &str, email: &str| {
        format!("[{name}]\nnumber = \"+14155550100\"\ntime_zone = \"UTC\"\nemail = \"{email}\"\n")
    };
    let twice =
        problems("contacts.toml", &(contact("a", "Ada@example.com") + &contact("b", "ada@example.com")));
    assert!(twice.contains("contacts.toml:8: b.email: another contact has it"), "{twice}");
    let odd = problems("contacts.toml", &contact("a", "ada"));
    assert!(odd.contains("contacts.toml:4: a.email: expected an address such as"), "{odd}");
}

#[test]
fn a_canary_goes_to_a_contact_at_times_far_enough_apart() {
    let callout = std::fs::read_to_string(examples().join("callout.toml")).unwrap();
    let lines = callout.lines().count();
    let said = |keys: &str| problems("callout.toml", &format!("{callout}\n[canary]\n{keys}"));
    let unknown = said("every = \"1h\"\nto = \"nobody-such\"\n");
    let at = lines + 4;
    let says = format!("callout.toml:{at}: canary.to: no contact is named \"nobody-such\" in contacts.toml");
    assert!(unknown.contains(&says), "{unknown}");
    assert!(said("to = \"a\"\n").contains("canary.every: required, for example \"1h\""));
    assert!(said("every = \"1m\"\nto = \"a\"\n").contains("canary.every"));
}
