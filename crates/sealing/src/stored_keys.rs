//! A store's own keys, as the store keeps them: wrapped by a key of the file.
//!
//! In: the file, and what the store has. Out: a [`Sealer`], and what the store is to have instead.
//! Never: two documents for one step: whatever changes, one document takes the place of another, so that a process
//! that dies leaves the former keys or the new ones.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    cipher::{Cipher, KEY_BYTES, Unsealable, new_key},
    key_file::{KeyFile, WrappingKey},
    sealer::{DataKey, Keys, Sealer},
};

/// The form that this version writes.
const VERSION: u32 = 1;
/// Bytes of the number of a data key.
const ID_BYTES: usize = 2;

/// What a store keeps of its keys.
#[derive(Serialize, Deserialize)]
struct StoredKeys {
    version: u32,
    /// The key of the file that wraps the others.
    by: String,
    /// The others, sealed, in base64.
    keys: String,
    /// Whether nothing that was stored before is left in the clear.
    #[serde(default)]
    all_sealed: bool,
}

/// Why a store cannot be opened. Nothing was read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Locked {
    /// The store is sealed, and no file is configured.
    #[error(
        "what it holds is encrypted with key {by:?}, and no key file is configured: \
         set `[privacy] key_file` to the file that has it"
    )]
    NoFile {
        /// The key's name.
        by: String,
    },
    /// The file lacks the key.
    #[error(
        "what it holds is encrypted with key {by:?}, which {file} does not have (it has {has}): \
         put that line back, behind the current one"
    )]
    NoSuchKey {
        /// The key's name.
        by: String,
        /// The file.
        file: String,
        /// The names of its keys.
        has: String,
    },
    /// The file has another key under this name.
    #[error(
        "key {by:?} of {file} is not the one of this name that encrypted what it holds, or its keys were changed: \
         put the former line back"
    )]
    WrongKey {
        /// The key's name.
        by: String,
        /// The file.
        file: String,
    },
    /// The store's keys are in a form that this version does not know.
    #[error("its keys are in a form that this version does not know: start the version that wrote it")]
    Unknown,
    /// There is no randomness.
    #[error(transparent)]
    Unsealable(#[from] Unsealable),
}

/// A store whose keys are known.
pub struct Unlocked {
    /// Seals and opens.
    pub sealer: Sealer,
    /// What the store must keep instead of what it had, before anything is sealed; absent where it may stay.
    pub replacement: Option<String>,
}

/// Unlocks what a store keeps of its keys; makes them where it has none and a file is configured.
///
/// # Errors
/// [`Locked`].
pub fn unlock(file: Option<&KeyFile>, stored: Option<&str>) -> Result<Unlocked, Locked> {
    let (file, stored) = match (file, stored) {
        (None, None) => return Ok(Unlocked { sealer: Sealer::default(), replacement: None }),
        (None, Some(stored)) => return Err(Locked::NoFile { by: read(stored)?.by }),
        (Some(file), None) => return begin(file),
        (Some(file), Some(stored)) => (file, read(stored)?),
    };
    let (by, path) = (stored.by.clone(), file.path().display().to_string());
    let Some(wrapping) = file.named(&by) else {
        return Err(Locked::NoSuchKey { by, file: path, has: file.names().join(", ") });
    };
    let sealed = BASE64.decode(&stored.keys).map_err(|_| Locked::Unknown)?;
    let opened = Cipher::new(&wrapping.key).open(belongs_to(&by).as_bytes(), &sealed);
    let opened = Zeroizing::new(opened.ok_or_else(|| Locked::WrongKey { by: by.clone(), file: path })?);
    let keys = parse(&opened).ok_or(Locked::Unknown)?;
    let replacement = match file.current() {
        current if current.name == by => None,
        current => Some(wrap(current, &opened, stored.all_sealed)?),
    };
    Ok(Unlocked { sealer: Sealer::new(keys, stored.all_sealed), replacement })
}

/// The name of the key that wraps what a store keeps of its keys; `None` where that cannot be read.
pub fn wrapped_by(stored: &str) -> Option<String> {
    read(stored).ok().map(|keys| keys.by)
}

/// What the store is to keep once nothing is left in the clear; `None` if that is said already.
pub fn all_sealed(stored: &str) -> Option<String> {
    let mut keys: StoredKeys =
        serde_json::from_str(stored).ok().filter(|keys: &StoredKeys| !keys.all_sealed)?;
    keys.all_sealed = true;
    serde_json::to_string(&keys).ok()
}

fn read(stored: &str) -> Result<StoredKeys, Locked> {
    let keys: StoredKeys = serde_json::from_str(stored).map_err(|_| Locked::Unknown)?;
    if keys.version == VERSION { Ok(keys) } else { Err(Locked::Unknown) }
}

fn begin(file: &KeyFile) -> Result<Unlocked, Locked> {
    let mut plain = Zeroizing::new(Vec::with_capacity(2 * KEY_BYTES + ID_BYTES));
    plain.extend_from_slice(&*new_key()?);
    plain.extend_from_slice(&1_u16.to_be_bytes());
    plain.extend_from_slice(&*new_key()?);
    let keys = parse(&plain).ok_or(Locked::Unknown)?;
    let replacement = Some(wrap(file.current(), &plain, false)?);
    Ok(Unlocked { sealer: Sealer::new(keys, false), replacement })
}

fn wrap(by: &WrappingKey, plain: &[u8], all_sealed: bool) -> Result<String, Locked> {
    let mut sealed = Vec::new();
    Cipher::new(&by.key).seal(belongs_to(&by.name).as_bytes(), plain, &mut sealed)?;
    let keys = StoredKeys { version: VERSION, by: by.name.clone(), keys: BASE64.encode(sealed), all_sealed };
    serde_json::to_string(&keys).map_err(|_| Locked::Unknown)
}

fn belongs_to(name: &str) -> String {
    format!("callout keys {VERSION} {name}")
}

/// The index key, then each data key with its number before it; the last one seals.
fn parse(plain: &[u8]) -> Option<Keys> {
    let (index, mut rest) = plain.split_first_chunk::<KEY_BYTES>()?;
    let mut data = Vec::new();
    while !rest.is_empty() {
        let (id, after) = rest.split_first_chunk::<ID_BYTES>()?;
        let (key, after) = after.split_first_chunk::<KEY_BYTES>()?;
        data.push(DataKey { id: *id, cipher: Cipher::new(&Zeroizing::new(*key)) });
        rest = after;
    }
    Keys::new(Zeroizing::new(*index), data)
}
