//! Documents as they are stored: JSON, sealed where the store has keys. In: values. Out: columns, and values again.
//!
//! Never: a panic: what does not serialize, or cannot be opened, is a fault.

use rusqlite::{
    ToSql,
    types::{ToSqlOutput, ValueRef},
};
use sealing::{Kind, Sealer, is_sealed};
use serde::{Serialize, de::DeserializeOwned};

use crate::fault::Fault;

/// A document, as text or, if it is sealed, as bytes.
#[derive(Debug, Clone)]
pub(crate) struct Doc(Vec<u8>);

impl ToSql for Doc {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = if is_sealed(&self.0) { ValueRef::Blob(&self.0) } else { ValueRef::Text(&self.0) };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

/// A document, or a fault that names it.
pub(crate) fn json<T: Serialize>(value: &T, what: &str, name: &str) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::unreadable(what, name, &error))
}

/// What documents are sealed with, of one kind.
#[derive(Clone, Copy)]
pub(crate) struct Sealed<'a> {
    sealer: &'a Sealer,
    kind: Kind,
}

impl<'a> Sealed<'a> {
    pub(crate) fn new(sealer: &'a Sealer, kind: Kind) -> Self {
        Self { sealer, kind }
    }

    /// A document under the name that it is bound to.
    pub(crate) fn doc<T: Serialize>(self, bound_to: &str, value: &T) -> Result<Doc, Fault> {
        Ok(Doc(self.bytes(bound_to, value)?))
    }

    /// The same for a column of bytes.
    pub(crate) fn bytes<T: Serialize>(self, bound_to: &str, value: &T) -> Result<Vec<u8>, Fault> {
        let plain = serde_json::to_vec(value)
            .map_err(|error| Fault::unreadable(self.what(), self.shown(bound_to), &error))?;
        self.seal(bound_to, plain)
    }

    /// A document that was read, as it is to be stored.
    pub(crate) fn seal(self, bound_to: &str, plain: Vec<u8>) -> Result<Vec<u8>, Fault> {
        self.sealer.seal(self.kind, bound_to, plain).map_err(|error| Fault::Refused(error.to_string()))
    }

    /// The document in a column, text or bytes. What is neither does not parse, so the error names it as well.
    pub(crate) fn read<T: DeserializeOwned>(self, bound_to: &str, column: ValueRef<'_>) -> Result<T, Fault> {
        let stored = column.as_bytes().unwrap_or_default();
        let (what, name) = (self.what(), self.shown(bound_to));
        let plain = self
            .sealer
            .open(self.kind, bound_to, stored)
            .map_err(|error| Fault::Corrupt(format!("{what} {name}: {error}")))?;
        serde_json::from_slice(&plain).map_err(|error| Fault::unreadable(what, name, &error))
    }

    fn what(self) -> &'static str {
        match self.kind {
            Kind::Run => "run",
            Kind::Event => "event",
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
            Kind::Run | Kind::Effect | Kind::Calendar | Kind::CalendarText | Kind::Approval
        ) {
            bound_to
        } else {
            "(name withheld)"
        }
    }
}
