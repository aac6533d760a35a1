//! An archive that depends on its files alone. In: files. Out: the bytes of a `.tar.gz`, with a list of checksums.
//!
//! Never: takes an order, a time or an owner from the machine.

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// A file of the archive.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its path below the archive's folder.
    pub(super) name: String,
    /// What it contains.
    pub(super) bytes: Vec<u8>,
    /// Whether it can be run.
    pub(super) is_program: bool,
}

impl Entry {
    pub(super) fn text(name: &str, text: String) -> Self {
        Self { name: name.to_owned(), bytes: text.into_bytes(), is_program: false }
    }
}

/// Packs files, sorted by name, below one folder. All bear the same time and belong to root; `SHA256SUMS` lists them.
pub(super) fn pack(folder: &str, mut entries: Vec<Entry>, seconds: u64) -> Result<Vec<u8>> {
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    let sums = entries.iter().map(|entry| format!("{}  {}\n", sha256(&entry.bytes), entry.name)).collect();
    entries.push(Entry::text("SHA256SUMS", sums));
    // Neither the time nor the name of a file: a GzBuilder writes none that it is not given.
    let mut archive = Builder::new(GzBuilder::new().write(Vec::new(), Compression::best()));
    for entry in &entries {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(entry.bytes.len() as u64);
        header.set_mode(if entry.is_program { 0o755 } else { 0o644 });
        header.set_mtime(seconds);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, format!("{folder}/{}", entry.name), entry.bytes.as_slice())?;
    }
    Ok(archive.into_inner()?.finish()?)
}

/// A checksum as `sha256sum` prints it.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read as _};

    use flate2::read::GzDecoder;
    use tar::Archive;

    use super::*;

    fn entry(name: &str, is_program: bool) -> Entry {
        let bytes = fs::read(crate::root().join(name)).unwrap();
        Entry { name: name.to_owned(), bytes, is_program }
    }

    #[test]
    fn two_archives_of_the_same_files_are_the_same_bytes() {
        let files = [entry("README.md", false), entry(".ci/run", true), entry("LICENSE", false)];
        let mut turned = files.to_vec();
        turned.reverse();
        let first = pack("callout", files.to_vec(), 1_800_000_000).unwrap();
        assert!(first == pack("callout", turned, 1_800_000_000).unwrap());
        assert!(first != pack("callout", files.to_vec(), 1_800_000_001).unwrap(), "the time is a given one");

        let mut archive = Archive::new(GzDecoder::new(first.as_slice()));
        let mut found = Vec::new();
        let mut sums = String::new();
        for file in archive.entries().unwrap() {
            let mut file = file.unwrap();
            let name = file.path().unwrap().display().to_string();
            let header = file.header().clone();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            assert_eq!(header.mtime().unwrap(), 1_800_000_000);
            if name.ends_with("SHA256SUMS") {
                file.read_to_string(&mut sums).unwrap();
            }
            found.push((name, header.mode().unwrap()));
        }
        let name = |name: &str, mode| (format!("callout/{name}"), mode);
        let sorted = [
            name(".ci/run", 0o755),
            name("LICENSE", 0o644),
            name("README.md", 0o644),
            name("SHA256SUMS", 0o644),
        ];
        assert_eq!(found, sorted);
        let sum_of = |entry: &Entry| format!("{}  {}\n", sha256(&entry.bytes), entry.name);
        assert_eq!(sums, [&files[1], &files[2], &files[0]].map(sum_of).concat());
    }
}
