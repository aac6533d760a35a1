//! The API against its own description: schemathesis makes requests from the served OpenAPI document, right and wrong
//! ones, and holds the answers to it.
//!
//! `cargo xtask api-fuzz` runs it for longer and with a seed of its own.

use std::{path::Path, process::Command};

use serde_json::json;

use crate::{
    dead_letters::add_letters,
    harness::{FIRST, Fleet, event},
};

/// Requests for each operation and phase, few enough for the suite.
const EXAMPLES: &str = "8";
/// The same requests each time.
const SEED: &str = "1";
/// Runs, and dead letters, that are there to be changed.
const SEEDED: usize = 5;

fn tuned(name: &str, otherwise: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "a chore says how long it may take")]
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_one_that_the_description_allows() {
    let address = format!("127.0.0.1:{}", test_servers::free_port());
    let mut fleet = Fleet::start_roles(&[&[]], &format!("[api]\nlisten = \"{address}\"\n"), Vec::new()).await;
    add_letters(&mut fleet, SEEDED).await;
    for n in 0..SEEDED {
        let id = format!("p-{n}");
        fleet.event(&event("page.created", &id, &id, json!({"text": id}))).await;
    }
    fleet.wait_until(|view| view.texts(FIRST).len() == SEEDED).await;
    let grants = ["--scope", "operate", "--scope", "approve", "--scope", "read_texts", "--scope", "raise:*"];
    let made = fleet.json(&[&["tokens", "create", "--label", "fuzz"], &grants[..]].concat());

    let programs = Path::new(env!("CARGO_BIN_EXE_callout")).parent().unwrap().join("../tools/api-fuzz/bin");
    assert!(programs.exists(), "{} is missing: run `cargo xtask prepare`", programs.display());
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/tools/api-fuzz/schemathesis.toml");
    let output = Command::new(programs.join("schemathesis"))
        .arg("--config-file")
        .arg(settings)
        .args(["--no-color", "run", &format!("http://{address}/v1/openapi.json")])
        .args(["--max-examples", &tuned("CALLOUT_TEST_API_EXAMPLES", EXAMPLES)])
        .args(["--seed", &tuned("CALLOUT_TEST_API_SEED", SEED)])
        .args(["--header", &format!("Authorization: Bearer {}", made["token"].as_str().unwrap())])
        // It keeps what it learned beside it, where the next run would begin with it.
        .current_dir(fleet.folder.path())
        .env("PYTHONUTF8", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{said}");
}
