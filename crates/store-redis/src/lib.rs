//! [`ports::Store`] on Redis, for a fleet.
//!
//! In: the address of a server, or of a Redis Cluster, that keeps what it acknowledges. Out: a [`ports::Store`] that many processes share.
//! Never: leaves two keys of one script in different cluster slots, or a script that may not be repeated: a write whose
//! answer was lost may have been applied.
//!
//! One Lua script per verb; everything of a run is in the slot of its shard and changes in one script. What is looked
//! up by a phone number or a SID has slots of its own and is written first, see `indexes`.

mod api;
mod approvals;
mod arguments;
mod audit_counts;
mod calendars;
mod codec;
mod config;
mod connect;
mod connection;
mod consent_page;
mod dependency;
mod documents;
mod due;
mod effects;
mod event_ledger;
mod generation;
mod groups;
mod history;
mod indexes;
mod info;
mod keys;
mod list;
mod locks;
mod merge;
mod phrases;
mod preflight;
mod purge;
mod receipts;
mod redis_store;
mod script;
mod seal_stored;
mod sealed_to;
mod sending;
mod sentinel;
mod servers;
mod sid_fields;
mod silences;
mod status;
mod store;
mod stored_run;
mod write_arguments;
mod write_groups;

pub use crate::{
    config::{Durability, KEY_PREFIX, RESPONSE_TIMEOUT, RedisConfig},
    connect::ConnectError,
    generation::RECONCILE_MS,
    redis_store::RedisStore,
};
