//! A flood of one source. In: three hundred events at once. Out: another source whose events are not delayed.

use jiff::SignedDuration;
use simulation::run_flood;

#[test]
fn a_flood_on_the_exchange_delays_its_own_source_and_no_other() {
    const FLOOD: u64 = 300;
    let flood = run_flood(FLOOD).unwrap();
    assert_eq!(flood.texts as u64, FLOOD + 20, "{flood:?}");
    // Of the shares of two senders, all but the burst: ten seconds' worth each.
    assert!(flood.lowered >= 250 && flood.quiet_lowered == 0, "{flood:?}");
    // Ten a second: the flood takes half a minute, and the other waits for the twenty of it that were within its quota and for
    // what was reserved a second ahead.
    assert!(flood.flood_waited >= SignedDuration::from_secs(25), "{flood:?}");
    assert!(flood.quiet_waited <= SignedDuration::from_secs(4), "{flood:?}");
}
