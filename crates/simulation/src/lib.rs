//! The whole fleet under one seed: real roles and real decisions on fake ports, a fake clock and a fake provider.
//!
//! In: a seed, or a script of deaths. Out: a log that is the same for the same seed, and what must hold at its end.
//! Never: opens a socket or a file, or waits for the machine's clock.

mod all_clear;
mod approvals;
mod bus;
mod chance;
mod clock;
mod clock_jumps;
mod desk;
mod desk_client;
mod fleet;
mod flood;
mod freezer;
mod kept_calendar;
mod outage;
mod page_waits;
mod process;
mod provider;
mod provider_calls;
mod rows;
mod scenario;
mod store;
mod store_of_api;
mod store_of_calendars;
mod store_of_status;
mod storm;
mod tickets;
mod world;

pub use all_clear::run_all_clear;
pub use approvals::run_approvals;
pub use bus::{LaneOf, MemoryBus};
pub use chance::{Fault, Point, Side};
pub use clock::SimClock;
pub use clock_jumps::{escalation_after_a_jump, escalation_over_a_jump, run_clock_jumps};
pub use flood::{Flood, run_flood};
pub use outage::{Outage, run_outage};
pub use page_waits::{page_at_a_frozen_sender, page_behind_idle_events};
pub use provider::Taken;
pub use scenario::{Report, Script, run, run_script};
pub use store::MemoryStore;
pub use storm::{Storm, run_storm};
pub use tickets::{Ticketed, run_tickets};
