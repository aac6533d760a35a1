//! Completions and manual pages. In: the definition of the command line. Out: what shells and `man` read.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::{args::Cli, output};

/// Prints completions.
pub(crate) fn completions(shell: Shell) {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    output::bytes(&script);
}

/// Prints the page of `callout`, or writes one for each command.
pub(crate) fn pages(folder: Option<&Path>) -> anyhow::Result<()> {
    match folder {
        None => {
            let mut page = Vec::new();
            Man::new(Cli::command()).render(&mut page).context("the page cannot be made")?;
            output::bytes(&page);
            Ok(())
        }
        Some(folder) => clap_mangen::generate_to(Cli::command(), folder)
            .with_context(|| format!("the pages cannot be written to {}", folder.display())),
    }
}
