//! `callout backup`: a copy of the embedded database, while it is in use. In: a file name. Out: the copy, and what is in it.
//!
//! Never: copies a fleet's store; Redis has its own means (docs/operations/backup.md).

use std::path::Path;

use config::Scope;
use ports::{Clock as _, SystemClock};
use serde_json::json;

use crate::{
    args::{Common, Output},
    configuration::{self, REMOTE_URL, env},
    exit::{NotFound, Usage},
    output,
};

/// Makes the copy.
pub(crate) fn back_up(common: &Common, copy: &Path) -> anyhow::Result<()> {
    if env(REMOTE_URL).is_some() {
        let message = "a backup is made on the machine that callout runs on: unset CALLOUT_URL there";
        return Err(Usage(message.to_owned()).into());
    }
    let (config, _) = configuration::load(&common.config, Scope::OPERATOR)?;
    let config::Backend::Embedded { path, .. } = &config.infrastructure.backend else {
        let message = "a fleet keeps its state in Redis, which is backed up with Redis' own means: see \
                       docs/operations/backup.md";
        return Err(Usage(message.to_owned()).into());
    };
    let now = SystemClock.now();
    let backup = match embedded::back_up(path, copy, now) {
        Ok(backup) => backup,
        Err(error @ embedded::BackupError::NoDatabase(_)) => return Err(NotFound(error.to_string()).into()),
        Err(error) => return Err(error.into()),
    };
    let took = SystemClock.now().duration_since(now).as_millis();
    let embedded::Backup { bytes, runs, schema } = backup;
    match common.output {
        Output::Json => {
            output::json(
                &json!({"file": copy, "bytes": bytes, "runs": runs, "schema": schema, "took_ms": took}),
            )?;
        }
        Output::Text => output::line(format!(
            "{}: {:.1} MB, {runs} runs, schema {schema}, checked, in {took} ms",
            copy.display(),
            bytes as f64 / 1e6
        )),
    }
    Ok(())
}
