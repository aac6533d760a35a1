//! Exit codes: 0 done, 1 failed, 2 wrong usage (also clap's own), 3 not found, 4 confirmation missing, 78 a mistake in
//! the configuration (`EX_CONFIG` of sysexits.h), which no restart mends, 130 stopped by Ctrl-C (128 and SIGINT).

use std::process::ExitCode;

use crate::{output, printable::printable};

/// What was asked for does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotFound(pub(crate) String);

/// The command line cannot be carried out as it is.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// The configuration has a mistake, or a secret that it needs is missing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Misconfigured(pub(crate) config::Problems);

/// The running process found a mistake in the configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConfigurationRefused(pub(crate) String);

/// The command would change something and was not confirmed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unconfirmed(pub(crate) String);

/// The command was told to stop before it was done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Interrupted(pub(crate) String);

/// Something that was named is not there.
pub(crate) const NOT_FOUND: u8 = 3;

/// Prints why a command failed, and returns its exit code.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    output::remark(format!("error: {}", printable(&format!("{error:#}"))));
    if error.is::<NotFound>() {
        ExitCode::from(NOT_FOUND)
    } else if error.is::<Usage>() {
        ExitCode::from(2)
    } else if error.is::<Unconfirmed>() {
        ExitCode::from(4)
    } else if error.is::<Misconfigured>() || error.is::<ConfigurationRefused>() {
        ExitCode::from(78)
    } else if error.is::<Interrupted>() {
        ExitCode::from(130)
    } else {
        ExitCode::from(1)
    }
}
