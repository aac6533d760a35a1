//! Documents as they are stored: JSON, sealed where the store has keys. In: values. Out: bytes, and values again.
//!
//! Never: seals what a script reads: the reason, workflow and source of a dead letter stay beside what is sealed.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use domain::timeline::DeadLetter;
use ports::StoreError;
use sealing::{Kind, Sealer};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::connection::unreadable;

/// What seals and opens the documents of a kind.
#[derive(Clone, Copy)]
pub(crate) struct Sealed<'a> {
    sealer: &'a Sealer,
    kind: Kind,
}

/// A dead letter as scripts read it, with the whole of it sealed.
#[derive(Serialize, Deserialize)]
struct SealedLetter {
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// In base64.
    sealed: String,
}

/// Whether a stored letter is sealed.
#[derive(Deserialize)]
struct Peek {
    sealed: Option<String>,
}

impl<'a> Sealed<'a> {
    pub(crate) fn new(sealer: &'a Sealer, kind: Kind) -> Self {
        Self { sealer, kind }
    }

    /// A document under the name that it is bound to.
    pub(crate) fn doc<T: Serialize>(self, bound_to: &str, value: &T) -> Result<Vec<u8>, StoreError> {
        self.seal(bound_to, json(value, self.what(), self.shown(bound_to))?)
    }

    /// The same of bytes that are made already.
    pub(crate) fn seal(self, bound_to: &str, plain: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        self.sealer
            .seal(self.kind, bound_to, plain)
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// The bytes that were sealed under this name.
    pub(crate) fn open<'b>(
        self,
        bound_to: &str,
        stored: &'b [u8],
    ) -> Result<std::borrow::Cow<'b, [u8]>, StoreError> {
        let opened = self.sealer.open(self.kind, bound_to, stored);
        opened.map_err(|error| unreadable(self.what(), self.shown(bound_to), error))
    }

    /// A document that was read.
    pub(crate) fn read<T: DeserializeOwned>(self, bound_to: &str, stored: &[u8]) -> Result<T, StoreError> {
        let plain = self.open(bound_to, stored)?;
        serde_json::from_slice(&plain).map_err(|error| unreadable(self.what(), self.shown(bound_to), error))
    }

    fn what(self) -> &'static str {
        match self.kind {
            Kind::Run => "run",
            Kind::Event => "accepted event",
            Kind::Effect => "effect",
            Kind::DeadLetter => "dead letter",
            Kind::Consent => "consent entry of",
            Kind::ReplyRoute => "reply route of",
            Kind::Resolution => "resolution of",
            Kind::Answer => "answer",
            Kind::Calendar => "calendar",
            Kind::CalendarText => "text of the calendar",
            Kind::Approval => "approval",
        }
    }

    /// What an error may show of a name: numbers, subjects and keys of requests are withheld.
    fn shown(self, bound_to: &str) -> &str {
        if matches!(
            self.kind,
            Kind::Run
                | Kind::Effect
                | Kind::DeadLetter
                | Kind::Calendar
                | Kind::CalendarText
                | Kind::Approval
        ) {
            bound_to
        } else {
            "(name withheld)"
        }
    }
}

/// A dead letter as it is stored.
pub(crate) fn letter(sealer: &Sealer, letter: &DeadLetter) -> Result<Vec<u8>, StoreError> {
    let plain = json(letter, "dead letter", &letter.id)?;
    if !sealer.is_on() {
        return Ok(plain);
    }
    let sealed = Sealed::new(sealer, Kind::DeadLetter).seal(&letter.id, plain)?;
    let DeadLetter { reason, workflow, source, .. } = letter.clone();
    json(&SealedLetter { reason, workflow, source, sealed: BASE64.encode(sealed) }, "dead letter", &letter.id)
}

/// A dead letter that was stored, sealed or not.
pub(crate) fn read_letter(sealer: &Sealer, id: &str, stored: &[u8]) -> Result<DeadLetter, StoreError> {
    let damaged = |error: &dyn std::fmt::Display| unreadable("dead letter", id, error);
    let Peek { sealed } = serde_json::from_slice(stored).map_err(|error| damaged(&error))?;
    let Some(sealed) = sealed else {
        return serde_json::from_slice(stored).map_err(|error| damaged(&error));
    };
    let sealed = BASE64.decode(sealed).map_err(|error| damaged(&error))?;
    Sealed::new(sealer, Kind::DeadLetter).read(id, &sealed)
}

/// Whether a stored letter is sealed.
pub(crate) fn is_sealed_letter(stored: &[u8]) -> bool {
    serde_json::from_slice::<Peek>(stored).is_ok_and(|peek| peek.sealed.is_some())
}

/// A document as JSON, or an error that names it.
pub(crate) fn json<T: Serialize>(value: &T, what: &str, name: &str) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|error| unreadable(what, name, error))
}
