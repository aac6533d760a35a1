//! Decisions: what to send, to whom, when to move on. Pure functions of (state, event, now).
//!
//! In: parsed values, facts and the time. Out: new states and the effects they ask for.
//! Never: awaits, reads a clock, the environment or a file, or draws a random number.

pub mod acceptance;
pub mod ack_code;
pub mod ack_link;
pub mod adapter;
pub mod address;
pub mod admission;
pub mod breaker;
pub mod broker_origin;
pub mod cloud_event;
pub mod compose;
pub mod consent;
pub mod content;
pub mod content_encoding;
pub mod directory;
pub mod doubt;
pub mod effect;
pub mod event;
mod field_path;
pub mod gsm7;
pub mod id;
pub mod lane_limits;
pub mod lane_placement;
pub mod limits;
pub mod link_secret;
pub mod message;
pub mod notice;
mod number;
pub mod outbound;
pub mod phone;
pub mod plural;
pub mod policy;
pub mod poll;
pub mod provider;
pub mod quiet_hours;
pub mod rate_limit;
pub mod recipient_hash;
pub mod reply;
pub mod retry;
pub mod retry_budget;
pub mod run;
mod run_phase;
pub mod schema;
pub mod segment;
pub mod source;
pub mod source_quota;
pub mod status;
pub mod team;
pub mod template;
pub mod time;
pub mod timeline;
pub mod token;
pub mod unguarded_fields;
pub mod words;
pub mod workflow;
