//! What the routes of the receiver use. In: nothing. Out: the type.

use runtime::RunCache;

use crate::callback_ports::CallbackPorts;

/// What the routes of the receiver use.
pub(crate) struct Receiver {
    pub(crate) ports: CallbackPorts,
    /// Statuses of a text come soon after one another.
    pub(crate) cache: RunCache,
}
