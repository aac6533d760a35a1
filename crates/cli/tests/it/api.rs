//! The HTTP API of a running process: tokens, changes, the stream, and the command line from another machine.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, event, run_of};

/// A process that serves the API, and its address.
async fn with_api() -> (Fleet, String) {
    let address = format!("127.0.0.1:{}", test_servers::free_port());
    let settings = format!("[api]\nlisten = \"{address}\"\n");
    let fleet = Fleet::start_roles(&[&[]], &settings, Vec::new()).await;
    (fleet, format!("http://{address}"))
}

fn token(fleet: &Fleet, args: &[&str]) -> (String, String) {
    let made = fleet.json(&[&["tokens", "create", "--label", "dashboard"], args].concat());
    (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
}

/// A command of another machine, which has no configuration.
fn remote(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callout"));
    let folder = tempfile::tempdir().unwrap();
    command.args(args).current_dir(folder.path()).env_remove("CALLOUT_CONFIG");
    command.envs(env.iter().copied()).output().unwrap()
}

/// The next event of a stream: its id, and its data.
async fn next_event(stream: &mut reqwest::Response, seen: &mut String) -> (String, Value) {
    loop {
        if let Some((event, rest)) = seen.split_once("\n\n") {
            let field = |name: &str| {
                event.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
            };
            let found = field("id:").zip(field("data:"));
            *seen = rest.to_owned();
            if let Some((id, data)) = found {
                return (id, serde_json::from_str(&data).unwrap());
            }
        } else {
            let chunk = stream.chunk().await.unwrap().unwrap();
            seen.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_follows_a_run_takes_it_on_and_is_shut_out_when_its_token_ends() {
    let (mut fleet, url) = with_api().await;
    let (id, token) = token(&fleet, &["--scope", "operate"]);
    let ask = |path: String| fleet.client.get(format!("{url}{path}")).bearer_auth(&token);
    let follow = async |after: &str| {
        let stream = ask("/v1/stream".to_owned()).header("last-event-id", after).send().await.unwrap();
        assert_eq!(stream.status(), 200);
        stream
    };
    fleet.event(&event("page.created", "p-1", "p-1", json!({"text": "one"}))).await;
    let run = run_of("p-1", "page", "p-1");
    let (mut stream, mut seen) = (follow("0").await, String::new());
    let (position, opened) = next_event(&mut stream, &mut seen).await;
    assert_eq!((&opened["type"], &opened["data"]["run"]), (&json!("run.opened"), &json!(run)));
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let shown = ask(format!("/v1/runs/{run}")).send().await.unwrap();
    let version = shown.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(shown.json::<Value>().await.unwrap()["phase"], "active");
    let path = format!("{url}/v1/runs/{run}/acknowledge");
    let taken = fleet.client.post(path).bearer_auth(&token).send().await.unwrap();
    assert_ne!(taken.headers()["etag"].to_str().unwrap(), version);
    assert_eq!(taken.json::<Value>().await.unwrap()["changed"], true);

    // A reader that comes back after a kill misses nothing.
    fleet.kill();
    fleet.serve().await;
    let ask = |path: String| fleet.client.get(format!("{url}{path}")).bearer_auth(&token);
    let mut resumed = ask("/v1/stream".to_owned()).header("last-event-id", &position).send().await.unwrap();
    let (_, next) = next_event(&mut resumed, &mut String::new()).await;
    assert_eq!((&next["type"], &next["data"]["by"]), (&json!("run.acknowledged"), &json!("dashboard")));

    assert_eq!(fleet.json(&["tokens", "list"])[0]["label"], "dashboard");
    assert_eq!(fleet.json(&["tokens", "revoke", &id]), json!({"revoked": id}));
    assert_eq!(ask("/v1/runs".to_owned()).send().await.unwrap().status(), 401);
    assert!(!std::fs::read_to_string(fleet.log()).unwrap().contains(&token));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_ask_the_api_of_another_machine() {
    let (fleet, url) = with_api().await;
    fleet.event(&event("page.created", "p-1", "p-1", json!({"text": "one"}))).await;
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let run = run_of("p-1", "page", "p-1");
    let (_, reader) = token(&fleet, &[]);
    let (_, operator) = token(&fleet, &["--scope", "operate", "--expires", "1h"]);
    let env = |token| [("CALLOUT_URL", url.as_str()), ("CALLOUT_TOKEN", token)];

    let listed = remote(&["runs", "list", "--unfinished", "--output", "json"], &env(&reader));
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed[0]["id"], run.as_str());
    let refused = remote(&["runs", "ack", &run], &env(&reader));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said.contains("403") && said.contains("lacks the scope operate"), "{said}");
    let taken = remote(&["runs", "escalate", &run, "--output", "json"], &env(&operator));
    let taken: Value = serde_json::from_slice(&taken.stdout).unwrap();
    assert_eq!(taken["step"], 2);
    let audit = remote(&["audit", "--output", "json"], &env(&reader));
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stderr));
    let unknown = remote(&["runs", "show", &run_of("p-9", "page", "p-9")], &env(&reader));
    assert_eq!(unknown.status.code(), Some(3));

    for (env, says) in [
        (vec![("CALLOUT_URL", url.as_str())], "CALLOUT_TOKEN is not set"),
        (
            vec![("CALLOUT_URL", "http://callout.example.org"), ("CALLOUT_TOKEN", "x")],
            "must begin with https://",
        ),
        (vec![("CALLOUT_URL", "callout"), ("CALLOUT_TOKEN", "x")], "expected an address"),
    ] {
        let refused = remote(&["runs", "list"], &env);
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
    // The events' address answers, and not as the API does.
    let wrong = remote(&["runs", "list"], &[("CALLOUT_URL", &*fleet.url), ("CALLOUT_TOKEN", "x")]);
    let said = String::from_utf8(wrong.stderr).unwrap();
    assert!(said.contains("is not callout's API: CALLOUT_URL must be"), "{said}");
    let elsewhere = remote(&["tokens", "list"], &env(&operator));
    assert_eq!(elsewhere.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_served_where_it_is_configured_and_nowhere_else() {
    let fleet = Fleet::start().await;
    let refused = fleet.run(&["serve", "api"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("give [api] listen"), "{said}");
    let path = format!("{}/v1/runs", fleet.url);
    assert_eq!(fleet.client.get(path).send().await.unwrap().status(), 404);
    let strange = fleet.run(&[
        "tokens",
        "create",
        "--label",
        "x",
        "--team",
        "nobody",
        "--scope",
        "raise:page.*",
        "--scope",
        "raise:odd.made",
    ]);
    let said = String::from_utf8(strange.stderr).unwrap();
    assert!(strange.status.success(), "{said}");
    assert!(said.contains("warning: nothing in the configuration is of team \"nobody\""), "{said}");
    assert!(
        said.contains("warning: no workflow takes events of type \"odd.made\"") && !said.contains("page.*"),
        "{said}"
    );
    for (args, says) in [
        (&["--label", " "][..], "expected a label"),
        (&["--label", "x", "--scope", "everything"], "expected read, read_texts, operate"),
        (&["--label", "x", "--expires", "soon"], "expected a duration"),
    ] {
        let refused = fleet.run(&[&["tokens", "create"], args].concat());
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_of_another_machine_sends_events_with_its_token_and_no_others() {
    let (fleet, url) = with_api().await;
    let (_, token) = token(&fleet, &["--scope", "raise:page.*"]);
    let env = [("CALLOUT_URL", url.as_str()), ("CALLOUT_TOKEN", token.as_str())];
    let folder = tempfile::tempdir().unwrap();
    let send = |source: &str| {
        let file = folder.path().join("event.json");
        let mut event = event("page.created", "t-1", "t-1", json!({"text": "one"}));
        event["source"] = source.into();
        std::fs::write(&file, event.to_string()).unwrap();
        remote(&["events", "send", file.to_str().unwrap()], &env)
    };
    let refused = send("monitoring");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success()
            && said.contains("refused what was sent (403)")
            && said.contains("/callout/tokens/dashboard"),
        "{said}"
    );
    let taken = send("/callout/tokens/dashboard");
    assert!(taken.status.success(), "{taken:?}");
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let again = send("/callout/tokens/dashboard");
    assert!(String::from_utf8_lossy(&again.stdout).starts_with("200"), "{again:?}");
}
