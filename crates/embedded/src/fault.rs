//! Why a command was not stored, in the terms that decide what happens to its neighbours.
//!
//! In: errors of SQLite and of stored documents. Out: [`StoreError`] and [`BusError`].
//! Never: carries a text, a number or a document.

use ports::{BusError, StoreError};
use rusqlite::ErrorCode;

/// Why a command was not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No room is left.
    Full(String),
    /// The disk or the writer is out of order: no command can succeed at the moment.
    Down(String),
    /// This one command cannot be stored; others can.
    Refused(String),
    /// Something stored cannot be read.
    Corrupt(String),
}

impl Fault {
    /// The writer, or the whole backend, has ended.
    pub(crate) fn ended() -> Self {
        Self::Down("the embedded backend is closed, or its writer has ended".to_owned())
    }

    /// A stored document that this version cannot read.
    pub(crate) fn unreadable(what: &str, name: &str, error: &serde_json::Error) -> Self {
        Self::Corrupt(format!("{what} {name}: {error}"))
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let said = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(said),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(said),
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
                | ErrorCode::FileLockingProtocolFailed,
            ) => Self::Down(said),
            None if is_unreadable_column(&error) => Self::Corrupt(said),
            _ => Self::Refused(said),
        }
    }
}

fn is_unreadable_column(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
    )
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Full(said) => Self::Full(said),
            Fault::Down(said) | Fault::Refused(said) => Self::Unavailable(said),
            Fault::Corrupt(said) => Self::Corrupt(said),
        }
    }
}

impl From<Fault> for BusError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Full(said) => Self::Full(said),
            Fault::Down(said) | Fault::Refused(said) | Fault::Corrupt(said) => Self::Unavailable(said),
        }
    }
}
