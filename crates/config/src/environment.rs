//! Secrets by name: from an environment variable, or from a file that `NAME_FILE` names, as container platforms mount
//! them.
//!
//! In: names of variables, and a lookup. Out: values; problems name the variable.
//! Never: prints a value.

use std::path::Path;

use crate::problem::Problems;

/// Looks up an environment variable.
pub type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The environment of one process.
pub(crate) struct Environment<'a> {
    env: &'a Env<'a>,
    /// The configuration file, which problems are reported with.
    file: &'a Path,
}

impl<'a> Environment<'a> {
    pub(crate) fn new(env: &'a Env<'a>, file: &'a Path) -> Self {
        Self { env, file }
    }

    /// The value of a variable or of the file it has instead; empty counts as absent.
    pub(crate) fn secret(&self, name: &str, problems: &mut Problems) -> Option<String> {
        let mut problem = |message: String| problems.add(self.file, None, message);
        let path_name = format!("{name}_FILE");
        let (value, path) = (self.plain(name), self.plain(&path_name));
        let value = match (value, path) {
            (Some(_), Some(_)) => {
                problem(format!("{name} and {path_name} are both set; set one of them"));
                return None;
            }
            (value, None) => value?,
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                // Editors and `echo` end a file with a line break, which belongs to no secret.
                Ok(text) => {
                    let text = text.strip_suffix('\n').unwrap_or(&text);
                    text.strip_suffix('\r').unwrap_or(text).to_owned()
                }
                Err(error) => {
                    problem(format!("{path_name}: {path} cannot be read: {error}"));
                    return None;
                }
            },
        };
        if value.trim() != value {
            problem(format!("{name} begins or ends with a blank or a line break; remove it"));
        }
        Some(value).filter(|value| !value.is_empty())
    }

    /// Whether a variable or its file is named.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.plain(name).or_else(|| self.plain(&format!("{name}_FILE"))).is_some()
    }

    fn plain(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }
}
