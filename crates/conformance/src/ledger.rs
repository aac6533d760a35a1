//! The contract of [`ports::EventLedger`], case by case.

pub mod pending;
