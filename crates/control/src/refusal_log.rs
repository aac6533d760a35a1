//! Refusals of agents, one line each in the log. In: who asked for what, and why not. Out: a line with a code.
//!
//! Never: names what an agent wrote.

use crate::{control::Control, principal::Principal};

impl Control {
    /// Logs a refusal of an agent, unless its interface does. `request` and `code` are words of ours.
    pub fn log_refusal(&self, principal: &Principal, request: &str, code: &str) {
        if principal.is_agent && !principal.is_logged {
            // Each of them is written, however many there are.
            tracing::warn!(
                target: "callout::audit",
                principal = principal.name,
                token = principal.token,
                request,
                code,
                "an agent was refused"
            );
        }
    }
}
