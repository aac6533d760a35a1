//! The short runs of chaos and of the soak. In: the binary under test. Out: a clean report.
//!
//! Never: measures; `cargo xtask chaos` does, from a release build.

use std::path::PathBuf;

use chaos::{Plan, Soak};
use tokio::sync::Mutex;

/// A run has eight processes and two servers: two of them at once are more than a small machine does in time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_is_killed_piece_by_piece_loses_and_doubles_nothing() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let plan = Plan::short(PathBuf::from(env!("CARGO_BIN_EXE_callout")));
    let report = chaos::run(&plan, &|what| println!("{what}")).await.unwrap();
    println!("{report}");
    assert!(report.is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_of_a_fleet_that_is_killed_holds_a_secret_a_number_or_a_text_at_any_level() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let plan = Plan::traced(PathBuf::from(env!("CARGO_BIN_EXE_callout")));
    let report = chaos::run(&plan, &|what| println!("{what}")).await.unwrap();
    println!("{report}");
    assert!(report.is_clean());
}

/// A rolling restart, a reload and a rotation of Twilio's token while events come in, beside kills of workers and servers.
#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_is_changed_while_events_come_in_loses_and_doubles_nothing() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let soak = Soak::short(PathBuf::from(env!("CARGO_BIN_EXE_callout")));
    let report = chaos::run_soak(&soak, &|what| println!("{what}")).await.unwrap();
    println!("{report}");
    assert!(report.is_clean());
}
