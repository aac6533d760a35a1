//! `callout consent` while callout runs. In: grants, revocations, a file with mistakes. Out: evidence, and what is texted.

use ports::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, Layout, SECOND, event};

const OFFER: &str = r#"
event = "offer.made"
category = "marketing"
stage = "live"
template = "{{ text }} Reply STOP to opt out."
[schema]
type = "object"
required = ["text", "phone"]
properties = { text = { type = "string" }, phone = { type = "string" } }
[[step]]
notify = ["field:phone"]
deliver_within = "1h"
"#;

async fn start() -> Fleet {
    let files = vec![("workflows/offer.toml", OFFER.to_owned())];
    Fleet::start_layout(Layout { roles: &[&[]], files, ..Layout::default() }).await
}

/// The rules that decided about an offer to a phone.
async fn decided(fleet: &Fleet, id: &str, phone: &str) -> Vec<String> {
    let offer = event("offer.made", id, id, json!({"text": "Ten percent off.", "phone": phone}));
    assert_eq!(fleet.event(&offer).await, 202);
    let run = fleet
        .run_until(&crate::harness::run_of(id, "offer", id), |run| {
            let timeline = run["timeline"].to_string();
            timeline.contains("\"suppressed\"")
                || timeline.contains("\"delivered\"")
                || run["phase"] == "suppressed"
        })
        .await;
    let timeline = run["timeline"].to_string();
    let rules = ["consent.not_granted", "consent.opted_out", "policy.passed"];
    rules.into_iter().filter(|rule| timeline.contains(rule)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn marketing_goes_to_those_who_agreed_until_they_take_it_back() {
    let fleet = start().await;
    assert_eq!(decided(&fleet, "o-1", FIRST).await, ["consent.not_granted"]);
    let grant = [
        "consent",
        "grant",
        FIRST,
        "--category",
        "marketing",
        "--evidence",
        "form 4711",
        "--channel",
        "web form",
        "--wording",
        "Offers by SMS, four a month",
        "--by",
        "eve",
    ];
    let view = fleet.json(&grant);
    assert_eq!(view["permitted"], json!(["operational", "transactional", "marketing"]));
    // The same proof again is the same entry.
    assert_eq!(fleet.json(&grant)["entries"].as_array().unwrap().len(), 1);
    assert!(decided(&fleet, "o-2", FIRST).await.contains(&"policy.passed".to_owned()));
    fleet.wait_until(|view| view.texts(FIRST).len() == 1).await;
    let shown = String::from_utf8(fleet.run(&["consent", "show", FIRST]).stdout).unwrap();
    for part in [
        "may be sent: operational, transactional, marketing",
        "operator: form 4711, by web form, recorded by eve, shown:",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert!(!shown.contains(FIRST), "{shown}");
    fleet.json(&["consent", "revoke", FIRST, "--category", "marketing", "--evidence", "call 17"]);
    assert_eq!(decided(&fleet, "o-3", FIRST).await, ["consent.not_granted"]);

    // Who wants nothing at all gets nothing, and a grant does not change that.
    fleet.json(&["consent", "revoke", FIRST, "--evidence", "letter 3"]);
    fleet.json(&["consent", "grant", FIRST, "--category", "marketing", "--evidence", "form 4712"]);
    assert_eq!(decided(&fleet, "o-4", FIRST).await, ["consent.opted_out"]);
    assert!(fleet.json(&["consent", "show", FIRST])["permitted"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_row_of_a_file_is_reported_and_the_rest_goes_in() {
    let fleet = start().await;
    let file = fleet.folder.path().join("consent.csv");
    let rows = format!(
        "number,change,category,at,evidence,wording\n{FIRST},grant,marketing,2026-01-31T09:30:00Z,form 1,Offers\n\
         12345,grant,marketing,,,\n{SECOND},grant,marketing,,,\n{SECOND},agrees,marketing,,,\n{SECOND},grant\n\
         {FIRST},revoke,marketing,2999-01-01T00:00:00Z,,\n"
    );
    std::fs::write(&file, rows).unwrap();
    let path = file.to_str().unwrap();
    let report = |args: &[&str]| {
        let output = fleet.run(&[&["consent", "import", path, "--output", "json"], args].concat());
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    let (code, dry) = report(&["--dry-run"]);
    assert_eq!((code, &dry["rows"], &dry["recorded"]), (Some(1), &json!(6), &json!(2)), "{dry}");
    assert!(fleet.json(&["consent", "show", FIRST])["entries"].as_array().unwrap().is_empty());
    let (code, done) = report(&[]);
    assert_eq!((code, &done["recorded"]), (Some(1), &json!(2)), "{done}");
    let bad: Vec<_> = done["bad"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bad| (bad["line"].as_u64().unwrap(), bad["error"].as_str().unwrap()))
        .collect();
    assert_eq!(bad.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 5, 6, 7], "{bad:?}");
    assert!(
        bad[0].1.starts_with("number: not a phone number")
            && bad[1].1.contains("expected grant, revoke or opt_out"),
        "{bad:?}"
    );
    assert!(bad[2].1.contains("has 2 fields where the first row has 6"), "{bad:?}");
    let entry = &fleet.json(&["consent", "show", FIRST])["entries"][0];
    assert_eq!(
        (&entry["source"], &entry["evidence"], &entry["at"]),
        (&json!("import"), &json!("form 1"), &json!("2026-01-31T09:30:00Z"))
    );
    assert_eq!(fleet.json(&["consent", "show", SECOND])["entries"][0]["evidence"], "consent.csv:4");
    // Again: nothing is recorded twice.
    report(&[]);
    assert_eq!(fleet.json(&["consent", "show", SECOND])["entries"].as_array().unwrap().len(), 1);
    // What is exported can be imported.
    fleet.json(&["consent", "revoke", SECOND, "--evidence", "letter 3, \"no more\""]);
    let exported = fleet.run(&["consent", "export"]);
    assert_eq!(exported.status.code(), Some(0));
    let exported = String::from_utf8(exported.stdout).unwrap();
    let line =
        |needle: &str| exported.lines().find(|line| line.contains(needle)).unwrap_or_default().to_owned();
    assert!(
        exported.starts_with("number,change,category,at,evidence,wording,channel,source,by\n"),
        "{exported}"
    );
    let first = line("form 1");
    assert!(
        first.starts_with(&format!("{FIRST},grant,marketing,2026-01-31T09:30:00Z,form 1,Offers,,import,")),
        "{first}"
    );
    assert!(
        line("letter 3").contains(",opt_out,,") && line("letter 3").contains("\"letter 3, \"\"no more\"\"\"")
    );
    assert_eq!(exported.lines().count(), 4, "{exported}");
    std::fs::write(&file, &exported).unwrap();
    let (code, again) = report(&[]);
    assert_eq!((code, &again["recorded"]), (Some(0), &json!(3)), "{again}");
    let refused = fleet.run(&["consent", "import", fleet.folder.path().join("none.csv").to_str().unwrap()]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("none.csv cannot be read"));
}

/// A file that is imported again may be older than what its people took back since.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_a_time_lifts_no_revocation() {
    let fleet = start().await;
    let import = |name: &str, at: &str| {
        let file = fleet.folder.path().join(name);
        std::fs::write(&file, format!("number,change,category,at\n{FIRST},grant,marketing,{at}\n")).unwrap();
        let output = fleet.run(&["consent", "import", file.to_str().unwrap(), "--output", "json"]);
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    let granted = || fleet.json(&["consent", "show", FIRST])["granted"].clone();
    assert_eq!(import("a.csv", "").0, Some(0));
    assert_eq!(granted(), json!(["marketing"]));
    fleet.json(&["consent", "revoke", FIRST, "--category", "marketing", "--evidence", "letter 3"]);
    let (code, report) = import("b.csv", "");
    let error = report["bad"][0]["error"].as_str().unwrap_or_default();
    assert!(code == Some(1) && error.contains("was revoked at") && error.contains("`at`"), "{report}");
    assert_eq!(granted(), json!([]));
    // With its time it counts if it is the later one.
    let now = SystemClock.now().to_string();
    assert_eq!(import("c.csv", &now).0, Some(0));
    assert_eq!(granted(), json!(["marketing"]));
}
