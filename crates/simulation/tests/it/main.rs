//! The fleet under one seed, the contract of its fakes, and every crash point of the dispatch protocol.

mod contract;
mod crash_points;
mod outage;
mod seeds;
