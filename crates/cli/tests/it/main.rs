//! The binary as its users meet it: `callout serve` as a process of its own, against a simulator in this one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

mod adapters;
mod after_outage;
mod agents;
mod api;
mod api_fuzz;
mod approvals;
mod backup;
mod bad_input;
mod canary;
mod command_line;
mod consent;
mod crash;
mod dead_letters;
mod delivery;
mod demo;
mod escalation;
mod explain;
mod follow_up;
mod harness;
mod listeners;
mod load;
mod logs;
mod metrics;
mod misconfigured;
mod oncall;
mod operators;
mod originators;
mod output;
mod personal;
mod preflight;
mod privacy;
mod quiet_hours;
mod reload;
mod replies;
mod runs;
mod service_manager;
mod silence;
mod simulate;
mod status;
mod storm;
mod test_page;
mod walk;
mod watching;
mod workflows;
