//! Twilio's own Python SDK against the simulator. In: an interpreter that has it. Out: what the script finds.
//!
//! Never: fails where the SDK is not installed; it says that it skipped.

use std::process::Command;

use crate::harness::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk_takes_it_for_twilio() {
    let found = Command::new("python3").args(["-c", "import twilio"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!("skipped: python3 cannot import twilio");
        return;
    }
    let sim = start(config()).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/python_sdk.py");
    let mut run = Command::new("python3");
    run.args([script, sim.base_url().as_str(), ACCOUNT, TOKEN, FROM, SERVICE]);
    let output = tokio::task::spawn_blocking(move || run.output()).await.unwrap().unwrap();
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
}
