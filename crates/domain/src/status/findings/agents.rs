//! What agents wait for. In: a status. Out: notes; whether an agent gets its way is never urgent.
//!
//! Never: a word that an agent chose, but its label.

use crate::{
    agent_stop::AgentStop,
    plural::counted,
    status::{Status, age, note},
};

use super::{Finding, waiting};

pub(super) fn agents(status: &Status, found: &mut Vec<Finding>) {
    let seen = &status.agents;
    if seen.asked.count > 0 {
        let what = waiting(seen.asked, "approval", " that agents ask for", status.now);
        note(found, what, "`callout approvals list`, then approve or deny each; what is not decided expires");
    }
    if seen.unreached > 0 {
        let of = counted(seen.unreached, "approval");
        let what = format!("the text that asks for {of} reached no approver");
        note(found, what, "`callout approvals show ID` says why; decide with `callout approvals`");
    }
    for AgentStop { label, by, why, at } in &seen.stops {
        let (whom, name) = match label {
            Some(label) => (format!("agent {label} is"), format!(" {label}")),
            None => ("all agents are".to_owned(), String::new()),
        };
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let what = format!("{whom} stopped by {by} for {}{why}", age(status.now, *at));
        note(found, what, format!("`callout agents start{name}`, once it may go on"));
    }
}
