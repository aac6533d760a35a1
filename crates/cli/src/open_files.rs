//! How many files the process may have open, and how many of them HTTP clients get.
//!
//! In: the limit of the process. Out: a cap on connections.
//! Never: leaves the store, the broker and the provider without room.

/// Connections of the public listener at most, however many files are allowed.
const CONNECTIONS_MAX: usize = 4_096;

/// Raises the soft limit of open files to the hard one. Where that is refused, the soft one stays.
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // A limit that cannot be raised still holds, and the cap on connections follows it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Half of the files that may be open are for HTTP clients.
pub(crate) fn connections_max() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    (files / 2).clamp(1, CONNECTIONS_MAX)
}
