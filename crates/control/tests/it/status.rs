//! How the installation is. In: opt-outs of contacts. Out: what a status says of the days ahead.

use conformance::{
    fixture::at,
    roles::{ADA, BEN},
};
use control::{Answer, Request};
use domain::consent::{ConsentChange, ConsentEntry};

use crate::harness::World;

#[tokio::test]
async fn a_step_whose_people_have_opted_out_is_a_gap_within_a_minute() {
    let world = World::new();
    let gaps = async || {
        let answer = world.operate(Request::Status).await.unwrap();
        let Answer::Status { report } = answer else { panic!("{answer:?}") };
        report.status.gaps
    };
    assert_eq!(gaps().await, []);
    for (number, is_gap) in [(ADA, false), (BEN, true)] {
        let number = number.parse().unwrap();
        let stop = ConsentEntry::observed(number, ConsentChange::OptOut, at(1), "reply", "SM1".to_owned());
        world.store.record_consent(&stop).await.unwrap();
        world.clock.set(if is_gap { at(200) } else { at(100) });
        let found = gaps().await;
        assert_eq!(!found.is_empty(), is_gap, "{found:?}");
        assert!(found.iter().all(|gap| gap.why.contains("opted out")), "{found:?}");
    }
}
