//! The short run of chaos. In: the binary under test. Out: a clean report.
//!
//! Never: measures; `cargo xtask chaos` does, from a release build.

use std::path::PathBuf;

use chaos::Plan;

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_is_killed_piece_by_piece_loses_and_doubles_nothing() {
    let plan = Plan::short(PathBuf::from(env!("CARGO_BIN_EXE_callout")));
    let report = chaos::run(&plan, &|what| println!("{what}")).await.unwrap();
    println!("{report}");
    assert!(report.is_clean());
}
