//! Finding and reading runs at the terminal.

use serde_json::json;

use crate::harness::{Fleet, event, run_of};

fn note(id: &str, subject: &str, phone: &str) -> serde_json::Value {
    event("note.created", id, subject, json!({"text": format!("Note {id}"), "phone": phone}))
}

async fn fleet_with_notes() -> Fleet {
    let fleet = Fleet::start().await;
    for (id, subject, phone) in [
        ("n-1", "db-1", "+14155550131"),
        ("n-2", "db-2", "+14155550132"),
        ("n-3", "a subject that is longer than its column", "+14155550133"),
    ] {
        fleet.event(&note(id, subject, phone)).await;
        fleet.run_until(&run_of(id, "note", subject), |run| run["phase"] == "completed").await;
    }
    fleet
}

fn text(fleet: &Fleet, args: &[&str]) -> String {
    let output = fleet.run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_a_list_fits_the_screen_can_be_narrowed_and_says_that_there_is_more() {
    let fleet = fleet_with_notes().await;
    let all = text(&fleet, &["runs", "list"]);
    assert_eq!(all.lines().count(), 4, "{all}");
    assert!(all.lines().all(|line| line.chars().count() <= 100), "{all}");
    assert!(!all.contains("there are more"), "{all}");
    let page = text(&fleet, &["runs", "list", "--max", "2"]);
    let hint = page.lines().last().unwrap();
    assert!(hint.starts_with("there are more"), "{page}");
    let after = hint.split("--after ").nth(1).unwrap().split(',').next().unwrap();
    let rest = text(&fleet, &["runs", "list", "--max", "2", "--after", after]);
    assert!(rest.contains("db-1") && rest.lines().count() == 2, "{rest}");
    for (narrowed, id) in
        [(["--event", "n-2"], "n-2"), (["--subject", "db-1"], "n-1"), (["--to", "+14155550131"], "n-1")]
    {
        let runs = fleet.json(&[&["runs", "list"][..], &narrowed].concat());
        let ids: Vec<_> = runs.as_array().unwrap().iter().map(|run| run["event_id"].clone()).collect();
        assert_eq!(ids, [json!(id)], "{narrowed:?}");
    }
    assert_eq!(fleet.json(&["runs", "list", "--since", "1h"]).as_array().unwrap().len(), 3);
    assert_eq!(fleet.json(&["runs", "list", "--since", "2100-01-01T00:00:00Z"]), json!([]));
    let wrong = fleet.run(&["runs", "list", "--since", "yesterday"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&wrong.stderr).contains("for example 2h")
            || String::from_utf8_lossy(&wrong.stderr).contains("such as 2h")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn g3_a_run_shows_dates_with_their_zone_and_its_texts_only_when_asked() {
    let fleet = fleet_with_notes().await;
    let id = run_of("n-1", "note", "db-1");
    let shown = text(&fleet, &["runs", "show", &id]);
    let mut timeline = shown.lines().skip_while(|line| !line.starts_with("timeline"));
    let date = timeline.next().unwrap().trim_start_matches("timeline").trim().trim_end_matches(" UTC");
    let lines: Vec<_> = timeline.filter(|line| !line.starts_with("  ")).collect();
    assert!(lines.len() > 3, "{shown}");
    for line in lines {
        let time = format!("{date}T{}Z", line.split("  ").next().unwrap());
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{line}");
    }
    assert!(!shown.contains("Note n-1"), "{shown}");
    assert!(text(&fleet, &["runs", "show", &id, "--reveal"]).contains("Note n-1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn g12_the_first_letters_of_an_id_name_a_run_if_it_is_the_only_one() {
    let fleet = fleet_with_notes().await;
    let id = run_of("n-1", "note", "db-1");
    assert_eq!(fleet.json(&["runs", "show", &id[..9]])["id"], id);
    let unknown = fleet.run(&["runs", "show", "rzzzzzzzz"]);
    assert_eq!(unknown.status.code(), Some(3));
    for wrong in ["r00", "nonsense", "r/../etc"] {
        let output = fleet.run(&["runs", "show", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("callout runs list"), "{wrong}");
    }
}

#[test]
fn g9_completions_and_manual_pages_are_printed_for_every_command() {
    let callout = |args: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_callout")).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for shell in ["bash", "zsh", "fish"] {
        assert!(callout(&["completions", shell]).contains("topology"), "{shell}");
    }
    assert!(callout(&["man"]).starts_with(".ie"), "roff");
    let folder = tempfile::tempdir().unwrap();
    callout(&["man", "--folder", folder.path().to_str().unwrap()]);
    let pages: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|page| page.unwrap().file_name()).collect();
    for page in ["callout.1", "callout-runs-show.1", "callout-serve.1"] {
        assert!(pages.iter().any(|name| name == page), "{page} is not among {pages:?}");
    }
    assert!(callout(&["help", "runs"]).contains("Usage"));
}
