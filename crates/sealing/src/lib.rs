//! Encryption of what a store keeps at rest.
//!
//! In: the keys of a file, documents, numbers. Out: sealed documents, and hashes by which numbers are looked up.
//! Never: shows a key, or anything that was sealed, in an error or a log.
//!
//! The file's first key wraps the store's own keys, which are kept in the store: a data key that seals documents
//! (XChaCha20-Poly1305, a random nonce of 192 bits for each) and an index key for hashes (HMAC-SHA256). Another first
//! key in the file wraps the same keys again; no document is written for that.

mod cipher;
mod key_file;
mod sealer;
mod stored_keys;

pub use crate::{
    cipher::Unsealable,
    key_file::{KeyFile, KeyFileError, new_line},
    sealer::{Kind, Lookup, NotOpened, Sealer, is_sealed},
    stored_keys::{Locked, Unlocked, all_sealed, unlock, wrapped_by},
};
