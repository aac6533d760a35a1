//! Attempts to have an agent do what it may not, by every door, against the real server. In: a corpus, a client that obeys every
//! instruction it reads, and calls by fifty at once. Out: figures; no text outside scope, no escalation stopped, and each
//! refusal in the log.

mod attempt;
mod client;
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use futures::future::join_all;
use serde_json::{Value, json};

use self::{
    attempt::{Attempt, Door},
    client::{Obedient, Tally},
    world::{DUTY_HOURLY, LANDLINE, Range},
};
use crate::harness::{FIRST, SECOND};

/// Calls of one race.
const AT_ONCE: usize = 50;
/// A number that attempts would have texted, as it may not stand in the log.
const OUTSIDER: &str = "4155550199";

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_obeys_everything_it_reads_texts_nobody_else_and_stops_nothing() {
    let range = Range::start().await;
    let client = Obedient { range: &range, tally: Mutex::new(Tally::default()) };
    let before = standing(&range);
    let attempts = Attempt::all();
    let names: BTreeSet<&str> = attempts.iter().map(|attempt| attempt.name.as_str()).collect();
    assert!(attempts.len() >= 200 && names.len() == attempts.len(), "{}", attempts.len());

    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for attempt in &attempts {
        *kinds.entry(&attempt.kind).or_default() += 1;
        let aimed = range.aimed(attempt).await;
        let (outcome, answer) = client.attempt(&aimed).await;
        if !attempt.allows(&outcome) {
            wrong.push(format!("{}: {outcome}, and not {:?}: {answer}", attempt.name, attempt.want));
        }
        client.obey(answer).await;
    }
    assert_eq!(wrong, Vec::<String>::new(), "{}", wrong.join("\n"));
    client.read_everything().await;
    kinds.insert("at once", races(&client).await);

    let (runs, texts) = all_runs_went_on(&range).await;
    assert_eq!(standing(&range), before, "what only people change is as it was");
    let audit = range.fleet().run(&["audit"]);
    assert!(audit.status.success(), "{audit:?}");
    let codes = refusals_are_logged(&range, &client.tally.lock().unwrap());

    let calls = client.calls();
    let tally = client.tally.lock().unwrap();
    // Instructions came through, or the client proved nothing.
    assert!(tally.seen > 0 && tally.obeyed > 10, "{tally:?}");
    println!(
        "red team: {} attempts {kinds:?}\n{calls} calls; instructions seen {}, obeyed {}\nrefused {codes:?}\n\
         {runs} runs, {texts} texts, outside scope 0; acknowledgements 0",
        kinds.values().sum::<usize>(),
        tally.seen,
        tally.obeyed,
    );
}

/// The same thing fifty times at once. Out: how many such things.
async fn races(client: &Obedient<'_>) -> usize {
    let storm = client.range.client("storm");
    let at_once = async |tool: &str, arguments: &dyn Fn(usize) -> Value| {
        let arguments: Vec<Value> = (0..AT_ONCE).map(arguments).collect();
        let calls = arguments.iter().map(|arguments| client.tool(storm, "storm", tool, arguments));
        let mut counted: BTreeMap<String, usize> = BTreeMap::new();
        for (outcome, _) in join_all(calls).await {
            *counted.entry(outcome).or_default() += 1;
        }
        counted
    };
    let raise = |kind: &str, id: String, subject: String| {
        json!({"event_type": format!("{kind}.created"), "event_id": id, "subject": subject,
               "fields": {"text": "Disk full"}, "mode": "commit"})
    };
    let of = |counted: &BTreeMap<String, usize>, word: &str| counted.get(word).copied().unwrap_or(0);

    let same = at_once("event_raise", &|_| raise("duty", "same".into(), "same".into())).await;
    assert_eq!(of(&same, "ok created") + of(&same, "ok duplicate"), AT_ONCE, "{same:?}");
    let subject = at_once("event_raise", &|n| raise("duty", format!("sub-{n}"), "same".into())).await;
    assert!(
        of(&subject, "ok created") <= 2 && of(&subject, "budget_exhausted") >= AT_ONCE - 2,
        "{subject:?}"
    );
    let budget = at_once("event_raise", &|n| raise("duty", format!("own-{n}"), format!("own-{n}"))).await;
    assert!(of(&budget, "ok created") < DUTY_HOURLY, "{budget:?}");
    assert_eq!(of(&budget, "ok created") + of(&budget, "budget_exhausted"), AT_ONCE, "{budget:?}");
    let asked = at_once("event_raise", &|n| raise("alarm", format!("a-{n}"), format!("a-{n}"))).await;
    assert_eq!(of(&asked, "ok pending_approval"), 10, "{asked:?}");

    let page = client.range.place("$page").to_owned();
    let note = json!({"run_id": page, "expected_version": 1, "reason": "looks_harmless"});
    let noted = at_once("run_ack", &|_| note.clone()).await;
    assert_eq!(of(&noted, "ok noted") + of(&noted, "ok known"), AT_ONCE, "{noted:?}");
    let version = client.range.runs().await.into_iter().find(|(id, _)| *id == page).unwrap().1;
    let escalate = json!({"run_id": page, "expected_version": version, "mode": "commit"});
    let escalated = at_once("run_escalate", &|_| escalate.clone()).await;
    let waits = of(&escalated, "ok pending_approval") + of(&escalated, "approvals_pending");
    assert_eq!(waits, AT_ONCE, "{escalated:?}");

    // An agent decides nothing, and people decide once.
    let listed = client.range.fleet().json(&["approvals", "list"]);
    let is_alarm = |row: &&Value| row["by"] == "storm" && row["state"] == "pending";
    let row = listed.as_array().unwrap().iter().find(is_alarm).unwrap_or_else(|| panic!("{listed}"));
    let call = format!("POST /v1/approvals/{}/approve", row["id"].as_str().unwrap());
    for (who, expected) in [("storm", 0), ("ada", 1)] {
        let attempt = Attempt {
            name: String::new(),
            kind: String::new(),
            by: Door::Http,
            who: who.to_owned(),
            call: call.clone(),
            with: json!({}),
            headers: Vec::new(),
            want: Vec::new(),
        };
        let token = client.range.token(who);
        let answers = join_all((0..AT_ONCE).map(|_| client.http(&attempt, token))).await;
        // The same decision of the same person again is the one that stands.
        let used = answers.iter().filter(|(outcome, _)| outcome == "200");
        let used: BTreeSet<String> = used.map(|(_, row)| row["decision"].to_string()).collect();
        assert_eq!(used.len(), expected, "{who}: {answers:?}");
    }
    8
}

/// What an agent may not change: all but runs, events and what it asked for.
fn standing(range: &Range) -> Vec<Value> {
    let fleet = range.fleet();
    let stops = fleet.json(&["agents", "list"])["agents"].clone();
    let stops =
        stops.as_array().unwrap().iter().map(|agent| json!([agent["label"], agent["stopped"]])).collect();
    let tokens = fleet.json(&["tokens", "list"]);
    let tokens =
        tokens.as_array().unwrap().iter().map(|token| json!([token["id"], token["label"], token["scopes"]]));
    let mut files = Vec::new();
    for name in [
        "callout.toml",
        "contacts.toml",
        "workflows/page.toml",
        "workflows/duty.toml",
        "workflows/never.toml",
    ] {
        files.push(std::fs::read_to_string(fleet.folder.path().join(name)).unwrap().into());
    }
    let approvals = range.approvals().map(|id| fleet.json(&["approvals", "show", id])["state"].clone());
    let consent = [FIRST, SECOND, "+14155550199"].map(|number| fleet.json(&["consent", "show", number]));
    vec![
        Value::Array(stops),
        Value::Array(tokens.collect()),
        Value::Array(files),
        json!(approvals),
        json!(consent),
        fleet.json(&["silence", "list"]),
        fleet.json(&["runs", "list", "--workflow", "callout.test-page"]),
    ]
}

/// Nobody acknowledged anything: each run with short deadlines goes through all its steps, the others stand where they stood.
/// Out: how many runs, and texts.
async fn all_runs_went_on(range: &Range) -> (usize, u64) {
    let short = BTreeMap::from([("quick", 2), ("duty", 3), ("finding", 1), ("alarm", 2)]);
    let mut opened: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut all, mut sent) = (0, 0);
    for (id, _) in range.runs().await {
        let run = range.run_until(&id, |run| {
            let workflow = run["workflow"].as_str().unwrap();
            let is_over = !short.contains_key(workflow) || run["closed_at"].is_string();
            // Answers wait where a phone had several.
            let is_open = |message: &Value| message["unfinished"] == true && workflow != "callout.answer";
            is_over && !run["messages"].as_array().unwrap().iter().any(is_open)
        });
        let run = run.await;
        let (workflow, source) = (run["workflow"].as_str().unwrap(), run["source"].as_str().unwrap());
        let timeline = run["timeline"].to_string();
        for ended in ["acknowledged by", "cancelled by", "resolved by"] {
            assert!(!timeline.contains(ended), "{ended}: {run}");
        }
        let steps: BTreeSet<u64> = run["messages"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|message| message["step"].as_u64())
            .collect();
        match short.get(workflow) {
            // What happened long ago pages nobody.
            Some(_) if run["phase"] == "expired" => {
                assert_eq!((&run["event_id"], steps.len()), (&json!("clock-2001"), 0))
            }
            Some(expected) => {
                assert_eq!((&run["phase"], steps.len()), (&json!("exhausted"), *expected), "{run}");
            }
            None if ["note", "callout.answer"].contains(&workflow) => {}
            None => assert_eq!(run["phase"], "active", "{run}"),
        }
        sent += run["messages"].as_array().unwrap().iter().filter(|message| !message["sid"].is_null()).count()
            as u64;
        all += 1;
        *opened.entry((source.to_owned(), workflow.to_owned())).or_default() += 1;
    }
    for ((source, workflow), count) in &opened {
        let Some(label) = source.strip_prefix("/callout/tokens/") else { continue };
        let most = match (label, workflow.as_str()) {
            ("agent" | "storm" | "cli" | "team" | "raiser", "duty") => DUTY_HOURLY,
            ("agent", "finding") => 60,
            // Of what was asked for, the one that a person agreed to.
            ("agent" | "storm", "alarm") => 1,
            _ => 0,
        };
        assert!(*count <= most, "{opened:?}");
    }
    let accepted = range.fleet().sim.report().accepted;
    let phones = [FIRST, SECOND, LANDLINE].map(|phone| range.fleet().sim.phone(phone));
    let known = phones.iter().flat_map(|phone| phone.texts()).filter(|text| !text.automatic).count();
    let to_landline = 1;
    assert!(known as u64 == accepted || known as u64 + to_landline == accepted, "{known} of {accepted}");
    assert_eq!(sent, accepted, "each text is one of a run");
    (all, accepted)
}

/// As many lines as refusals, each with who and why, and none with a secret or a number.
fn refusals_are_logged(range: &Range, tally: &Tally) -> BTreeMap<String, usize> {
    let log = std::fs::read_to_string(range.fleet().log()).unwrap();
    for number in [&FIRST[1..], &SECOND[1..], OUTSIDER] {
        let line = log.lines().find(|line| line.contains(number));
        assert_eq!(line, None, "{number} is in the log");
    }
    for (label, token) in range.tokens().filter(|(_, token)| token.starts_with("callout_")) {
        let line = log.lines().find(|line| line.contains(token.as_str()));
        assert_eq!(line, None, "the token of {label} is in the log");
    }
    let (mut tools, mut requests, mut codes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for line in log.lines().filter(|line| line.contains("an agent was refused")) {
        let line: Value = serde_json::from_str(line).unwrap();
        let word = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{name}: {line}")).to_owned();
        let (principal, code) = (word("principal"), word("code"));
        *codes.entry(code.clone()).or_insert(0) += 1;
        if line["tool"].is_string() {
            *tools.entry((principal, code)).or_insert(0) += 1;
        } else {
            word("request");
            *requests.entry(principal).or_insert(0) += 1;
        }
    }
    assert_eq!(tools, tally.tools, "refusals of tools");
    // What the command line asks for is counted there alone.
    assert!(requests.remove("cli").is_some_and(|lines| lines > 5));
    assert_eq!(requests, tally.requests, "refusals of requests");
    codes
}
