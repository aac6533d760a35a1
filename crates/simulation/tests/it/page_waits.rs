//! Pages in trouble. In: work that is in the way. Out: pages within the time that the trouble itself costs.

use jiff::SignedDuration;
use simulation::{page_at_a_frozen_sender, page_behind_idle_events};

#[test]
fn a7_a_page_does_not_wait_behind_events_that_send_nothing() {
    let waits = [0, 40, 400].map(|count| page_behind_idle_events(count).unwrap());
    println!("{waits:?}");
    // The breaker lets the provider be tried every ten seconds at least; the idle events add less than a second.
    let added = waits.map(|waited| waited - waits[0]);
    assert!(waits[0] <= SignedDuration::from_secs(11), "{waits:?}");
    assert!(added.iter().all(|more| *more <= SignedDuration::from_secs(1)), "{waits:?}");
}

#[test]
fn a8_a_page_at_a_paused_sender_goes_to_another_when_its_connection_is_given_up() {
    let waited = page_at_a_frozen_sender(80).unwrap();
    println!("{waited:?}");
    assert!(waited <= SignedDuration::from_secs(21), "{waited:?}");
}
