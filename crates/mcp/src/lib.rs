//! The interface of software agents: Model Context Protocol tools over operators' use-cases.
//!
//! In: MCP requests that bear a token. Out: answers of a few kilobytes, and refusals with a code that does not change.
//! Never: takes a phone number or a text, or lets an agent decide what a person must: `control` holds every caller to
//! that, this face included.

mod approvals;
mod catalog;
mod error_code;
mod events;
mod facts;
mod input;
mod letters;
mod output;
mod portable;
mod runs;
mod server;

pub use server::{MCP_PATH, McpPorts, router};
