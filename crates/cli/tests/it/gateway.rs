//! Real clients of the MCP server: the official inspector, and a gateway of OpenClaw with a scripted model. In: packages of
//! the npm registry, which `cargo xtask agents-test` installs. Out: the loop from an agent's event to the next person.
//!
//! Not run by `cargo xtask test`: the packages have 930 MB.

mod inspector;
mod model;
mod openclaw;
mod packages;
