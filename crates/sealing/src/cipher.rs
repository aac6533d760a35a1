//! One key that seals and opens. In: bytes, and what they belong to. Out: bytes that nobody changes or moves unnoticed.
//!
//! Never: uses a nonce twice: each is drawn from the operating system, and 192 bits are so many that two never meet
//! (`draft-irtf-cfrg-xchacha`, section 3.1).

use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{AeadInOut as _, Generate as _, KeyInit as _},
};
use zeroize::Zeroizing;

/// Bytes of every key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
const NONCE_BYTES: usize = 24;
/// Bytes that prove that nothing was changed.
const TAG_BYTES: usize = 16;

/// A key; overwritten when it is dropped.
pub(crate) type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

/// Why something was not sealed; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it could not be encrypted: the operating system gave no random bytes, or it is too long")]
pub struct Unsealable;

/// Fresh random bytes for a key.
pub(crate) fn new_key() -> Result<KeyBytes, Unsealable> {
    let key = Zeroizing::new(Key::try_generate().map_err(|_| Unsealable)?.0);
    Ok(key)
}

/// A key that is ready to be used. The library overwrites it when it is dropped.
pub(crate) struct Cipher(XChaCha20Poly1305);

impl Cipher {
    pub(crate) fn new(key: &KeyBytes) -> Self {
        let key: &[u8; KEY_BYTES] = key;
        Self(XChaCha20Poly1305::new(key.into()))
    }

    /// Appends a nonce, the sealed text and its tag to `out`.
    pub(crate) fn seal(&self, belongs_to: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        let nonce = XNonce::try_generate().map_err(|_| Unsealable)?;
        out.reserve(NONCE_BYTES + plain.len() + TAG_BYTES);
        out.extend_from_slice(&nonce);
        let from = out.len();
        out.extend_from_slice(plain);
        let sealed = self.0.encrypt_inout_detached(&nonce, belongs_to, (&mut out[from..]).into());
        match sealed {
            Ok(tag) => {
                out.extend_from_slice(&tag);
                Ok(())
            }
            Err(_) => {
                out.truncate(from);
                Err(Unsealable)
            }
        }
    }

    /// What was sealed, if it is whole and belongs to this.
    pub(crate) fn open(&self, belongs_to: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut plain = text.to_vec();
        self.0
            .decrypt_inout_detached(nonce.into(), belongs_to, plain.as_mut_slice().into(), tag.into())
            .ok()?;
        Some(plain)
    }
}
