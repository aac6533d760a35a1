//! The embedded backend keeps both contracts, and its own promises beside them.

mod contract;
mod crash;
mod disk_full;
mod opening;
mod restart;
mod setup;
