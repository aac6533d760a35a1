//! The configuration through its public function: folders of files in, a checked tree or every problem out.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod adapters;
mod agents;
mod calendars;
mod defaults;
mod escalation;
mod grouping;
mod integrations;
mod originators;
mod quiet_hours;
mod rotations;
mod secrets;
mod teams;
mod tls_files;

use std::path::Path;

const ACCOUNT: &str = "AC00000000000000000000000000000001";

fn examples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples"))
}

fn env(name: &str) -> Option<String> {
    (name.starts_with("CALLOUT_KEY_") && !name.ends_with("_FILE")).then(|| format!("key of {name}"))
}

/// Loads the examples with one file replaced, and returns the problems, the folder left out.
fn problems(file: &str, text: &str) -> String {
    problems_with(file, text, &env)
}

fn problems_with(file: &str, text: &str, env: &config::Env<'_>) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("workflows")).unwrap();
    for name in ["callout.toml", "contacts.toml", "oncall.toml", "workflows/incident-paging.toml"] {
        std::fs::copy(examples().join(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join(file), text).unwrap();
    let problems = config::load(&folder.path().join("callout.toml"), env, config::Scope::SERVER)
        .map(|_| ())
        .unwrap_err();
    problems.to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn the_examples_are_valid() {
    let (config, secrets) =
        config::load(&examples().join("callout.toml"), &env, config::Scope::SERVER).unwrap();
    let names: Vec<_> = config.workflows.iter().map(|workflow| workflow.name().to_owned()).collect();
    assert_eq!(
        names,
        [
            "agent-finding",
            "alert-storm",
            "appointment-confirmation",
            "incident-paging",
            "major-incident",
            "payment-reminder",
            "seasonal-offer",
            "sla-breach"
        ]
    );
    assert_eq!(config.environment.allow_recipients.map(|allowed| allowed.len()), Some(5));
    assert!(secrets.twilio.is_none());
}

#[test]
fn c3_quiet_hours_that_end_when_they_start_are_an_error() {
    let of = |end: &str| {
        let path = "workflows/incident-paging.toml";
        let example = std::fs::read_to_string(examples().join(path)).unwrap();
        let hours =
            format!("[quiet_hours]\nstart = \"21:00\"\nend = {end:?}\ntime_zone = \"Europe/Berlin\"\n");
        problems(path, &format!("{example}\n{hours}"))
    };
    for end in ["21:00", "21:00:00"] {
        let found = of(end);
        assert!(found.contains("quiet_hours: start and end are the same time"), "{found}");
    }
}

#[test]
fn every_error_is_reported_with_its_line() {
    let found = problems(
        "workflows/incident-paging.toml",
        r#"event = "incident.created"
lain = "critical"
category = "urgent"
template = """
{{ severity }}: {{ titel }}
{{ ack }}"""
max_segments = 11

[schema]
type = "object"
properties = { severity = { type = "string" } }

[[step]]
notify = ["oncall:nobody", "contact:eve", "field:phone", "email:x"]
ack_within = "5 minutes"
"#,
    );
    let expected = [
        "workflows/incident-paging.toml:2: unknown key \"lain\"; did you mean \"lane\"?",
        "workflows/incident-paging.toml:3: category: expected one of operational, transactional, marketing, not \"urgent\"",
        "workflows/incident-paging.toml:5: template: ",
        "workflows/incident-paging.toml:7: max_segments: expected a whole number from 1 to 10",
        "workflows/incident-paging.toml:14: step.notify: contact:eve is not in contacts.toml",
        "workflows/incident-paging.toml:14: step.notify: oncall:nobody is not in oncall.toml",
        "workflows/incident-paging.toml:14: unknown target \"email\"",
        "workflows/incident-paging.toml:15: step.ack_within: expected a time such as",
    ];
    for line in expected {
        assert!(found.contains(line), "{line}\nis not in\n{found}");
    }
}

#[test]
fn a_field_that_the_schema_does_not_declare_is_no_target() {
    let text = std::fs::read_to_string(examples().join("workflows/payment-reminder.toml")).unwrap();
    let found = problems("workflows/x.toml", &text.replace("field:customer.phone", "field:customer.fone"));
    assert!(found.contains("field \"customer.fone\" is not declared in the schema"), "{found}");
}

#[test]
fn infrastructure_and_people_are_checked_too() {
    let found = problems(
        "callout.toml",
        "environment = \"prod\"\n[backend]\nkind = \"postgres\"\n[http]\nlisten = \"8080\"\n[twilio]\nfrom = \"+14155550100\"\n\
         messaging_service_sid = \"MG1\"\npublic_url = \"https://x.example/path\"\n[[source]]\nname = \"m\"\n",
    );
    for line in [
        "callout.toml:1: environment: expected one of production, staging, development, test",
        "callout.toml:3: backend.kind: expected \"embedded\" or \"fleet\"",
        "callout.toml:5: http.listen: ",
        "callout.toml:8: twilio: give from or messaging_service_sid, not both",
        "callout.toml:9: twilio.public_url: expected scheme, host and port only",
        "callout.toml:10: source.types: name the event types",
    ] {
        assert!(found.contains(line), "{line}\nis not in\n{found}");
    }
    let found =
        problems("contacts.toml", "[platform-primary]\nnumber = \"555-0100\"\ntime_zone = \"Mars/Base\"\n");
    assert!(
        found.contains("contacts.toml:2: platform-primary.number: not a phone number in E.164 form"),
        "{found}"
    );
    assert!(found.contains("contacts.toml:3: unknown time zone"), "{found}");
    assert!(!found.contains("555-0100"), "{found}");
}

#[test]
fn ended_runs_are_kept_as_long_as_events_are_remembered_at_least() {
    let with = |kept: &str| format!("environment = \"test\"\n[retention]\nended_runs = \"{kept}\"\n");
    let kept = problems("callout.toml", &with("6d"));
    assert!(kept.contains("callout.toml:3: retention.ended_runs: expected a time"), "{kept}");
    assert!(kept.contains(r#"from "7d" to "3650d""#), "{kept}");
}

#[test]
fn texts_go_with_their_run_at_the_latest() {
    let with = |more: &str| format!("environment = \"test\"\n[retention]\nended_runs = \"20d\"\n{more}\n");
    let kept = problems("callout.toml", &with("texts = \"21d\""));
    assert!(kept.contains("callout.toml:4: retention.texts: expected a time"), "{kept}");
    assert!(kept.contains(r#"from "1h" to "20d""#), "{kept}");
    let kept = problems("callout.toml", &with("dead_letters = \"2h\""));
    assert!(kept.contains(r#"retention.dead_letters: expected a time"#), "{kept}");
    assert!(kept.contains(r#"from "1d" to "3650d""#), "{kept}");
}

#[test]
fn production_demands_an_account() {
    let text = std::fs::read_to_string(examples().join("callout.toml")).unwrap();
    let found =
        problems("callout.toml", &text.replace("environment = \"staging\"", "environment = \"production\""));
    assert!(found.contains("production needs TWILIO_ACCOUNT_SID"), "{found}");
}

#[test]
fn e10_production_and_twilio_are_reached_by_addresses_that_can_be_meant() {
    let text = std::fs::read_to_string(examples().join("callout.toml")).unwrap();
    let production = text.replace("environment = \"staging\"", "environment = \"production\"");
    let env = |name: &str| match name {
        "TWILIO_ACCOUNT_SID" => Some(ACCOUNT.to_owned()),
        "TWILIO_API_BASE" => Some("http://api.example.com".to_owned()),
        name => Some(format!("secret of {name}")).filter(|_| !name.ends_with("_FILE")),
    };
    let found = problems_with("callout.toml", &production, &env);
    assert!(
        found.contains("TWILIO_API_BASE: production sends texts and credentials by https only"),
        "{found}"
    );
    for (url, fault) in [
        ("ftp://sms.example.com", "expected https"),
        ("https://ada@sms.example.com", "expected no user name"),
        ("https://sms.example.com/#part", "expected scheme, host and port only"),
        ("https://sms.example.com/path", "expected scheme, host and port only"),
    ] {
        let found =
            problems("callout.toml", &format!("environment = \"test\"\n[twilio]\npublic_url = {url:?}\n"));
        assert!(found.contains(&format!("callout.toml:3: twilio.public_url: {fault}")), "{found}");
    }
}

#[test]
fn no_secret_is_printed_by_a_problem_or_by_what_was_loaded() {
    let load = |env: &dyn Fn(&str) -> Option<String>| {
        config::load(&examples().join("callout.toml"), env, config::Scope::SERVER)
    };
    let secret = |name: &str| Some(format!("secret-of-{name}")).filter(|_| !name.ends_with("_FILE"));
    let found = load(&secret).unwrap_err().to_string();
    assert!(found.contains("TWILIO_API_BASE: ") && !found.contains("secret-of"), "{found}");

    let with_address = |name: &str| match name {
        "TWILIO_ACCOUNT_SID" => Some(ACCOUNT.to_owned()),
        "TWILIO_API_KEY" => Some(format!("SK{}", "0".repeat(32))),
        "TWILIO_API_BASE" => Some("http://127.0.0.1:1".to_owned()),
        "CALLOUT_RECIPIENT_KEY" => Some("secret-of-the-hashes-of-recipients".to_owned()),
        name => secret(name),
    };
    let (_, secrets) = load(&with_address).unwrap();
    assert_eq!(secrets.webhook_tokens[0].expose(), "secret-of-TWILIO_AUTH_TOKEN");
    assert_eq!(secrets.sources[0].keys.len(), 1);
    let printed = format!("{secrets:?}");
    assert!(printed.contains(ACCOUNT) && !printed.contains("secret-of"), "{printed}");
}

#[test]
fn a_fleet_needs_the_addresses_of_its_servers() {
    let text = std::fs::read_to_string(examples().join("callout.toml")).unwrap();
    let fleet = text.replace("kind = \"embedded\" ", "kind = \"fleet\" ").replace("path = ", "# path = ");
    let found = problems("callout.toml", &fleet);
    assert!(found.contains("a fleet needs CALLOUT_AMQP_URL"), "{found}");
    assert!(found.contains("a fleet needs CALLOUT_REDIS_URL"), "{found}");
    let found =
        problems("callout.toml", &fleet.replace("kind = \"fleet\"", "delay = \"cron\"\nkind = \"fleet\""));
    assert!(found.contains("backend.delay: expected \"buckets\" or \"plugin\", not \"cron\""), "{found}");
}

#[test]
fn f11_an_address_with_several_hosts_is_refused_in_words() {
    let text = std::fs::read_to_string(examples().join("callout.toml")).unwrap();
    let fleet = text.replace("kind = \"embedded\" ", "kind = \"fleet\" ").replace("path = ", "# path = ");
    let with = |amqp: &'static str| {
        let env = move |name: &str| match name {
            "CALLOUT_AMQP_URL" => Some(amqp.to_owned()),
            "CALLOUT_REDIS_URL" => Some("redis://a:6379,b:6379".to_owned()),
            name => env(name),
        };
        problems_with("callout.toml", &fleet, &env)
    };
    let found = with("amqp://user:pass@a:5672,b:5672/%2F");
    for name in ["CALLOUT_AMQP_URL", "CALLOUT_REDIS_URL"] {
        assert!(found.contains(&format!("{name} names several hosts")), "{found}");
    }
    let found = with("amqp://user:a,b@a:5672/%2F");
    assert!(!found.contains("CALLOUT_AMQP_URL"), "a password may have a comma: {found}");
}

#[test]
fn a_broker_user_publishes_for_one_source_or_is_our_own() {
    let text = std::fs::read_to_string(examples().join("callout.toml")).unwrap();
    let text = text
        .replace("kind = \"embedded\" ", "kind = \"fleet\"\namqp_own_users = [\"callout-ingest\"] ")
        .replace("path = ", "# path = ")
        .replace("key_env = [\"CALLOUT_KEY_MONITORING\"]", "amqp_user = \"callout-ingest\"")
        .replace("key_env = [\"CALLOUT_KEY_BILLING\"]", "amqp_user = \"callout-ingest\"");
    let found = problems("callout.toml", &text);
    assert_eq!(found.matches("is one of backend.amqp_own_users").count(), 2, "{found}");
    assert_eq!(found.matches("publishes for another source already").count(), 1, "{found}");
}

#[test]
fn g6_an_error_is_named_once_without_what_follows_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let copy = || {
        for name in ["calendars.toml", "callout.toml", "contacts.toml", "oncall.toml"] {
            std::fs::copy(examples().join(name), folder.path().join(name)).unwrap();
        }
        std::fs::create_dir_all(folder.path().join("workflows")).unwrap();
        for file in std::fs::read_dir(examples().join("workflows")).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), folder.path().join("workflows").join(file.file_name())).unwrap();
        }
    };
    let said = || {
        config::load(&folder.path().join("callout.toml"), &env, config::Scope::SERVER)
            .unwrap_err()
            .to_string()
    };
    copy();
    std::fs::remove_file(folder.path().join("contacts.toml")).unwrap();
    assert!(said().contains("contacts.toml: is not there") && said().contains("1 error "), "{}", said());
    copy();
    let oncall = std::fs::read_to_string(folder.path().join("oncall.toml")).unwrap();
    let wrong = oncall.replacen("start = \"20", "start = \"x20", 1);
    assert_ne!(wrong, oncall);
    std::fs::write(folder.path().join("oncall.toml"), wrong).unwrap();
    assert!(said().contains("rotation.start") && said().contains("1 error "), "{}", said());
    copy();
    let main = std::fs::read_to_string(folder.path().join("callout.toml")).unwrap();
    let line = main.lines().find(|line| line.starts_with("path = ")).unwrap();
    let main = main.replacen(line, "path = \"nowhere/callout.db\"", 1);
    std::fs::write(folder.path().join("callout.toml"), main).unwrap();
    assert!(said().contains("there is no folder") && said().contains("nowhere"), "{}", said());
}

/// What is said of the examples with other variables.
fn problems_of_env(set: &[(&str, &str)]) -> String {
    let set: Vec<(String, String)> = set.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let given = move |name: &str| {
        let own = set.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let is_replaced = set.iter().any(|(key, _)| *key == format!("{name}_FILE"));
        own.or_else(|| env(name).filter(|_| !is_replaced))
    };
    let text = std::fs::read_to_string(examples().join("callout.toml")).unwrap();
    problems_with("callout.toml", &text, &given)
}

#[test]
fn g6_a_mistake_is_one_error_without_those_that_follow() {
    let page = std::fs::read_to_string(examples().join("workflows/incident-paging.toml")).unwrap();
    let event = page.lines().find(|line| line.starts_with("event = ")).unwrap().to_owned();
    let wait = page.lines().find(|line| line.starts_with("ack_within = ")).unwrap().to_owned();
    let workflow = |from: &str, to: &str| problems("workflows/incident-paging.toml", &page.replace(from, to));
    let main = |text: &str| problems("callout.toml", &format!("environment = \"test\"\n{text}"));
    let destination = |text: &str| problems("integrations.toml", text);
    let source = "[[source]]\nname = \"m\"\ntypes = [\"*\"]\n";
    for (found, expected) in [
        (workflow(&wait, "ack_within = \"5 minutes\""), "step.ack_within: expected a time such as"),
        (workflow(&event, "evnt = \"x\""), "unknown key \"evnt\"; did you mean \"event\"?"),
        (workflow("[[step]]", "[[stp]]"), "unknown key \"stp\"; did you mean \"step\"?"),
        (workflow(&event, "x = = 1"), "workflows/incident-paging.toml:"),
        (main("x = = 1\n[htp]\nlisten = 7\n"), "callout.toml:2: "),
        (main("[api]\nlisten = \"x\"\n"), "api.listen: expected an IP address and a port"),
        (main("[api]\nlistn = \"127.0.0.1:1\"\n"), "did you mean \"listen\"?"),
        (main(&format!("{source}key_nv = [\"CALLOUT_KEY_M\"]\n")), "did you mean \"key_env\"?"),
        (main(&format!("{source}key_sha256 = [\"x\"]\n")), "source.key_sha256: expected 64 hex digits"),
        (
            destination("[ops]\nkind = \"webhok\"\nurl = \"https://a.example\"\n"),
            "ops.kind: expected webhook",
        ),
        (destination("[ops]\nknd = \"webhook\"\nurl = \"https://a.example\"\n"), "did you mean \"kind\"?"),
        (
            destination(
                "[ops]\nkind = \"slack\"\nevents = [\"nonsense\"]\nsecret_env = [\"CALLOUT_KEY_OPS\"]\n",
            ),
            "events: \"nonsense\" is none of",
        ),
        (
            problems_of_env(&[("CALLOUT_KEY_BILLING_FILE", "/none")]),
            "CALLOUT_KEY_BILLING_FILE: /none cannot be read",
        ),
        (
            problems_of_env(&[("CALLOUT_KEY_BILLING", "x"), ("CALLOUT_KEY_BILLING_FILE", "/none")]),
            "CALLOUT_KEY_BILLING and CALLOUT_KEY_BILLING_FILE are both set",
        ),
    ] {
        assert!(found.contains(expected), "{expected}\nis not in\n{found}");
        assert!(found.ends_with("\n1 error in the configuration"), "{expected}:\n{found}");
    }
}

#[test]
fn g11_what_is_expected_is_said_in_our_words() {
    let main = |text: &str| problems("callout.toml", &format!("environment = \"test\"\n{text}"));
    let start = "[[rotation]]\nschedule = \"s\"\ntime_zone = \"UTC\"\nmembers = [\"platform-primary\"]\n";
    for (found, expected) in [
        (
            main("[http]\nlisten = \"localhost:8080\"\n"),
            "callout.toml:3: http.listen: expected an IP address and a port",
        ),
        (
            main("[twilio]\npublic_url = \"sms.example.org\"\n"),
            "callout.toml:3: twilio.public_url: expected an address such",
        ),
        (main("[twilio]\nproxy = \"proxy\"\n"), "callout.toml:3: twilio.proxy: expected an address such"),
        (
            problems("integrations.toml", "[o]\nkind = \"webhook\"\nurl = \"x\"\n"),
            "integrations.toml:3: o.url: expected an address",
        ),
        (
            problems("oncall.toml", &format!("{start}start = \"monday\"\n")),
            "oncall.toml:5: rotation.start: expected a date",
        ),
        (
            problems_of_env(&[("TWILIO_ACCOUNT_SID", "ACxyz")]),
            "TWILIO_ACCOUNT_SID: expected AC and 32 hex digits",
        ),
        (
            problems_of_env(&[
                ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
                ("TWILIO_AUTH_TOKEN", "t"),
                ("TWILIO_API_BASE", "https://h/#f"),
            ]),
            "TWILIO_API_BASE: expected scheme, host and perhaps port and path",
        ),
    ] {
        assert!(found.contains(expected), "{expected}\nis not in\n{found}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("callout.toml");
    std::fs::write(&file, b"environment = \"test\"\n# M\xfcller\n").unwrap();
    let found = config::load(&file, &env, config::Scope::SERVER).map(drop).unwrap_err().to_string();
    assert!(
        found.contains("callout.toml:2: holds a byte that is no UTF-8: save the file as UTF-8"),
        "{found}"
    );
}
