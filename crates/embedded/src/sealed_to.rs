//! How far what was stored before there was a key is sealed. In: a pass. Out: where it goes on.
//!
//! Never: stored: a process that dies begins again.

/// How far a pass is: the tables that are done, and the last row of the one that is not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SealedTo {
    pub(crate) table: usize,
    pub(crate) row: i64,
}
