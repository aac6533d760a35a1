//! Seals documents, and hashes what they are looked up by. In: documents with their kind and name. Out: the same, sealed.
//!
//! Never: opens a document in the place of another: kind and name are part of what is proved.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::cipher::{Cipher, KeyBytes, Unsealable};

/// The first byte of a sealed document. No other begins with it: JSON begins with a bracket, a compressed document with
/// a zero byte, and UTF-8 never with a byte of the middle of a character.
const MARK: u8 = 0x80;
/// Bytes of a hash that are kept: 128 bits, so that no two numbers meet.
const HASH_BYTES: usize = 16;
/// Before a hash, so that it is no number.
const HASH_MARK: char = 'h';

/// What a sealed document is. Stored documents depend on the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A run, by its id.
    Run,
    /// An event that waits, by where it waits.
    Event,
    /// An effect, by its id.
    Effect,
    /// A dead letter, by its id.
    DeadLetter,
    /// An entry of the consent log, by the hash of its number.
    Consent,
    /// A reply route, by the hash of its number.
    ReplyRoute,
    /// A resolution, by its workflow and the hash of its subject.
    Resolution,
    /// An answer to a request that may be repeated, by its key.
    Answer,
    /// What is known of a calendar, by its schedule and layer.
    Calendar,
    /// The text of a calendar, by the same.
    CalendarText,
    /// What an agent asked for, by its id.
    Approval,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Event => "event",
            Self::Effect => "effect",
            Self::DeadLetter => "dead letter",
            Self::Consent => "consent",
            Self::ReplyRoute => "reply route",
            Self::Resolution => "resolution",
            Self::Answer => "answer",
            Self::Calendar => "calendar",
            Self::CalendarText => "calendar text",
            Self::Approval => "approval",
        }
    }
}

/// What is looked up by a hash. Stored keys depend on the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// A phone number.
    Number,
    /// What an event is about.
    Subject,
    /// What a consent entry rests on.
    Evidence,
    /// A rate limit.
    RateLimit,
    /// A group of texts.
    Group,
}

impl Lookup {
    fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Subject => "subject",
            Self::Evidence => "evidence",
            Self::RateLimit => "rate limit",
            Self::Group => "group",
        }
    }
}

/// Why a document was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// No key is configured in this process.
    #[error("it is encrypted, and this process was started without `[privacy] key_file`")]
    NoKey,
    /// It was sealed with a key that this process does not have.
    #[error("it is encrypted with a data key that this process does not know: restart it")]
    UnknownKey,
    /// It was changed, or belongs to something else.
    #[error("it was changed since it was encrypted, or is another's")]
    Damaged,
}

/// A store's own keys.
pub(crate) struct Keys {
    index: KeyBytes,
    data: Vec<DataKey>,
    /// Position of the key that seals.
    current: usize,
}

/// A key that seals documents, under a number that stands before each of them.
pub(crate) struct DataKey {
    pub(crate) id: [u8; 2],
    pub(crate) cipher: Cipher,
}

impl Keys {
    /// `None` without a data key.
    pub(crate) fn new(index: KeyBytes, data: Vec<DataKey>) -> Option<Self> {
        let current = data.len().checked_sub(1)?;
        Some(Self { index, data, current })
    }
}

/// Seals and opens, or passes everything through where no key is configured.
#[derive(Clone, Default)]
pub struct Sealer(Option<Arc<On>>);

struct On {
    keys: Keys,
    all_sealed: AtomicBool,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Sealer(on)" } else { "Sealer(off)" })
    }
}

impl Sealer {
    pub(crate) fn new(keys: Keys, all_sealed: bool) -> Self {
        Self(Some(Arc::new(On { keys, all_sealed: AtomicBool::new(all_sealed) })))
    }

    /// Whether documents are sealed.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether something may be left that was stored before documents were sealed.
    pub fn has_former(&self) -> bool {
        self.0.as_ref().is_some_and(|on| !on.all_sealed.load(Ordering::Acquire))
    }

    /// Notes that nothing is left that was stored before.
    pub fn note_all_sealed(&self) {
        if let Some(on) = &self.0 {
            on.all_sealed.store(true, Ordering::Release);
        }
    }

    /// A document as it is to be stored. Where nothing is sealed, it is as it was.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn seal(&self, kind: Kind, name: &str, plain: Vec<u8>) -> Result<Vec<u8>, Unsealable> {
        let Some(on) = &self.0 else { return Ok(plain) };
        let key = &on.keys.data[on.keys.current];
        let mut sealed = vec![MARK];
        sealed.extend_from_slice(&key.id);
        key.cipher.seal(&belongs_to(kind.as_str(), name), &plain, &mut sealed)?;
        Ok(sealed)
    }

    /// A document as it was before it was sealed, or as it is stored if it is not sealed.
    ///
    /// # Errors
    /// [`NotOpened`].
    pub fn open<'a>(&self, kind: Kind, name: &str, stored: &'a [u8]) -> Result<Cow<'a, [u8]>, NotOpened> {
        if !is_sealed(stored) {
            return Ok(Cow::Borrowed(stored));
        }
        let on = self.0.as_ref().ok_or(NotOpened::NoKey)?;
        let (id, sealed) = stored[1..].split_first_chunk::<2>().ok_or(NotOpened::Damaged)?;
        let key = on.keys.data.iter().find(|key| key.id == *id).ok_or(NotOpened::UnknownKey)?;
        key.cipher.open(&belongs_to(kind.as_str(), name), sealed).map(Cow::Owned).ok_or(NotOpened::Damaged)
    }

    /// What a value is looked up by: a hash that only the store's key makes, or the value where nothing is sealed.
    pub fn index(&self, of: Lookup, value: &str) -> String {
        self.0.as_ref().map_or_else(|| value.to_owned(), |on| hash(&on.keys.index, of.as_str(), value))
    }

    /// The same, and what the value may have been stored as before; twice the same where that cannot be.
    pub fn forms(&self, of: Lookup, value: &str) -> [String; 2] {
        let index = self.index(of, value);
        let former = if self.has_former() { value.to_owned() } else { index.clone() };
        [index, former]
    }
}

/// Whether a stored document is sealed.
pub fn is_sealed(stored: &[u8]) -> bool {
    stored.first() == Some(&MARK)
}

fn belongs_to(kind: &str, name: &str) -> Vec<u8> {
    [kind.as_bytes(), b"\0", name.as_bytes()].concat()
}

fn hash(key: &KeyBytes, kind: &str, value: &str) -> String {
    // A key that is shorter than a block is filled up with zeros (RFC 2104, section 2).
    let mut block = Zeroizing::new([0; 64]);
    block[..key.len()].copy_from_slice(&**key);
    let block: &[u8; 64] = &block;
    let mut mac = Hmac::<Sha256>::new(block.into());
    mac.update(&belongs_to(kind, value));
    let code = mac.finalize().into_bytes();
    code[..HASH_BYTES].iter().fold(HASH_MARK.to_string(), |hash, byte| format!("{hash}{byte:02x}"))
}
