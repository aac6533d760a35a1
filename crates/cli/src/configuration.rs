//! Reads the configuration and the environment for every command.
//!
//! In: the path of `callout.toml`, and the process' environment. Out: checked configuration and secrets.
//! Never: lets another module read the environment.

use std::path::Path;

use config::{Config, Problems, Scope, Secrets};
use domain::{notice, token::TOKEN_SOURCES};

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

/// The names of all variables that are set.
pub(crate) fn env_names() -> Vec<String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect()
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
        let line = config.infrastructure.lines.get("log.filter").copied();
        problems.add(file, line, format!("log.filter: {error}"));
    }
    if let Err(error) = env(LOG_FILTER).map_or(Ok(()), |filter| telemetry::check_filter(&filter)) {
        problems.add(file, None, format!("{LOG_FILTER} in the environment: {error}"));
    }
    problems
}

/// Refuses names that neither the configuration nor callout itself has, and says which there are. What they named before
/// may still be found, so this is asked when nothing was.
pub(crate) fn check_names(file: &Path, workflow: Option<&str>, source: Option<&str>) -> anyhow::Result<()> {
    // What another machine has is not in our files.
    if env(REMOTE_URL).is_some() || (workflow.is_none() && source.is_none()) {
        return Ok(());
    }
    let (config, _) = load(file, Scope::OPERATOR)?;
    let workflows = config.workflows.iter().map(|workflow| workflow.name());
    known("workflow", workflow, workflows.chain(notice::WORKFLOWS).collect())?;
    let sources = config.infrastructure.sources.iter().map(|source| source.name.as_str());
    let source = source.filter(|source| !source.starts_with(TOKEN_SOURCES));
    known("source", source, sources.chain([notice::SOURCE]).collect())
}

/// Refuses a name that is not among these.
pub(crate) fn known(what: &str, name: Option<&str>, names: Vec<&str>) -> anyhow::Result<()> {
    match name.filter(|name| !names.contains(name)) {
        Some(name) => {
            Err(Usage(format!("there is no {what} {name:?}; there are {}", names.join(", "))).into())
        }
        None => Ok(()),
    }
}
