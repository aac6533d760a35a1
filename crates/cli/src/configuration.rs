//! Reads the configuration and the environment for every command.
//!
//! In: the path of `callout.toml`, and the process' environment. Out: checked configuration and secrets.
//! Never: lets another module read the environment.

use std::path::Path;

use config::{Config, Scope, Secrets, SourceSecrets};
use ingest::access::{KeyHash, Source, Sources, WebhookSecret};

use crate::exit::Usage;

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
    config::load(file, &env, scope).map_err(|problems| anyhow::anyhow!("{problems}"))
}

/// The sources as the ingest role takes them. The configuration has checked every key already.
pub(crate) fn trusted_sources(configured: Vec<SourceSecrets>) -> Sources {
    let trusted = configured.into_iter().map(|source| Source {
        name: source.name,
        types: source.types,
        keys: source.keys.iter().filter_map(|hash| KeyHash::from_hex(&hash.to_hex())).collect(),
        webhook_secrets: source
            .webhook_secrets
            .iter()
            .filter_map(|secret| WebhookSecret::parse(secret.expose()))
            .collect(),
    });
    Sources(trusted.collect())
}
