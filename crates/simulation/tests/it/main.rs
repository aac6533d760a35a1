//! The fleet under one seed, the contract of its fakes, and every crash point of the dispatch protocol.

mod approvals;
mod clock_jumps;
mod contract;
mod crash_points;
mod effect_points;
mod flood;
mod in_flight_share;
mod outage;
mod page_waits;
mod seeds;
mod stopped_account;
mod storms;
