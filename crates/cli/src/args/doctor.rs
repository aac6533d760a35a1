//! The arguments of checks of other software.

use std::path::PathBuf;

use clap::Subcommand;

/// Software beside callout that is checked.
#[derive(Debug, Subcommand)]
pub(crate) enum Doctor {
    /// Look whether an agent of an OpenClaw gateway can work with callout, and can do nothing else; say what to do.
    ///
    /// Run it as the gateway's user, with its environment. It reads the gateway's configuration and callout's, and asks both
    /// whether they are there. Nothing is changed. Exit 1 if an error was found.
    Openclaw {
        /// The gateway's configuration; otherwise OPENCLAW_CONFIG_PATH, or openclaw.json in OPENCLAW_STATE_DIR or ~/.openclaw.
        #[arg(long, value_name = "FILE")]
        gateway_config: Option<PathBuf>,
    },
}
