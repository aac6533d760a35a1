//! An outage of the provider. In: a backlog. Out: few requests while it lasts, and urgent work first when it is over.

use domain::{limits::RETRIES_ALWAYS, workflow::Lane};
use simulation::run_outage;

/// How many events wait; `OUTAGE_EVENTS` says otherwise.
#[expect(clippy::disallowed_methods, reason = "the environment sets how much the test does")]
fn events() -> u64 {
    std::env::var("OUTAGE_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(50_000)
}

#[test]
fn an_outage_is_no_storm_and_its_backlog_drains_in_lane_order() {
    let outage = run_outage(events()).unwrap();
    println!("{outage:?}");
    assert!(outage.requests < 1_000, "{outage:?}");
    // Two senders; each may make a few retries a minute whatever else it does, and a tenth beyond that.
    let allowed = 2 * 11 * RETRIES_ALWAYS as usize;
    assert!(outage.retries <= allowed, "{outage:?}");
    // What two senders have in hand, and a little more, before they notice.
    assert!(outage.busiest_second <= 150, "{outage:?}");
    assert!((outage.texts + outage.tickets) as u64 >= events() && outage.tickets <= 10, "{outage:?}");
    let at = |lane| outage.half_drained[&lane];
    assert!(at(Lane::Critical) < at(Lane::Standard) && at(Lane::Standard) < at(Lane::Bulk), "{outage:?}");
}
