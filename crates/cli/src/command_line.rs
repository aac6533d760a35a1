//! The command line as it was typed. In: arguments. Out: what they ask for, or help, or why they cannot be carried out.

use std::{ffi::OsString, process::ExitCode};

use clap::{
    Parser as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{args::Cli, exit, output};

/// What asks for help beside the command `help`.
const HELP: [&str; 2] = ["-h", "--help"];

/// Reads the arguments of this process.
///
/// # Errors
/// The exit code, once help or an error has been printed.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let parsed = Cli::try_parse_from(&words).or_else(|error| {
        if !asks_for_help_twice(&error) {
            return Err(error);
        }
        let is_other = |word: &&OsString| !HELP.iter().any(|help| *word == help);
        Cli::try_parse_from(words.iter().filter(is_other))
    });
    parsed.map_err(|refused| {
        let lost = refused.print().err().filter(|_| !refused.use_stderr());
        match output::or_lost(lost.as_ref()) {
            Ok(()) => u8::try_from(refused.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from),
            Err(error) => exit::report(&error),
        }
    })
}

/// Whether `--help` stands behind `help`, which takes names of commands alone.
fn asks_for_help_twice(error: &clap::Error) -> bool {
    let named = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(named)) => named.as_str(),
        Some(_) | None => return false,
    };
    error.kind() == ErrorKind::InvalidSubcommand && HELP.contains(&named)
}
