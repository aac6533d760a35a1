//! What a status says. In: a status and what is wrong with it. Out: one value for people and scripts.

use domain::status::{Finding, Status};
use serde::{Deserialize, Serialize};

/// What is known of an installation beside its store and its bus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installation {
    /// The environment's name.
    pub environment: String,
    /// The version of this process.
    pub version: String,
    /// The roles that must run somewhere.
    pub roles: Vec<String>,
    /// The digest of the configuration.
    pub configuration: String,
}

/// A status, and what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Whether there is no problem.
    pub is_well: bool,
    /// What an operator should know, the most urgent first.
    pub findings: Vec<Finding>,
    /// What it was found in.
    pub status: Status,
}
