//! Who of the contacts had opted out when that was read last. In: nothing. Out: the value.
//!
//! Never: decides whether somebody is texted: for that each number is asked about.

use std::{collections::BTreeSet, sync::Arc};

use domain::{directory::Directory, phone::E164};
use jiff::Timestamp;

/// Contacts that had opted out at a time.
#[derive(Default)]
pub(super) struct OptOuts {
    pub(super) read_at: Option<Timestamp>,
    /// Of which directory.
    pub(super) of: Arc<Directory>,
    pub(super) numbers: Arc<BTreeSet<E164>>,
}
