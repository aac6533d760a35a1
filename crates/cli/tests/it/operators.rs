//! What operators type by mistake, and what they are told.

use std::{
    os::unix::{fs::PermissionsExt, process::CommandExt as _},
    process::Output,
};

use serde_json::{Value, json};

use crate::{
    harness::{FIRST, Fleet, event, run_of},
    misconfigured::Settings,
};

const NOBODY: u32 = 65_534;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a command printed for people, each line of which fits a terminal.
fn screen(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let wide = text.lines().find(|line| line.chars().count() > 100);
    assert_eq!(wide, None, "a line is wider than 100 characters in\n{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn g5_a_name_that_nothing_has_is_an_error_and_no_empty_list() {
    let fleet = Fleet::start().await;
    for (args, expected) in [
        (
            &["dlq", "list", "--reason", "nonsense"][..],
            "there is no reason \"nonsense\"; there are refused, ",
        ),
        (&["dlq", "list", "--source", "nonsense"], "there is no source \"nonsense\"; there are test, narrow"),
        (
            &["runs", "list", "--source", "nonsense"],
            "there is no source \"nonsense\"; there are test, narrow",
        ),
        (&["dlq", "discard", "--reason", "nonsense", "--yes"], "there is no reason \"nonsense\""),
        (&["runs", "list", "--max", "0"], "expected a whole number from 1 to 1000"),
        (&["dlq", "list", "--max", "0"], "expected a whole number from 1 to 10000"),
        (&["audit", "--max", "0"], "expected a whole number, 1 or more"),
    ] {
        let output = fleet.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(expected), "{args:?}: {}", said(&output));
    }
    assert_eq!(fleet.json(&["dlq", "list", "--reason", "poison"]), json!([]));
}

#[test]
fn g5_a_command_that_reads_makes_no_database() {
    let settings = Settings::new("");
    for args in [&["runs", "list"][..], &["dlq", "list"], &["audit"], &["status"], &["tokens", "list"]] {
        let output = settings.run(args);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", said(&output));
        assert!(said(&output).contains("there is no database at"), "{}", said(&output));
    }
    let files = std::fs::read_dir(settings.folder.path()).unwrap();
    let names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!names.iter().any(|name| name.starts_with("callout.db")), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_refused_is_an_error_with_its_fields() {
    let fleet = Fleet::start().await;
    let file = fleet.folder.path().join("event.json");
    let path = file.to_str().unwrap();
    let note = event("note.created", "n-1", "s", json!({"text": "x", "phone": "555"}));
    std::fs::write(&file, note.to_string()).unwrap();
    let refused = fleet.run(&["events", "send", path]);
    assert_eq!((refused.status.code(), screen(&refused).as_str()), (Some(1), ""));
    let error = said(&refused);
    assert!(
        error.starts_with("error: http://") && error.contains("/v1/events refused what was sent (400)"),
        "{error}"
    );
    assert!(error.contains("\n  /data/phone "), "{error}");
    let stranger = fleet.callout(&["events", "send", path]).env("CALLOUT_KEY", "other").output().unwrap();
    assert_eq!((stranger.status.code(), screen(&stranger).as_str()), (Some(1), ""));
    assert!(said(&stranger).contains("does not know the key in CALLOUT_KEY"), "{}", said(&stranger));
    let for_scripts = fleet.run(&["events", "send", path, "--output", "json"]);
    let problem: Value = serde_json::from_slice(&for_scripts.stdout).unwrap();
    assert_eq!((for_scripts.status.code(), &problem["status"]), (Some(1), &json!(400)));
    std::fs::write(&file, b"{\"name\": \"M\xfcller\"}").unwrap();
    let latin = fleet.run(&["events", "send", path]);
    assert!(said(&latin).contains("holds bytes that are no UTF-8: save it as UTF-8"), "{}", said(&latin));
}

/// No answer, then one that asks for patience, then one that takes it.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_sent_again_for_as_long_as_is_said() {
    use axum::http::StatusCode;

    let fleet = Fleet::start().await;
    let file = fleet.folder.path().join("event.json");
    std::fs::write(&file, event("note.created", "n-1", "s", json!({"text": "x"})).to_string()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let send = |more: &[&str]| {
        let args = ["events", "send", file.to_str().unwrap(), "--url", &url];
        let mut command = fleet.callout(&[&args[..], more].concat());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let once = send(&[]).wait_with_output().unwrap();
    assert!(once.status.code() == Some(1) && said(&once).contains("no answer from"), "{}", said(&once));

    let sending = send(&["--retry-for", "120"]);
    let posts = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = posts.clone();
    let answer = move || {
        let post = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            if post == 0 {
                (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "1")], String::new())
            } else {
                (StatusCode::ACCEPTED, [("retry-after", "0")], json!({"accepted": 1}).to_string())
            }
        }
    };
    let listener = tokio::net::TcpListener::bind(url.trim_start_matches("http://")).await.unwrap();
    let app = axum::Router::new().route("/v1/events", axum::routing::post(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let sent = tokio::task::spawn_blocking(|| sending.wait_with_output().unwrap()).await.unwrap();
    assert!(sent.status.success() && screen(&sent).contains("202"), "{} {}", screen(&sent), said(&sent));
    assert!(said(&sent).contains("not taken (answered 503"), "{}", said(&sent));
    assert_eq!(posts.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_fit_a_terminal_and_say_their_zone() {
    let fleet = Fleet::start().await;
    fleet.event(&event("note.created", "n-1", "s", json!({"text": "x", "phone": "+15005550009"}))).await;
    let run = run_of("n-1", "note", "s");
    fleet.run_until(&run, |run| run["phase"] == "exhausted").await;
    let list = screen(&fleet.run(&["dlq", "list"]));
    let mut lines = list.lines();
    let head = lines.next().unwrap();
    assert!(head.starts_with("DEAD LETTER ") && head.contains("SINCE (UTC)"), "{list}");
    let letter = lines.next().unwrap();
    assert!(letter.contains("Z  refused "), "{list}");
    let id = letter.split(' ').next().unwrap();
    let shown = screen(&fleet.run(&["dlq", "show", id]));
    let since = shown.lines().find_map(|line| line.strip_prefix("since        ")).unwrap();
    assert!(letter.contains(since), "{since} is not in {letter}");
    let shown = screen(&fleet.run(&["runs", "show", &run]));
    assert!(shown.contains("refused"), "{shown}");
    screen(&fleet.run(&["audit"]));
    fleet.json(&["tokens", "create", "--label", "x", "--expires", "2h"]);
    assert!(screen(&fleet.run(&["tokens", "list"])).contains("Z\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_all_takes_its_verdict_in_both_forms() {
    let fleet = Fleet::start().await;
    let output = fleet.run(&["runs", "settle", "--all", "--yes"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--sent or --not-sent"), "{}", said(&output));
    for args in [&["--all", "sent"][..], &["--all", "--sent"], &["--all", "not-sent"]] {
        let output = fleet.run(&[&["runs", "settle", "--yes"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output));
    }
    let output = fleet.run(&["runs", "settle", "--yes", "--all", &run_of("n", "note", "s"), "sent"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn g11_a_process_that_is_stopped_is_named_and_not_waited_for() {
    let fleet = Fleet::start().await;
    fleet.event(&event("page.created", "p-1", "p-1", json!({"text": "one"}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    fleet.signal(0, "-STOP");
    for args in [&["runs", "ack", &run_of("p-1", "page", "p-1")][..], &["reload"]] {
        let output = fleet.run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", said(&output));
        assert!(said(&output).starts_with("error: callout runs (process "), "{}", said(&output));
        assert!(said(&output).contains("but does not answer"), "{}", said(&output));
    }
    fleet.signal(0, "-CONT");
    assert_eq!(fleet.json(&["reload"])["changed"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn g11_a_reload_by_another_user_names_the_right_one() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let fleet = Fleet::start().await;
    std::fs::set_permissions(fleet.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    for args in [&["reload"][..], &["runs", "list"]] {
        let output = fleet.callout(args).uid(NOBODY).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", said(&output));
        let expected =
            "callout runs as user 0, and this command as user 65534: give the command as that user";
        assert!(
            said(&output).contains(expected) && said(&output).contains("sudo -u '#0'"),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn g11_a_value_that_is_none_is_refused_with_what_was_expected() {
    let url = "expected an address that begins with https:// or http://";
    let listen = "expected an IP address and a port, such as 127.0.0.1:8080";
    let settings = Settings::new("");
    for (args, expected) in [
        (&["events", "send", "x", "--url", "relative"][..], url),
        (&["events", "send", "x", "--url", "ftp://x"], url),
        (&["topology", "verify", "--management", "broker"], url),
        (&["twilio-sim", "--inbound-url", "x"], url),
        (&["serve", "--listen", "localhost:8080"], listen),
        (&["serve", "--monitoring-listen", "9090"], listen),
        (&["demo", "--listen", "x"], listen),
        (&["twilio-sim", "--seed", "x"], "expected a whole number"),
        (&["runs", "list", "--max", "many"], "expected a whole number from 1 to 1000"),
        (
            &["dlq", "list", "--since", "yesterday"],
            "expected a time such as 2026-01-31T09:30:00Z, or a duration",
        ),
        (&["dlq", "discard", "--rate", "x"], "expected a whole number from 1 to 1000"),
    ] {
        let output = settings.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
        assert!(said(&output).contains(expected), "{args:?}: {}", said(&output));
    }
}
