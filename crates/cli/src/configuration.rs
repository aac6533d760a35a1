//! Reads the configuration and the environment for every command.
//!
//! In: the path of `callout.toml`, and the process' environment. Out: checked configuration and secrets.
//! Never: lets another module read the environment.

use std::path::Path;

use config::{Config, Scope, Secrets};
use domain::notice;

use crate::exit::{Misconfigured, Usage};

/// The variable that names the API which commands ask instead of this machine.
pub(crate) const REMOTE_URL: &str = "CALLOUT_URL";

/// An environment variable; empty counts as absent.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads the configuration.
pub(crate) fn load(file: &Path, scope: Scope) -> anyhow::Result<(Config, Secrets)> {
    if !file.exists() {
        let message = format!(
            "there is no configuration at {}; name one with --config, or copy the folder examples/ to begin",
            file.display()
        );
        return Err(Usage(message).into());
    }
    Ok(config::load(file, &env, scope).map_err(Misconfigured)?)
}

/// Refuses a workflow that neither the configuration nor callout itself has, and names those that there are. Runs of
/// one that was removed may still be found, so this is asked when nothing was.
pub(crate) fn check_workflow(file: &Path, name: &str) -> anyhow::Result<()> {
    // The workflows of another machine are not in our files.
    if env(REMOTE_URL).is_some() {
        return Ok(());
    }
    let (config, _) = load(file, Scope::OPERATOR)?;
    let configured = config.workflows.iter().map(|workflow| workflow.name());
    let known: Vec<&str> = configured.chain(notice::WORKFLOWS).collect();
    if known.contains(&name) {
        return Ok(());
    }
    Err(Usage(format!("there is no workflow {name:?}; there are {}", known.join(", "))).into())
}
