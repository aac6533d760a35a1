//! `callout preflight`, and what a start in production asks of it. In: an account with faults. Out: findings, exit codes.
#![expect(clippy::disallowed_methods, reason = "tests bound what they wait for")]

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use twilio_sim::AccountState;

use crate::{
    harness::{Fleet, NOTE, PATIENCE},
    misconfigured::Settings,
};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const OTHER: &str = "AC00000000000000000000000000000002";

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The ids of what is found with this severity.
fn ids(report: &Value, severity: &str) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let of = findings.filter(|finding| finding["severity"] == severity);
    of.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
}

fn set(fleet: &Fleet, change: impl FnOnce(&mut AccountState)) {
    let mut account = AccountState::default();
    change(&mut account);
    fleet.sim.set_account(account).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_finds_what_is_wrong_is_kept_and_changes_nothing() {
    let mut fleet = Fleet::start().await;
    let before = fleet.json(&["audit"]);
    let output = fleet.run(&["preflight", "--output", "json"]);
    let passed = report(&output);
    assert_eq!((output.status.code(), ids(&passed, "error")), (Some(0), vec![]), "{passed}");
    let right = ids(&passed, "ok");
    for id in ["account.active", "sender.number", "webhook.taken", "countries.allowed", "coverage.covered"] {
        assert!(right.iter().any(|found| found == id), "{id} is not in {passed}");
    }
    let priced = passed["findings"].to_string();
    assert!(priced.contains("a segment to US costs 0.0083 USD"), "{priced}");
    assert!(!passed.to_string().contains("+15005550006"), "{passed}");
    let status = fleet.json(&["status"]);
    assert_eq!(status["status"]["preflight"]["errors"], 0, "{status}");
    let screen = String::from_utf8(fleet.run(&["status"]).stdout).unwrap();
    assert!(screen.contains("preflight: passed "), "{screen}");

    // Each fault is found, and a part of a preflight is not kept.
    set(&fleet, |account| {
        account.status = "suspended".into();
        account.not_owned.insert("+15005550006".into());
    });
    let output = fleet.run(&["preflight", "--only", "account,sender", "--output", "json"]);
    let failed = report(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(ids(&failed, "error"), ["account.not_active", "sender.not_owned"], "{failed}");
    assert_eq!(fleet.json(&["status"])["status"]["preflight"]["errors"], 0);
    let text = fleet.run(&["preflight"]);
    let said = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(said.starts_with("error    account.not_active: the account is suspended"), "{said}");
    assert!(said.contains("FAILED: 2 errors"), "{said}");
    assert!(String::from_utf8_lossy(&text.stderr).contains("checking webhook"));
    assert_eq!(fleet.json(&["status"])["status"]["preflight"]["errors"], 2);

    // One question that fails costs its own answer alone.
    set(&fleet, |account| {
        account.answers.insert("countries".into(), 403);
        account.answers.insert("number".into(), 503);
    });
    let odd = report(&fleet.run(&["preflight", "--output", "json"]));
    assert_eq!(ids(&odd, "error"), [""; 0], "{odd}");
    let unread = ids(&odd, "warning");
    assert!(unread.contains(&"countries.unread".to_owned()) && unread.contains(&"sender.unread".to_owned()));

    // Another token: Twilio refuses it, and so does callout at the public URL.
    let mut command = fleet.callout(&["preflight", "--only", "account,webhook", "--output", "json"]);
    let forged = report(&command.env("TWILIO_AUTH_TOKEN", "another-token").output().unwrap());
    assert_eq!(ids(&forged, "error"), ["account.unauthorized", "webhook.forged"], "{forged}");
    assert_eq!(fleet.json(&["audit"]), before, "nothing changed");

    // Before the first start nobody listens; the preflight answers in callout's place.
    fleet.kill();
    let alone = report(&fleet.run(&["preflight", "--only", "webhook,coverage", "--output", "json"]));
    assert!(ids(&alone, "ok").contains(&"webhook.taken".to_owned()), "{alone}");
    assert_eq!(ids(&alone, "error"), [""; 0], "{alone}");
}

#[test]
fn a_preflight_without_an_account_looks_at_the_configuration_alone() {
    let settings = Settings::new("");
    let output = settings.run(&["preflight"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("--only templates,coverage"), "{said}");
    let output = settings.run(&["preflight", "--only", "templates,coverage", "--output", "json"]);
    let found = report(&output);
    assert_eq!(output.status.code(), Some(0), "{found}");
    assert_eq!(ids(&found, "note"), ["templates.cut"], "{found}");
    let output = settings.run(&["preflight", "--only", "weather"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_account_of_another_environment_is_refused() {
    let twilio = "[twilio]\nfrom = \"+15005550006\"\npublic_url = \"http://127.0.0.1:8080\"\n";
    let with = |pins: &str| {
        let settings = Settings::new(&format!("{twilio}{pins}"));
        settings.env("TWILIO_ACCOUNT_SID", ACCOUNT).env("TWILIO_AUTH_TOKEN", "token")
    };
    let said = with(&format!("[test]\naccount_sid = \"{OTHER}\"\n")).errors(&["check"]);
    assert!(said.contains("is not the account that [test] account_sid names, AC"), "{said}");
    let said = with(&format!("[production]\naccount_sid = \"{ACCOUNT}\"\n")).errors(&["serve"]);
    assert!(said.contains("TWILIO_ACCOUNT_SID is the account of production"), "{said}");
    let said = with("[test]\naccount_sid = \"AC1\"\n").errors(&["check"]);
    assert!(said.contains("callout.toml:12: test.account_sid: expected AC and 32 hex digits"), "{said}");
    let right =
        with(&format!("[test]\naccount_sid = \"{ACCOUNT}\"\n[production]\naccount_sid = \"{OTHER}\"\n"));
    assert_eq!(right.run(&["check"]).status.code(), Some(0));
}

#[test]
fn staging_without_a_list_texts_nobody() {
    let settings = Settings::new("");
    let text = std::fs::read_to_string(settings.folder.path().join("callout.toml")).unwrap();
    let recipients = |end: &str| {
        settings.write(
            "callout.toml",
            &format!("{}{end}", text.replace("\"test\"\n[http]", "\"staging\"\n[http]")),
        );
        let output = settings.run(&["check", "--output", "json"]);
        report(&output)["summary"]["recipients"].clone()
    };
    assert_eq!(recipients(""), 0);
    assert_eq!(recipients("[staging]\nallow_recipients = [\"+14155550100\"]\n"), 1);
    assert_eq!(recipients("[production]\nallow_recipients = [\"+14155550100\"]\n"), 0);
}

/// A production whose Twilio does not answer.
fn production() -> Settings {
    let settings = Settings::new("")
        .env("TWILIO_ACCOUNT_SID", ACCOUNT)
        .env("TWILIO_AUTH_TOKEN", "token")
        .env("TWILIO_API_BASE", "https://127.0.0.1:1");
    settings.write(
        "callout.toml",
        "environment = \"production\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
         [twilio]\nfrom = \"+15005550006\"\npublic_url = \"http://127.0.0.1:1\"\nanswer_max = \"1s\"\n",
    );
    settings.write("workflows/note.toml", NOTE);
    settings
}

fn serve(settings: &Settings, args: &[&str], log: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callout"));
    command.arg("serve").args(args).arg("--config").arg(settings.folder.path().join("callout.toml"));
    for (name, value) in [
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_AUTH_TOKEN", "token"),
        ("TWILIO_API_BASE", "https://127.0.0.1:1"),
    ] {
        command.env(name, value);
    }
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// What the status finds once this process reports itself.
async fn findings_of(settings: &Settings, child: &mut Child, log: &Path) -> Vec<String> {
    let mut tries = tokio::time::interval(std::time::Duration::from_millis(100));
    let asking = async {
        loop {
            tries.tick().await;
            if let Some(ended) = child.try_wait().unwrap() {
                panic!("serve ended with {ended}: {}", std::fs::read_to_string(log).unwrap());
            }
            // Who waits for the lock would take the database from the process that starts.
            if !settings.folder.path().join("callout.db.sock").exists() {
                continue;
            }
            let output = settings.run(&["status", "--output", "json"]);
            let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) else { continue };
            if report["status"]["processes"].as_array().is_some_and(|processes| !processes.is_empty()) {
                let found = report["findings"].as_array().unwrap().iter();
                return found.map(|finding| finding["what"].as_str().unwrap().to_owned()).collect();
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn production_starts_with_a_preflight_a_reason_or_because_it_served_lately() {
    let settings = production();
    let log = settings.folder.path().join("log");
    let refused = settings.run(&["serve"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("production needs a preflight that passed within a day, and no preflight was made")
    );

    // Neither does one that failed open it.
    assert_eq!(settings.run(&["preflight"]).status.code(), Some(1));
    let refused = settings.run(&["serve"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("failed with"), "{refused:?}");

    // A reason does, and Twilio need not answer for a start.
    let mut child = serve(&settings, &["--without-preflight", "the API is down"], &log);
    let found = findings_of(&settings, &mut child, &log).await;
    assert!(
        found.iter().any(|what| what.ends_with("was started without a preflight: the API is down")),
        "{found:?}"
    );
    assert!(found.iter().any(|what| what.starts_with("the last preflight, ")), "{found:?}");
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("starts without a preflight because: the API is down"), "{logged}");
    assert!(logged.contains("whose account it is could not be asked"), "{logged}");
    child.kill().unwrap();
    child.wait().unwrap();

    // What starts it again does not know of reasons, and must not silence pages.
    std::fs::remove_file(settings.folder.path().join("callout.db.sock")).unwrap();
    let mut child = serve(&settings, &[], &log);
    findings_of(&settings, &mut child, &log).await;
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("the same account and sender served "), "{logged}");
    child.kill().unwrap();
    child.wait().unwrap();
}
