//! Results that cannot be written, help, and what is stopped: the exit code says what became of it.

use std::{
    fs::File,
    io::Read as _,
    process::{Command, Output, Stdio},
};

use serde_json::json;

use crate::harness::{FIRST, Fleet, event, run_of};

fn callout(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callout"));
    command.args(args).stdin(Stdio::null());
    command
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_cannot_be_written_is_a_failure() {
    let fleet = Fleet::start().await;
    fleet.event(&event("page.created", "p-1", "p-1", json!({"text": "one"}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let run = run_of("p-1", "page", "p-1");
    for args in [
        &["runs", "list"][..],
        &["runs", "list", "--output", "json"],
        &["runs", "show", &run],
        &["dlq", "list", "--output", "json"],
        &["audit"],
        &["check"],
        &["check", "--defaults"],
        &["tokens", "list"],
        &["reload"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
    ] {
        let output = fleet.callout(args).stdout(full()).output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(
            said.starts_with("error: ") && said.contains("cannot be written to standard output"),
            "{said}"
        );
    }
    let output =
        fleet.callout(&["tokens", "create", "--label", "x", "--scope", "read"]).stdout(full()).output();
    let output = output.unwrap();
    let (said, tokens) = (said(&output), fleet.json(&["tokens", "list"]));
    assert_eq!(output.status.code(), Some(1), "{said}");
    let id = tokens[0]["id"].as_str().unwrap();
    assert!(said.contains(&format!("callout tokens revoke {id}")), "{said}");
    // Nor is it a panic where errors cannot be written either.
    let output = fleet.callout(&["runs", "show", "no-run-id"]).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_reader_that_closes_the_pipe_has_read_enough() {
    for shell in ["bash", "zsh", "fish"] {
        let mut child =
            callout(&["completions", shell]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut error = String::new();
        child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        assert_eq!((child.wait().unwrap().code(), error.as_str()), (Some(0), ""));
    }
}

#[test]
fn g9_help_is_given_however_it_is_asked_for() {
    for (asked, same) in [
        (&["help", "--help"][..], &["--help"][..]),
        (&["help", "-h"], &["--help"]),
        (&["help", "runs", "--help"], &["runs", "--help"]),
        (&["runs", "help", "--help"], &["runs", "--help"]),
        (&["runs", "help", "list", "-h"], &["runs", "list", "--help"]),
    ] {
        let output = callout(asked).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{asked:?}: {}", said(&output));
        assert_eq!(output.stdout, callout(same).output().unwrap().stdout, "{asked:?}");
    }
    assert_eq!(callout(&["help", "nonsense"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn a_demo_that_is_stopped_before_its_end_has_not_succeeded() {
    let mut child = callout(&["demo", "--exit", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its first line comes once the signal is waited for.
    let mut screen = child.stdout.take().unwrap();
    let mut shown = vec![0; 1];
    screen.read_exact(&mut shown).unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    screen.read_to_end(&mut shown).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    assert!(said(&output).contains("stopped before the scenario was over"), "{}", said(&output));
    assert!(!String::from_utf8(shown).unwrap().ends_with("outcomes as expected\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_named_twice_runs_once() {
    let settings = format!("[api]\nlisten = \"127.0.0.1:{}\"\n", test_servers::free_port());
    let roles = ["ingest", "ingest", "callback", "callback", "sender", "escalation", "integrations", "api"];
    let fleet = Fleet::start_roles(&[&roles], &settings, Vec::new()).await;
    fleet.event(&event("page.created", "p-1", "p-1", json!({"text": "one"}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
}
