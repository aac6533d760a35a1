//! `callout tail` and `callout top`. In: pages, one of them escalated, and a restart. Out: what an operator reads.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, SECOND, event, run_of};

/// A fleet of one process that serves the API, and so keeps outcomes.
async fn fleet() -> Fleet {
    let api = format!("[api]\nlisten = \"127.0.0.1:{}\"\n", test_servers::free_port());
    Fleet::start_roles(&[&[]], &api, Vec::new()).await
}

async fn page(fleet: &Fleet, id: &str) -> String {
    assert_eq!(fleet.event(&event("page.created", id, id, json!({"text": id}))).await, 202);
    let run = run_of(id, "page", id);
    fleet.run_until(&run, |run| run["messages"][0]["status"] == "delivered").await;
    run
}

/// The runs of the outcomes that are kept, in order of their ids.
fn kept(fleet: &Fleet, filters: &[&str]) -> Vec<String> {
    let args = [&["tail", "--history", "--no-follow", "--output", "json"], filters].concat();
    let output = fleet.run(&args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let run = |line: &str| serde_json::from_str::<Value>(line).unwrap()["run"].as_str().unwrap().to_owned();
    let mut runs: Vec<String> = lines.lines().map(run).collect();
    runs.sort();
    runs
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_misses_nothing_while_the_process_is_killed_and_started_again() {
    let mut fleet = fleet().await;
    let before = page(&fleet, "before").await;
    let mut tail = fleet.callout(&["tail", "--history", "--type", "run.opened", "--output", "json"]);
    let mut child = tail.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut next = || {
        let outcome: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        outcome["run"].as_str().unwrap().to_owned()
    };
    assert_eq!(next(), before);
    fleet.kill();
    let warning = said.next().unwrap().unwrap();
    assert!(warning.contains("looking again until it answers"), "{warning}");
    fleet.serve().await;
    let (first, last) = (page(&fleet, "first").await, page(&fleet, "last").await);
    assert_eq!([next(), next()], [first, last]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_can_be_filtered() {
    let fleet = fleet().await;
    let (quiet, loud) = (page(&fleet, "disk 20260131").await, page(&fleet, "loud").await);
    fleet.json(&["runs", "escalate", &loud]);
    fleet.run_until(&loud, |run| run["messages"][1]["status"] == "delivered").await;
    let mut tries = tokio::time::interval(std::time::Duration::from_millis(50));
    while kept(&fleet, &["--type", "run.escalated"]) != [loud.as_str()] {
        tries.tick().await;
    }
    let mut both = [quiet.clone(), loud.clone()];
    both.sort();
    assert_eq!(kept(&fleet, &["--type", "run.opened", "--workflow", "page"]), both);
    assert_eq!(kept(&fleet, &["--subject", "disk 20260131"]), [quiet.as_str()]);
    // A number is masked in what leaves, and found all the same.
    let of_number = page(&fleet, "call 14155550188").await;
    while kept(&fleet, &["--type", "run.opened", "--subject", "call 14155550188"]) != [of_number.as_str()] {
        tries.tick().await;
    }
    let text = String::from_utf8(fleet.run(&["tail", "--history", "--no-follow"]).stdout).unwrap();
    assert!(
        text.contains("run.escalated") && !text.contains(FIRST) && !text.contains("14155550188"),
        "{text}"
    );
    assert!(text.contains("disk 20260131"), "{text}");
    for (args, expected) in [
        (&["tail", "--type", "run.opne"][..], "expected one of run.opened"),
        (&["tail", "--workflow", "none"], "there is no workflow \"none\""),
        (&["tail", "--no-follow"], "--history"),
    ] {
        let output = fleet.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(expected), "{args:?}: {said}");
    }

    let top = fleet.json(&["top"]);
    assert_eq!(
        (&top["workflows"][0]["name"], &top["workflows"][0]["texts"], &top["workflows"][0]["delivered"]),
        (&json!("page"), &json!(4), &json!(4)),
        "{top}"
    );
    assert_eq!(top["recipients"].as_array().unwrap().len(), 2, "{top}");
    assert!(!top.to_string().contains(SECOND), "{top}");
    assert_eq!(
        fleet.json(&["top", "--since", "2000-01-01T00:00:00Z", "--max", "1"])["recipients"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_api_there_is_nothing_to_follow_and_that_is_said() {
    let fleet = Fleet::start().await;
    let output = fleet.run(&["tail"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("give [api] listen in callout.toml"), "{said}");
}
