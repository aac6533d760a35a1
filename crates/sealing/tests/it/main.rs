//! Keys from files, sealed documents, hashes: through the public seam.
#![expect(clippy::unwrap_used, reason = "tests: a surprise is a failure")]

use std::{fs, os::unix::fs::PermissionsExt as _};

use sealing::{KeyFile, Kind, Locked, Lookup, NotOpened, Sealer, all_sealed, is_sealed, new_line, unlock};
use tempfile::TempDir;

fn file(text: &str, mode: u32) -> (TempDir, Result<KeyFile, String>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("privacy.key");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    let read = KeyFile::read(&path).map_err(|error| error.to_string());
    (directory, read)
}

fn line(name: &str) -> String {
    new_line(name).unwrap().unwrap().to_string()
}

fn keys(lines: &[&str]) -> KeyFile {
    file(&lines.join("\n"), 0o600).1.unwrap()
}

fn sealer() -> Sealer {
    unlock(Some(&keys(&[&line("one")])), None).unwrap().sealer
}

#[test]
fn a_key_file_that_cannot_be_used_says_why_and_shows_no_key() {
    let good = line("one");
    let secret = good.split(' ').nth(1).unwrap();
    let short = format!("one {}", &secret[..20]);
    let (_kept, read) = file(&format!("# the key\n\n{good}\n{}\n", line("two")), 0o640);
    assert_eq!(read.unwrap().names(), ["one", "two"]);
    for (text, mode, says) in [
        (good.clone(), 0o644, "chmod 600"),
        (good.clone(), 0o602, "chmod 600"),
        (String::new(), 0o600, "holds no key"),
        (secret.to_owned(), 0o600, "line 1: expected a name"),
        (format!("\na/b {secret}"), 0o600, "line 2: expected a name of at most 32"),
        (short, 0o600, "line 1: expected 32 bytes in base64"),
        (format!("{good}\n{good}"), 0o600, "line 2: another line has a key of this name"),
    ] {
        let said = file(&text, mode).1.map(|file| format!("{file:?}")).unwrap_err();
        assert!(
            said.contains(says) && said.contains("privacy.key") && !said.contains(&secret[..20]),
            "{said}"
        );
    }
    assert!(!format!("{:?}", keys(&[&good])).contains(&secret[..8]));
    assert!(new_line("").is_none() && new_line("a b").is_none());
}

#[test]
fn a_sealed_document_opens_in_its_own_place_alone() {
    let sealer = sealer();
    let sealed = sealer.seal(Kind::Run, "r1", b"{\"a\":1}".to_vec()).unwrap();
    assert!(is_sealed(&sealed) && !sealed.windows(3).any(|window| window == b"\"a\""));
    assert_ne!(sealed, sealer.seal(Kind::Run, "r1", b"{\"a\":1}".to_vec()).unwrap(), "no nonce twice");
    assert_eq!(&*sealer.open(Kind::Run, "r1", &sealed).unwrap(), b"{\"a\":1}");
    assert_eq!(sealer.open(Kind::Run, "r2", &sealed), Err(NotOpened::Damaged));
    assert_eq!(sealer.open(Kind::Effect, "r1", &sealed), Err(NotOpened::Damaged));
    // Without its mark it is taken for what is not sealed, which does not parse.
    for at in 1..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(sealer.open(Kind::Run, "r1", &changed).is_err(), "byte {at} may be changed");
        assert!(sealer.open(Kind::Run, "r1", &sealed[..at]).is_err(), "{at} bytes are enough");
    }
    assert_eq!(Sealer::default().open(Kind::Run, "r1", &sealed), Err(NotOpened::NoKey));
    assert_eq!(&*sealer.open(Kind::Run, "r1", b"{}").unwrap(), b"{}", "what is not sealed is as it is");
    assert_eq!(Sealer::default().seal(Kind::Run, "r1", b"{}".to_vec()).unwrap(), b"{}");
}

#[test]
fn hashes_are_of_one_store_and_one_purpose_and_survive_another_wrapping_key() {
    let (one, two) = (line("one"), line("two"));
    let first = unlock(Some(&keys(&[&one])), None).unwrap();
    let stored = first.replacement.unwrap();
    let hash = first.sealer.index(Lookup::Number, "+14155550101");
    assert!(hash.len() == 33 && hash.starts_with('h'), "{hash}");
    assert_ne!(hash, first.sealer.index(Lookup::Subject, "+14155550101"));
    assert_ne!(hash, sealer().index(Lookup::Number, "+14155550101"));
    assert_eq!(Sealer::default().index(Lookup::Number, "+14155550101"), "+14155550101");
    let rotated = unlock(Some(&keys(&[&two, &one])), Some(&stored)).unwrap();
    assert_eq!(rotated.sealer.index(Lookup::Number, "+14155550101"), hash);
    let sealed = first.sealer.seal(Kind::Run, "r1", b"{}".to_vec()).unwrap();
    let stored = rotated.replacement.unwrap();
    let later = unlock(Some(&keys(&[&two])), Some(&stored)).unwrap();
    assert!(later.replacement.is_none());
    assert_eq!(&*later.sealer.open(Kind::Run, "r1", &sealed).unwrap(), b"{}");
}

#[test]
fn a_store_that_cannot_be_unlocked_says_which_key_and_which_file() {
    let one = line("one");
    let stored = unlock(Some(&keys(&[&one])), None).unwrap().replacement.unwrap();
    let refused = |file: Option<&KeyFile>| unlock(file, Some(&stored)).map(drop).unwrap_err();
    assert!(matches!(refused(None), Locked::NoFile { by } if by == "one"));
    let other = keys(&[&line("two")]);
    assert!(
        matches!(refused(Some(&other)), Locked::NoSuchKey { by, has, .. } if by == "one" && has == "two")
    );
    let wrong = keys(&[&line("one")]);
    assert!(matches!(refused(Some(&wrong)), Locked::WrongKey { by, .. } if by == "one"));
    let unknown = stored.replace("\"version\":1", "\"version\":2");
    assert_eq!(unlock(Some(&keys(&[&one])), Some(&unknown)).map(drop).unwrap_err(), Locked::Unknown);
}

#[test]
fn that_all_is_sealed_is_kept() {
    let file = keys(&[&line("one")]);
    let unlocked = unlock(Some(&file), None).unwrap();
    let stored = unlocked.replacement.unwrap();
    assert!(unlocked.sealer.has_former());
    let done = all_sealed(&stored).unwrap();
    assert_eq!(all_sealed(&done), None);
    let sealer = unlock(Some(&file), Some(&done)).unwrap().sealer;
    assert!(!sealer.has_former());
    let [index, former] = sealer.forms(Lookup::Number, "+14155550101");
    assert_eq!(index, former);
    assert_eq!(unlocked.sealer.forms(Lookup::Number, "+14155550101")[1], "+14155550101");
}
