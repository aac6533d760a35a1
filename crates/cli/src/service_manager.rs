//! What systemd is told of this process. In: the process' state. Out: a datagram on the socket that systemd names in the
//! environment (`Type=notify`).
//!
//! Never: fails because no service manager listens.

use sd_notify::NotifyState;

/// It listens, or a reload is over.
pub(crate) fn ready() {
    notify(&[NotifyState::Ready]);
}

/// The configuration is read again. [`ready`] ends it.
pub(crate) fn reloading() {
    // From version 253 on systemd wants to know since when.
    let since = NotifyState::monotonic_usec_now().ok();
    let states: Vec<_> = [NotifyState::Reloading].into_iter().chain(since).collect();
    notify(&states);
}

/// It ends as soon as the work in hand is done.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd cannot be told the state of this process");
    }
}
