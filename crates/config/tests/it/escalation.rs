//! What a workflow and a contact say of how somebody is reached. In: settings. Out: what they mean, or an error with its
//! line and what to write.

use domain::workflow::AcknowledgedBy;

use crate::{env, problems};

const START: &str = "event = \"e\"\nresolved_by = \"r\"\ntemplate = \"{{ ack }}\"\nnot_after = \"4h\"\n";
const SCHEMA: &str = "[schema]\ntype = \"object\"\nproperties = { title = { type = \"string\" } }\n";
const ASKS: &str = "[[step]]\nnotify = [\"contact:head-of-operations\"]\nack_within = \"5m\"\n";
const TELLS: &str = "[[step]]\nnotify = [\"contact:head-of-operations\"]\n";

fn workflow(top: &str, steps: &str) -> String {
    format!("{START}{top}{SCHEMA}{steps}")
}

#[test]
fn what_can_be_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    write(
        "callout.toml",
        "environment = \"test\"\n[twilio]\nfrom = \"+15005550006\"\npublic_url = \"https://x.example\"\n",
    );
    write(
        "contacts.toml",
        "[head-of-operations]\nnumbers = [\"+14155550103\", \"+14155550104\"]\ntime_zone = \"UTC\"\n",
    );
    let top = "repeat = 2\nack_expires = \"30m\"\nack_expired_text = \"Noch offen: \"\n";
    let steps = format!("{TELLS}continue_after = \"0s\"\n{ASKS}acknowledged_by = \"all\"\ndelay = \"90s\"\n");
    write("workflows/w.toml", &workflow(top, &steps));
    let path = folder.path().join("callout.toml");
    let (config, _) = config::load(&path, &env, config::Scope::OPERATOR).unwrap();
    let definition = &config.workflows[0].definition;
    assert_eq!((definition.repeat, definition.ack_expires_s), (2, Some(1_800)));
    assert_eq!(definition.ack_expired_text(), "Noch offen: ");
    let [tells, asks] = &definition.steps[..] else { panic!("{definition:?}") };
    assert_eq!((tells.continue_after_s, tells.delay_s), (Some(0), None));
    assert_eq!((asks.acknowledged_by, asks.delay_s), (AcknowledgedBy::All, Some(90)));
    let numbers: Vec<_> = config.directory.contacts["head-of-operations"].numbers().collect();
    assert_eq!(
        numbers.iter().map(|number| number.as_str()).collect::<Vec<_>>(),
        ["+14155550103", "+14155550104"]
    );
}

#[test]
fn what_cannot_be_is_said_with_its_line() {
    let of = |top: &str, steps: &str| problems("workflows/x.toml", &workflow(top, steps));
    for (found, expected) in [
        (of("repeat = 10\n", ASKS), "x.toml:5: repeat: expected a whole number from 0 to 9"),
        (
            of("", &format!("{ASKS}{TELLS}acknowledged_by = \"all\"\n")),
            "x.toml:13: step.acknowledged_by: the step asks nobody to acknowledge; give it ack_within, or leave this out",
        ),
        (
            of("", &format!("{ASKS}acknowledged_by = \"most\"\n")),
            "x.toml:11: step.acknowledged_by: expected one of any, all, not \"most\"",
        ),
        (
            of("", &format!("{ASKS}continue_after = \"1m\"\n{ASKS}")),
            "x.toml:11: step.continue_after: the step goes on whether anybody acknowledges or not",
        ),
        (
            of("repeat = 1\n", &format!("{ASKS}{TELLS}continue_after = \"1m\"\n")),
            "x.toml:14: step.continue_after: no step follows that it could go on to",
        ),
        (
            of("", &format!("{ASKS}delay = \"4h\"\n")),
            "x.toml:11: step.delay: the event is of no use by then; make it shorter than not_after (4h)",
        ),
        (
            of("ack_expires = \"4h\"\n", ASKS),
            "x.toml:5: ack_expires: the event is of no use by then; make it shorter than not_after (4h)",
        ),
        (
            of("ack_expires = \"1m\"\n", ASKS),
            "x.toml:5: ack_expires: a run could page again 240 times before not_after (4h); make it longer, for 100 times at most",
        ),
        (
            problems(
                "workflows/x.toml",
                &workflow("ack_expires = \"1h\"\n", ASKS).replace("resolved_by = \"r\"\n", ""),
            ),
            "x.toml:4: ack_expires: nothing can resolve a run of this workflow",
        ),
        (
            problems(
                "workflows/x.toml",
                &workflow("ack_expires = \"1h\"\n", TELLS).replace("{{ ack }}", "x"),
            ),
            "x.toml:5: ack_expires: no step asks for an acknowledgement",
        ),
        (
            of("ack_expired_text = \"Again: \"\n", ASKS),
            "x.toml:5: ack_expired_text: no acknowledgement expires; give ack_expires, or leave this out",
        ),
    ] {
        assert!(found.contains(expected), "{expected}\nis not in\n{found}");
    }
}

#[test]
fn numbers_of_a_contact_are_checked() {
    let of = |numbers: &str| problems("contacts.toml", &format!("[a]\ntime_zone = \"UTC\"\n{numbers}\n"));
    let many: Vec<_> = (0..6).map(|n| format!("\"+1415555010{n}\"")).collect();
    for (found, expected) in [
        (
            of("number = \"+14155550101\"\nnumbers = [\"+14155550102\"]"),
            "contacts.toml:4: a: give number or numbers, not both",
        ),
        (of("numbers = []"), "contacts.toml:3: a.numbers: give 1 to 5 numbers"),
        (of(&format!("numbers = [{}]", many.join(", "))), "contacts.toml:3: a.numbers: give 1 to 5 numbers"),
        (
            of("numbers = [\"+14155550101\", \"+14155550101\"]"),
            "contacts.toml:3: a.numbers: a number is there twice",
        ),
        (of("numbers = [\"555\"]"), "contacts.toml:3: a.numbers: not a phone number in E.164 form"),
        (of(""), "a.number: required"),
    ] {
        assert!(found.contains(expected), "{expected}\nis not in\n{found}");
    }
}
