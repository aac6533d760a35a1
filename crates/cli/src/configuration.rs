//! Reads the configuration and the environment for every command.
//!
//! In: the path of `callout.toml`, and the process' environment. Out: checked configuration and secrets.
//! Never: lets another module read the environment.

use std::path::Path;

use config::{Config, Problems, Scope, Secrets};
use domain::notice;

use crate::exit::{Misconfigured, Usage};

/// The variable that names the API which commands ask instead of this machine.
pub(crate) const REMOTE_URL: &str = "CALLOUT_URL";

/// The variable that holds the log's filter instead of the configuration.
pub(crate) const LOG_FILTER: &str = "CALLOUT_LOG";

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
    let (config, secrets) = config::load(file, &env, scope).map_err(Misconfigured)?;
    let problems = unusable(file, &config);
    if problems.is_empty() { Ok((config, secrets)) } else { Err(Misconfigured(problems).into()) }
}

/// What only those who use a setting can tell is wrong.
fn unusable(file: &Path, config: &Config) -> Problems {
    let mut problems = Problems::default();
    let log = &config.infrastructure.log;
    if let Err(error) = telemetry::check_filter(&log.filter) {
        problems.add(file, log.filter_line, format!("log.filter: {error}"));
    }
    if let Err(error) = env(LOG_FILTER).map_or(Ok(()), |filter| telemetry::check_filter(&filter)) {
        problems.add(file, None, format!("{LOG_FILTER} in the environment: {error}"));
    }
    problems
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
