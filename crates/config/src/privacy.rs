//! `[privacy]`: the keys by which texts and numbers are encrypted. In: the table. Out: a file that holds keys.
//!
//! Never: keeps a key: who opens the store reads the file again.

use std::path::{Path, PathBuf};

use sealing::KeyFile;

use crate::reader::{Document, Section};

/// Where the keys are, and how they are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysInFile {
    /// The file.
    pub path: PathBuf,
    /// The names of its keys, the current one first.
    pub names: Vec<String>,
}

pub(crate) fn read_privacy(
    doc: &mut Document<'_>,
    top: &mut Section<'_>,
    folder: &Path,
) -> Option<KeysInFile> {
    let mut section = top.section(doc, "privacy")?;
    let named = section.text(doc, "key_file");
    section.finish(doc);
    let named = named?;
    let path = folder.join(&named.value);
    match KeyFile::read(&path) {
        Ok(file) => Some(KeysInFile { names: file.names().into_iter().map(str::to_owned).collect(), path }),
        Err(error) => {
            doc.problem(&named.at, format!("privacy.key_file: {error}"));
            None
        }
    }
}
