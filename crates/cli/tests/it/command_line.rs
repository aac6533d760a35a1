//! The commands, their output and their exit codes.

use std::{
    io::{Read as _, Write as _},
    process::Command,
};

use serde_json::{Value, json};
use twilio_sim::FaultPlan;

use crate::harness::{FIRST, Fleet, event, run_of};

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_shown_acknowledged_and_cancelled_while_it_runs_and_after() {
    let mut fleet = Fleet::start().await;
    for id in ["p-1", "p-2"] {
        fleet.event(&event("page.created", id, id, json!({"text": id}))).await;
    }
    fleet.wait_until(|view| view.texts(FIRST).len() == 2).await;
    let list = fleet.json(&["runs", "list", "--phase", "active"]);
    assert_eq!(list.as_array().unwrap().len(), 2);

    let (one, two) = (run_of("p-1", "page", "p-1"), run_of("p-2", "page", "p-2"));
    assert_eq!(fleet.json(&["runs", "ack", &one])["phase"], "acknowledged");
    let text = String::from_utf8(fleet.run(&["runs", "show", &one]).stdout).unwrap();
    assert!(text.contains("acknowledged by somebody (operator)"), "{text}");

    assert_eq!(fleet.terminate(), Some(0));
    assert_eq!(fleet.json(&["runs", "cancel", &two, "--by", "night shift"])["phase"], "cancelled");
    let again = String::from_utf8(fleet.run(&["runs", "cancel", &two]).stdout).unwrap();
    assert!(again.contains("nothing changed: the run is cancelled already"), "{again}");
    assert_eq!(fleet.json(&["runs", "list", "--phase", "active"]), json!([]));
    assert_eq!(fleet.run(&["audit"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_lists_every_unfinished_text() {
    let fleet = Fleet::start().await;
    assert_eq!(fleet.json(&["audit"])["unfinished"], json!([]));
    let page = |id: &str| event("page.created", id, id, json!({"text": "Disk full"}));
    fleet.event(&page("ended")).await;
    fleet.event(&page("open")).await;
    let (ended, open) = (run_of("ended", "page", "ended"), run_of("open", "page", "open"));
    for run in [&ended, &open] {
        fleet.run_until(run, |run| run["messages"][0]["status"] == "delivered").await;
    }
    fleet.json(&["runs", "ack", &ended]);
    // The provider takes the text, but neither its answer nor its callbacks arrive.
    let answer_lost =
        FaultPlan { rate_accepted_no_answer: 1.0, rate_callback_lost: 1.0, ..FaultPlan::default() };
    fleet.sim.set_faults(answer_lost).unwrap();
    fleet.event(&page("doubt")).await;
    let doubt = run_of("doubt", "page", "doubt");
    fleet.run_until(&doubt, |run| run["messages"][0]["status"] == "in_doubt").await;

    let audit = fleet.json(&["audit"]);
    let unfinished = audit["unfinished"].as_array().unwrap();
    let of = |run: &str| unfinished.iter().find(|one| one["run"] == run);
    assert_eq!(unfinished.len(), 2, "{audit:#}");
    assert_eq!(of(&open).unwrap()["message"], json!(null), "its text arrived, and it waits for an answer");
    let message = &of(&doubt).unwrap()["message"];
    assert_eq!(message["status"], "in_doubt");
    assert!(message["next_at"].is_string(), "{message}");
    let text = String::from_utf8(fleet.run(&["audit", "--max", "1"]).stdout).unwrap();
    assert!(text.contains("unfinished: more than 1\n") && text.contains("the counts balance"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_and_warnings_say_what_went_wrong() {
    let fleet = Fleet::start().await;
    let unknown = run_of("none", "page", "none");
    assert_eq!(fleet.run(&["runs", "show", &unknown]).status.code(), Some(3));
    assert_eq!(fleet.run(&["runs", "show", "no-run-id"]).status.code(), Some(2));
    assert_eq!(fleet.run(&["runs", "frobnicate"]).status.code(), Some(2));
    for command in [
        &["runs", "settle", "--all", "--workflow", "nte", "--not-sent", "--yes"][..],
        &["runs", "list", "--workflow", "nte"],
        &["dlq", "list", "--workflow", "nte"],
        &["dlq", "discard", "--workflow", "nte", "--yes"],
    ] {
        let output = fleet.run(command);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {error}");
        assert!(error.contains("there is no workflow \"nte\"; there are "), "{error}");
        assert!(error.contains("note, page") && error.contains("callout.answer"), "{error}");
    }
    let known = ["runs", "settle", "--all", "--workflow", "note", "--not-sent", "--yes"];
    assert_eq!(fleet.run(&known).status.code(), Some(0));
    let missing = Command::new(env!("CARGO_BIN_EXE_callout"))
        .args(["check", "--config", "none.toml"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(2));
    let workflow = std::fs::read_to_string(fleet.folder.path().join("workflows/note.toml")).unwrap();
    let optional = workflow
        .replace("note.created", "loose.created")
        .replace(r#"required = ["text", "phone"]"#, r#"required = ["phone"]"#);
    std::fs::write(fleet.folder.path().join("workflows/loose.toml"), optional).unwrap();
    let warned = || {
        let mut warnings = fleet.json(&["check"])["warnings"].as_array().unwrap().clone();
        // The workflows of this harness ask for tickets that nobody opens.
        warnings.retain(|warning| !warning.as_str().unwrap().contains("asks for tickets in"));
        warnings
    };
    let warnings = warned();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].as_str().unwrap().contains("loose: the text uses `text`"), "{warnings:?}");
    let file = fleet.folder.path().join("callout.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{settings}\n[replies]\nended = \"\u{2713} {{{{ about }}}}\"\n")).unwrap();
    let warnings = warned();
    assert!(warnings[1].as_str().unwrap().starts_with("replies.ended: `\u{2713}` is not in"), "{warnings:?}");
    std::fs::write(&file, settings).unwrap();
    std::fs::write(fleet.folder.path().join("workflows/bad.toml"), "evnt = \"x\"\n").unwrap();
    let check = fleet.run(&["check"]);
    assert_eq!(check.status.code(), Some(78));
    assert!(
        String::from_utf8_lossy(&check.stderr)
            .contains("bad.toml:1: unknown key \"evnt\"; did you mean \"event\"?")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_sent_from_a_file() {
    let fleet = Fleet::start().await;
    let file = fleet.folder.path().join("event.json");
    let note = event("note.created", "n-1", "s", json!({"text": "from a file", "phone": "+14155550120"}));
    std::fs::write(&file, note.to_string()).unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(fleet.json(&["events", "send", path])["status"], "accepted");
    fleet.wait_until(|view| view.texts("+14155550120").len() == 1).await;
    // A role that takes none.
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", elsewhere.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = elsewhere.accept().unwrap();
        let _ = stream.read(&mut [0; 4_096]).unwrap();
        stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").unwrap();
        stream
    });
    let nowhere = fleet.run(&["events", "send", path, "--url", &url]);
    drop(answering.join());
    let said = String::from_utf8_lossy(&nowhere.stderr).into_owned();
    assert!(said.contains(&format!("{url}/v1/events takes no events")), "{said}");
    std::fs::write(&file, "{}").unwrap();
    assert_eq!(fleet.run(&["events", "send", path]).status.code(), Some(1));
    let one = |n: usize| {
        event("note.created", &format!("many-{n}"), "s", json!({"text": "x", "phone": "+14155550121"}))
    };
    let many: Vec<_> = (0..=domain::limits::EVENT_BATCH_MAX).map(one).collect();
    std::fs::write(&file, json!(many).to_string()).unwrap();
    let sent = fleet.json(&["events", "send", path]);
    assert_eq!((&sent["accepted"], &sent["batches"]), (&json!(many.len()), &json!(2)), "{sent}");
    let refused = fleet.callout(&["events", "send", path]).env("CALLOUT_KEY", "key\n").output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("the key in CALLOUT_KEY ends with a blank or a line break"), "{said}");
}

#[test]
fn every_outcome_of_the_demo_is_as_expected() {
    let output = Command::new(env!("CARGO_BIN_EXE_callout"))
        .args(["demo", "--exit", "--listen", "127.0.0.1:0", "--output", "json"])
        .output()
        .unwrap();
    let outcomes: Value = serde_json::from_slice(&output.stdout).unwrap();
    let outcomes = outcomes.as_array().unwrap();
    assert_eq!(outcomes.len(), 8);
    assert!(outcomes.iter().all(|outcome| outcome["as_expected"] == true), "{outcomes:?}");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_shown_and_replayed_once_its_cause_is_gone() {
    let fleet = Fleet::start().await;
    // The first of Twilio's magic numbers that only ever fail: not a mobile number, error 21614.
    let note = |id: &str, phone: &str| event("note.created", id, id, json!({"text": id, "phone": phone}));
    fleet.event(&note("bad", "+15005550009")).await;
    let run = fleet.run_until(&run_of("bad", "note", "bad"), |run| run["phase"] == "exhausted").await;
    assert_eq!(
        (&run["messages"][0]["status"], &run["messages"][0]["error_code"]),
        (&json!("dead"), &json!(21614))
    );
    let letters = fleet.json(&["dlq", "list", "--reason", "refused", "--workflow", "note"]);
    let id = letters[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(fleet.json(&["dlq", "list", "--reason", "unroutable"]), json!([]));
    assert!(String::from_utf8_lossy(&fleet.run(&["dlq", "show", &id]).stdout).contains("runs show"));

    assert_eq!(
        fleet.run(&["dlq", "replay", &id]).status.code(),
        Some(4),
        "nothing is replayed without --yes"
    );
    assert_eq!(fleet.run(&["dlq", "replay", "--dry-run"]).status.code(), Some(0));
    assert_eq!(fleet.json(&["dlq", "list"]).as_array().unwrap().len(), 1);

    // It fails again for the same cause, and is a new dead letter of a later epoch: one replay is one attempt.
    assert_eq!(fleet.json(&["dlq", "replay", &id, "--yes"])[0]["result"], "replayed");
    let failed_again = |run: &Value| run["messages"][0]["attempts"] == 2 && run["phase"] == "exhausted";
    fleet.run_until(&run_of("bad", "note", "bad"), failed_again).await;
    assert_eq!(
        fleet.run(&["dlq", "replay", &id, "--yes"]).status.code(),
        Some(3),
        "twice replayed is once sent"
    );
    let letters = fleet.json(&["dlq", "list"]);
    let second = letters[0]["id"].as_str().unwrap();
    assert_ne!(second, id);
    assert_eq!(fleet.json(&["dlq", "discard", second, "--yes"])[0]["result"], "discarded");
    assert_eq!(fleet.run(&["dlq", "show", second]).status.code(), Some(3));
    assert_eq!(fleet.sim.report().accepted, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn g7_check_sums_up_what_callout_would_do_and_tells_scripts_each_mistake() {
    let fleet = Fleet::start().await;
    let said = String::from_utf8(fleet.run(&["check"]).stdout).unwrap();
    for line in [
        "environment  test",
        "may text     every number",
        "live         held, note, page, quick",
        "tickets      desk: nobody",
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    let summary = fleet.json(&["check"])["summary"].clone();
    assert_eq!((&summary["environment"], &summary["backend"]), (&json!("test"), &json!("embedded")));
    assert_eq!(summary["tickets"], json!({"desk": null}));
    std::fs::write(fleet.folder.path().join("workflows/note.toml"), "event = 7\n").unwrap();
    let output = fleet.run(&["check", "--output", "json"]);
    assert_eq!(output.status.code(), Some(78));
    let mistakes: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(mistakes["valid"], false);
    let files: Vec<_> = mistakes["errors"].as_array().unwrap().iter().map(|error| &error["file"]).collect();
    assert!(files.iter().any(|file| file.as_str().unwrap().ends_with("note.toml")), "{mistakes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_no_destination_opens_is_warned_of_and_becomes_a_dead_letter() {
    let fleet = Fleet::start().await;
    let said = String::from_utf8(fleet.run(&["check"]).stdout).unwrap();
    assert!(
        said.contains("warning: workflow page asks for tickets in \"desk\", and no destination"),
        "{said}"
    );
    let log = std::fs::read_to_string(fleet.log()).unwrap();
    assert!(log.contains("workflow page asks for tickets in"), "{log}");
    fleet.event(&event("page.created", "p-1", "db", json!({"text": "Down"}))).await;
    let run = run_of("p-1", "page", "db");
    fleet.run_until(&run, |run| run["phase"] == "active").await;
    for _ in 0..2 {
        assert!(fleet.run(&["runs", "escalate", &run]).status.success());
    }
    let shown = String::from_utf8(fleet.run(&["runs", "show", &run]).stdout).unwrap();
    assert!(shown.contains("ticket     failed in desk: no destination of integrations.toml"), "{shown}");
    let letters = fleet.json(&["dlq", "list", "--reason", "effect"]);
    let id = letters[0]["id"].as_str().unwrap();
    assert!(letters[0]["error"].as_str().unwrap().contains("add one, then replay"), "{letters}");
    let stale = fleet.run(&["dlq", "replay", id, "--yes"]);
    let said = String::from_utf8_lossy(&stale.stdout).into_owned() + &String::from_utf8_lossy(&stale.stderr);
    assert!(!stale.status.success() && said.contains("is named desk and keeps tickets; add one"), "{said}");
    let nobody = fleet.run(&["runs", "show", ""]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no run is named"), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g11_a_database_of_another_user_is_named_with_its_owner() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt as _};
    const NOBODY: u32 = 65_534;
    let fleet = Fleet::start().await;
    let file = fleet.folder.path().join("callout.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{settings}[backend]\npath = \"/etc/callout-test.db\"\n")).unwrap();
    std::fs::set_permissions(fleet.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = fleet.callout(&["tokens", "create", "--label", "x"]);
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: /etc belongs to user 0, and this command runs as user "), "{said}");
    assert!(said.contains("sudo -u '#0'") && said.lines().count() == 1, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_cannot_be_used_is_a_mistake_of_the_configuration() {
    let fleet = Fleet::start().await;
    let desk = "[desk]\nkind = \"http\"\nurl = \"https://desk.example.com/\"\nbody = \"{{ x\"\nevents = [\"run.*\"]\n";
    let mail = "[mail]\nkind = \"email\"\nhost = \"smtp.example.com\"\nfrom = \"callout\"\nto = [\"ops@example.com\"]\n\
                events = [\"run.*\"]\n";
    std::fs::write(fleet.folder.path().join("integrations.toml"), format!("{desk}{mail}")).unwrap();
    let output = fleet.run(&["check"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("integrations.toml: destination \"desk\": a template has a mistake"), "{said}");
    assert!(
        said.contains("integrations.toml: destination \"mail\": from: \"callout\" is no address"),
        "{said}"
    );
}
