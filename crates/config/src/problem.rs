//! Errors in the configuration. In: findings. Out: lines that say where the error is and what to do.
//!
//! Never: holds a secret or a whole phone number.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file with the error.
    pub file: PathBuf,
    /// The line, from 1; absent if the error concerns the file as a whole.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
    /// The file that does not have a name used here: if that file is wrong itself, this may follow from it.
    pub missing_in: Option<&'static str>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// All errors that were found, of all files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds an error.
    pub fn add(&mut self, file: &Path, line: Option<usize>, message: String) {
        self.0.push(Problem { file: file.to_owned(), line, message, missing_in: None });
    }

    /// Leaves out what may follow from errors in a file beside the main one, or from its absence, which is an error
    /// only if a name of it is used.
    pub(crate) fn without_consequences(&mut self, folder: &Path, name: &'static str) {
        let file = folder.join(name);
        let is_about = |problem: &Problem| problem.missing_in == Some(name);
        let is_absent = !file.exists();
        let uses = self.0.iter().filter(|problem| is_about(problem)).count();
        if uses > 0 && (is_absent || self.0.iter().any(|problem| problem.file == file && !is_about(problem)))
        {
            self.0.retain(|problem| !is_about(problem));
            if is_absent {
                self.add(&file, None, "is not there, and other files use names of it: create it".to_owned());
            }
        }
    }

    /// Whether there are no errors.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted.dedup();
        for problem in &sorted {
            writeln!(f, "{problem}")?;
        }
        write!(
            f,
            "{} {} in the configuration",
            sorted.len(),
            if sorted.len() == 1 { "error" } else { "errors" }
        )
    }
}

impl std::error::Error for Problems {}
