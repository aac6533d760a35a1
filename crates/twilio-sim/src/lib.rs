//! A local Twilio Messages API with a lifecycle, signed callbacks, phones that answer, faults by seed, and what an account
//! says of itself.
//!
//! In: API requests, and what a test or an operator does to the phones. Out: answers, webhooks, and a report.
//! Never: reaches a real phone, or leaves the machine except to the webhook URLs it was given.

mod account;
mod answer;
mod api;
mod clock;
mod config;
mod control;
mod create;
mod fault;
mod handle;
mod inbound;
mod lifecycle;
mod list;
mod message;
mod phone;
mod plan;
mod report;
mod resources;
mod server;
mod sim;
mod state;
mod validate;
mod webhook_client;

pub use account::AccountState;
pub use config::{ApiKey, Number, Service, SimConfig, Timing};
pub use control::NotSet;
pub use fault::{DeliveryFailure, FaultKind, FaultPlan, Injection};
pub use handle::{PhoneHandle, SimHandle, TimedOut};
pub use inbound::{NotDelivered, Replied};
pub use message::Status;
pub use phone::{Behaviour, FailedStatus, PhoneText, ReplyRule};
pub use report::{Callbacks, Duplicate, Expectation, Report, Unexpected};
pub use server::Simulator;
pub use state::View;
