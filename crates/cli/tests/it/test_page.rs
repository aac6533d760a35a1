//! `callout test-page` while callout runs. In: contacts that answer, do not, or may not be texted. Out: times of legs, or what
//! is missing, and an exit code.

use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, SECOND};

/// Begins a test page to the first contact.
fn begun(fleet: &Fleet, args: &[&str]) -> Child {
    let args = [&["test-page", "first", "--output", "json"], args].concat();
    fleet.callout(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Its exit code and what it printed.
fn ended(child: Child) -> (Option<i32>, Value) {
    let output = child.wait_with_output().unwrap();
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.unwrap_or_else(|_| json!(String::from_utf8_lossy(&output.stderr))))
}

fn legs(report: &Value) -> Vec<&str> {
    report["legs"].as_array().unwrap().iter().map(|leg| leg["leg"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_answered_has_a_time_for_each_leg_and_reaches_nobody_else() {
    let fleet = Fleet::start().await;
    let page = begun(&fleet, &[]);
    fleet.wait_until(|view| !view.texts(FIRST).is_empty()).await;
    let body = fleet.sim.phone(FIRST).texts()[0].body.clone();
    assert!(body.starts_with("TEST from callout for first: no incident. Reply ACK "), "{body}");
    let code = body.rsplit(' ').next().unwrap().to_owned();
    fleet.sim.phone(FIRST).reply(&format!("ACK {code}")).await.unwrap();
    let (exit, report) = ended(page);
    assert_eq!((exit, &report["arrived"]), (Some(0), &json!(true)), "{report}");
    assert_eq!(
        legs(&report),
        ["event to request", "request to provider's answer", "request to delivered", "delivered to reply"]
    );
    assert!(fleet.sim.phone(SECOND).texts().is_empty());
    let run = fleet.json(&["runs", "show", report["run"].as_str().unwrap()]);
    assert_eq!((&run["phase"], &run["workflow"]), (&json!("acknowledged"), &json!("callout.test-page")));

    let (exit, report) = ended(begun(&fleet, &["--no-reply"]));
    assert_eq!((exit, &report["phase"], legs(&report).len()), (Some(0), &json!("completed"), 3), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_an_answer_says_what_is_missing_and_escalates_to_nobody() {
    let fleet = Fleet::start().await;
    let (exit, report) = ended(begun(&fleet, &["--wait", "1s"]));
    assert_eq!(exit, Some(1), "{report}");
    assert!(report["missing"][0].as_str().unwrap().starts_with("no reply acknowledged it"), "{report}");
    let run = fleet.json(&["runs", "show", report["run"].as_str().unwrap()]);
    assert_eq!(
        (&run["phase"], &run["tickets"], &run["ticket"]),
        (&json!("expired"), &Value::Null, &Value::Null)
    );
    let timeline = run["timeline"].to_string();
    assert!(!timeline.contains("escalated") && !timeline.contains("ticket"), "{timeline}");
    assert!(fleet.sim.phone(SECOND).texts().is_empty());
    let metrics = fleet.metrics(0).await;
    assert!(!metrics.contains("callout_escalations_total{workflow=\"callout.test-page\"}"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_a_page_back_is_said() {
    let mut fleet = Fleet::start().await;
    fleet.json(&["consent", "revoke", FIRST, "--evidence", "letter 7"]);
    let (exit, report) = ended(begun(&fleet, &[]));
    assert_eq!((exit, &report["phase"]), (Some(1), &json!("suppressed")), "{report}");
    let missing = report["missing"][0].as_str().unwrap();
    assert!(missing.contains("wants no texts (consent.opted_out)"), "{missing}");
    assert!(fleet.sim.phone(FIRST).texts().is_empty());

    let refused = |fleet: &Fleet, args: &[&str]| {
        let output = fleet.run(args);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (exit, said) = refused(&fleet, &["test-page", "third"]);
    assert!(exit == Some(3) && said.contains("there are first, second"), "{exit:?} {said}");
    let (exit, said) = refused(&fleet, &["test-page", "first", "--wait", "2h"]);
    assert!(exit == Some(2) && said.contains("from a second to an hour"), "{exit:?} {said}");
    fleet.kill();
    let (exit, said) = refused(&fleet, &["test-page", "first"]);
    assert!(exit == Some(1) && said.contains("no callout runs on this database"), "{exit:?} {said}");
}
