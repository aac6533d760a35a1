//! `callout runs explain`, `callout explain` and `callout messages`. In: runs that texted somebody, or did not. Out: why.

use domain::id::RunId;
use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, Layout, SECOND, event, run_of};

const ROTATIONS: &str = r#"
[[rotation]]
schedule = "desk"
time_zone = "UTC"
start = "2026-01-05"
members = ["first", "second"]
"#;

/// The person on call, then both.
const WORKFLOW: &str = r#"
event = "desk.called"
stage = "live"
category = "operational"
template = "{{ text }} Reply ACK {{ ack }}"
[schema]
type = "object"
properties = { text = { type = "string" } }
[[step]]
notify = ["oncall:desk"]
ack_within = "1h"
[[step]]
notify = ["contact:first", "contact:second"]
ack_within = "1h"
"#;

async fn start() -> Fleet {
    let files = vec![("oncall.toml", ROTATIONS.to_owned()), ("workflows/desk.toml", WORKFLOW.to_owned())];
    Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await
}

/// A run through the workflow, once its first text arrived.
async fn called(fleet: &Fleet, id: &str) -> String {
    assert_eq!(fleet.event(&event("desk.called", id, id, json!({"text": "Call."}))).await, 202);
    let run = run_of(id, "desk", id);
    fleet.run_until(&run, |run| run["messages"][0]["status"] == "delivered").await;
    run
}

fn text(fleet: &Fleet, args: &[&str]) -> String {
    let output = fleet.run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Lines as one, for a sentence may be broken over several.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_says_who_by_what_which_rules_and_why_it_ended() {
    let fleet = start().await;
    let made = fleet
        .json(&["oncall", "override", "desk", "second", "--until", "8h", "--why", "dentist", "--by", "eve"]);
    let held = made[0]["overrides"][0]["id"].as_str().unwrap().to_owned();
    let run = called(&fleet, "e-1").await;
    fleet.json(&["runs", "ack", &run, "--by", "eve"]);

    let explained = fleet.json(&["runs", "explain", &run]);
    let steps = explained["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 1, "the second step never began: {explained}");
    let to = &steps[0]["texts"][0];
    assert_eq!((&to["name"], &to["target"]), (&json!("second"), &json!("oncall:desk")));
    assert_eq!(to["taken_over"], json!({"id": held, "by": "eve", "why": "dentist"}));
    let lines = to["lines"].as_array().unwrap();
    let verdict = &lines.iter().find(|line| line["about"] == "policy").unwrap()["verdict"];
    assert_eq!((&verdict["verdict"], &verdict["rule"]), (&json!("send"), &json!("policy.passed")));
    assert_eq!(verdict["policy"], domain::policy::POLICY_VERSION);
    let about: Vec<_> = lines.iter().map(|line| line["about"].as_str().unwrap()).collect();
    let first = |who: &str| about.iter().position(|about| *about == who).unwrap();
    assert!(first("policy") < first("callout") && first("callout") < first("provider"), "{about:?}");
    assert_eq!(explained["why_ended"], "acknowledged by eve (operator)");

    let shown = flat(&text(&fleet, &["runs", "explain", &run]));
    for said in [
        &format!("by oncall:desk, override {held} made by eve (dentist): delivered") as &str,
        "may be sent: no rule objected [rule policy.passed, rules version 3]",
        "why it ended so: acknowledged by eve (operator)",
    ] {
        assert!(shown.contains(said), "{said} is not in {shown}");
    }
    assert!(!shown.contains(SECOND), "{shown}");
    let unknown = RunId::derive("test", "e-0", "desk", None).to_string();
    assert_eq!(fleet.run(&["runs", "explain", &unknown]).status.code(), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silenced_run_names_the_rule_and_what_it_looked_at() {
    let fleet = start().await;
    let silence = ["silence", "add", "--subject", "disk/*", "--until", "2h", "--why", "new disks"];
    let made = fleet.json(&silence);
    let note = event("note.created", "n-1", "disk/a", json!({"text": "Full.", "phone": FIRST}));
    assert_eq!(fleet.event(&note).await, 202);
    let run = run_of("n-1", "note", "disk/a");
    fleet.run_until(&run, |run| run["phase"] == "suppressed").await;
    let explained = fleet.json(&["runs", "explain", &run]);
    let verdict = &explained["steps"][0]["texts"][0]["lines"][0]["verdict"];
    assert_eq!((&verdict["verdict"], &verdict["rule"]), (&json!("suppress"), &json!("silence.active")));
    assert_eq!(
        (&verdict["inputs"]["silence"], &verdict["inputs"]["why"]),
        (&made[0]["id"], &json!("new disks"))
    );

    // Both the silence and the run are told to whom it concerns.
    let why = fleet.json(&["explain", "--recipient", FIRST]);
    assert_eq!((&why["silences"][0]["id"], &why["texted"][0]["run"]), (&made[0]["id"], &json!(run)));
    let texts = fleet.json(&["messages", "--to", FIRST]);
    assert_eq!((&texts[0]["status"], &texts[0]["reason"]), (&json!("suppressed"), &json!("silence.active")));
}

#[tokio::test(flavor = "multi_thread")]
async fn why_somebody_was_texted_or_not_is_told_with_who_was_on_call() {
    let fleet = start().await;
    // From now on second is on call, whoever's week it is; first comes in the second step alone.
    let made = fleet
        .json(&["oncall", "override", "desk", "second", "--until", "8h", "--why", "swap", "--by", "eve"]);
    let held = made[0]["overrides"][0]["id"].as_str().unwrap().to_owned();
    let run = called(&fleet, "w-1").await;
    fleet.json(&["runs", "ack", &run, "--by", "eve"]);
    let escalated = called(&fleet, "w-2").await;
    fleet.json(&["runs", "escalate", &escalated, "--by", "eve"]);
    fleet.run_until(&escalated, |run| run["messages"].as_array().unwrap().len() == 3).await;

    let why = fleet.json(&["explain", "--contact", "first"]);
    assert_eq!(why["contacts"], json!(["first"]));
    let shifts = why["on_call"][0]["shifts"].as_array().unwrap();
    let last = shifts.last().unwrap();
    assert_eq!((&last["contact"], &last["by_override"]), (&json!("second"), &json!(held)));
    let texted: Vec<_> = why["texted"].as_array().unwrap().iter().map(|run| &run["run"]).collect();
    assert_eq!(texted, [&json!(escalated)]);
    let missed = &why["not_reached"][0];
    assert_eq!((&missed["run"], why["not_reached"].as_array().unwrap().len()), (&json!(run), 1));
    let reasons: Vec<&str> =
        missed["why"].as_array().unwrap().iter().map(|target| target["why"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        [
            format!("oncall:desk was second then, by override {held} made by eve"),
            "step 2 never began: acknowledged by eve (operator)".to_owned()
        ]
    );
    let shown = flat(&text(&fleet, &["explain", "--recipient", FIRST]));
    for said in [reasons[0], reasons[1], "texts may be sent: operational", "none is stored for that time"] {
        assert!(shown.contains(said), "{said} is not in {shown}");
    }
    assert!(!shown.contains(FIRST) && !shown.contains(SECOND), "{shown}");

    // Long ago nobody was texted.
    let before = fleet.json(&["explain", "--contact", "first", "--at", "2026-02-01T00:00:00Z"]);
    assert_eq!((&before["texted"], &before["not_reached"]), (&json!([]), &json!([])));

    // The latest text comes first, each once.
    let texts = fleet.json(&["messages", "--to", SECOND]);
    let runs: Vec<_> = texts.as_array().unwrap().iter().map(|text| text["run"].as_str().unwrap()).collect();
    assert_eq!(runs, [&escalated, &escalated, &run]);
    assert!(texts[2]["workflow"] == "desk" && texts[2]["status"] == "delivered", "{texts}");
    assert!(!texts.to_string().contains(SECOND));
    assert_eq!(fleet.json(&["messages", "--to", SECOND, "--max", "1"]).as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_unknown_or_was_never_texted_is_said() {
    let fleet = start().await;
    let nobody = "+14155550199";
    assert!(text(&fleet, &["messages", "--to", nobody]).contains("no texts to that number"));
    let why = fleet.json(&["explain", "--recipient", nobody]);
    for list in ["contacts", "on_call", "texted", "not_reached", "silences"] {
        assert_eq!(why[list], Value::Array(Vec::new()), "{list}");
    }
    for (args, code, said) in [
        (&["explain", "--contact", "third"][..], 3, "no contact is named \"third\"; there are first, second"),
        (&["explain"], 2, "--recipient"),
        (&["explain", "--contact", "first", "--recipient", FIRST], 2, "cannot be used with"),
        (&["explain", "--contact", "first", "--window", "90d"], 2, "of two weeks at most"),
        (&["explain", "--contact", "first", "--at", "soon"], 2, "expected a time such as"),
        (&["messages", "--to", "911"], 2, "--to"),
    ] {
        let output = fleet.run(args);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(code) && text.contains(said),
            "{args:?}: {:?} {text}",
            output.status
        );
    }
}

/// What decided is kept with what it looked at, so that the rules can be asked again.
#[tokio::test(flavor = "multi_thread")]
async fn the_rules_say_of_stored_verdicts_what_they_said() {
    let fleet = Fleet::start().await;
    for id in ["a-1", "a-2"] {
        fleet.event(&event("note.created", id, id, json!({"text": "Hello", "phone": FIRST}))).await;
        fleet.run_until(&run_of(id, "note", id), |run| run["phase"] == "completed").await;
    }
    let audit = fleet.json(&["audit", "--decisions"]);
    assert_eq!((&audit["runs"], &audit["different"]), (&json!(2), &json!([])), "{audit}");
    assert!(audit["same"].as_u64().unwrap() >= 2, "{audit}");
    let said = fleet.run(&["audit", "--decisions", "--output", "text"]);
    assert_eq!(said.status.code(), Some(0));
    assert!(String::from_utf8(said.stdout).unwrap().contains("the rules say the same"));
}
