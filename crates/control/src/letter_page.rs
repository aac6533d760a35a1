//! A page of dead letters. In: nothing. Out: the value.

use domain::timeline::DeadLetter;
use ports::store::Unreadable;

/// Some dead letters.
pub(crate) struct LetterPage {
    /// Oldest first.
    pub(crate) letters: Vec<DeadLetter>,
    /// Whether there are more.
    pub(crate) more: bool,
    /// Those that cannot be read, of the ones that were looked at, for who may see all.
    pub(crate) unreadable: Vec<Unreadable>,
}
