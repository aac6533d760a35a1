//! How far what was stored before there was a key is sealed. In: a pass. Out: where it goes on.
//!
//! Never: stored: a process that dies begins again.

/// How far a pass is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SealedTo {
    /// The kind, then the shard or the server.
    pub(crate) stage: (usize, usize),
    /// Where the server goes on in that.
    pub(crate) cursor: u64,
}
