//! `[privacy]`: the keys by which texts and numbers are encrypted. In: the table. Out: a file that holds keys.
//!
//! Never: keeps a key: who opens the store reads the file again.

use std::path::{Path, PathBuf};

use sealing::KeyFile;

use crate::reader::{Document, Section};

pub(crate) fn read_privacy(doc: &mut Document<'_>, top: &mut Section<'_>, folder: &Path) -> Option<PathBuf> {
    let mut section = top.section(doc, "privacy")?;
    let named = section.text(doc, "key_file");
    section.finish(doc);
    let named = named?;
    let path = folder.join(&named.value);
    match KeyFile::read(&path) {
        Ok(_) => Some(path),
        Err(error) => {
            doc.problem(&named.at, format!("privacy.key_file: {error}"));
            None
        }
    }
}
