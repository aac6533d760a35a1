//! The fleet under one seed, the contract of its fakes, and every crash point of the dispatch protocol.

mod contract;
mod crash_points;
mod flood;
mod outage;
mod parts;
mod seeds;
