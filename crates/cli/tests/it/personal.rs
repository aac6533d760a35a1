//! `callout export` and `callout erase`. In: a person who was texted, and opted out. Out: all of it, and then nothing but
//! the opt-out.

use serde_json::{Value, json};

use crate::harness::{FIRST, Fleet, event, run_of};

const OTHER: &str = "+14155550177";
/// Which is tried where the first number of that person does not answer.
const LATER: &str = "+14155550178";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_about_a_number_is_shown_and_erased_but_for_its_opt_out() {
    let fleet = Fleet::start().await;
    let contacts = fleet.folder.path().join("contacts.toml");
    let people = std::fs::read_to_string(&contacts).unwrap();
    let one = format!("number = \"{FIRST}\"");
    assert!(people.contains(&one), "{people}");
    std::fs::write(&contacts, people.replace(&one, &format!("numbers = [\"{FIRST}\", \"{LATER}\"]")))
        .unwrap();
    fleet.json(&["reload"]);
    for (id, phone) in [("mine", OTHER), ("others", FIRST)] {
        fleet
            .event(&event("note.created", id, id, json!({"text": format!("Secret {id}"), "phone": phone})))
            .await;
        fleet.run_until(&run_of(id, "note", id), |run| run["phase"] == "completed").await;
    }
    fleet.event(&event("page.created", "open", "open", json!({"text": "Open"}))).await;
    let open = run_of("open", "page", "open");
    fleet.run_until(&open, |run| run["messages"][0]["status"] == "delivered").await;
    fleet.sim.phone(OTHER).reply("STOP").await.unwrap();
    let mine = run_of("mine", "note", "mine");

    let held: Value = serde_json::from_slice(&fleet.run(&["export", "--recipient", OTHER]).stdout).unwrap();
    assert_eq!(held["runs"].as_array().unwrap().len(), 1, "{held}");
    assert_eq!(held["runs"][0]["messages"][0]["text"], "Secret mine", "{held}");
    assert_eq!(held["consent"][0]["change"], "opt_out", "{held}");

    let erase = |more: &[&str]| fleet.run(&[&["erase", "--recipient", OTHER], more].concat());
    assert_eq!(erase(&[]).status.code(), Some(4));
    let recent = String::from_utf8(erase(&["--dry-run"]).stdout).unwrap();
    assert!(
        recent.contains("0 runs would be erased") && recent.contains("its event may come again"),
        "{recent}"
    );
    let done = fleet.json(&["erase", "--recipient", OTHER, "--also-recent", "--yes"]);
    assert_eq!((&done["runs"], &done["consent_kept"]), (&json!([mine]), &json!(1)), "{done}");
    let left: Value = serde_json::from_slice(&fleet.run(&["export", "--recipient", OTHER]).stdout).unwrap();
    assert_eq!(left["runs"], json!([]), "{left}");
    assert_eq!(left["consent"].as_array().unwrap().len(), 1, "{left}");
    assert_eq!(fleet.json(&["runs", "show", &run_of("others", "note", "others")])["phase"], "completed");

    // What is under way stays, and says so.
    for number in [FIRST, LATER] {
        let busy = fleet.json(&["erase", "--recipient", number, "--also-recent", "--dry-run"]);
        assert_eq!(busy["under_way"], json!([open]), "{busy}");
    }
    let log = std::fs::read_to_string(fleet.log()).unwrap();
    assert!(log.contains("what is held about a number was erased") && !log.contains(&OTHER[1..]), "{log}");
}
