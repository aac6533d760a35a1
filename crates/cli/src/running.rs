//! The process that runs on an embedded database. In: its control socket. Out: a client that reaches it, or who it is and
//! why it cannot be reached.
//!
//! Never: waits for a process that is stopped.

use std::{io::ErrorKind, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use anyhow::bail;
use tokio::net::UnixStream;

/// How long a process that works may take to answer that it is there.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// A client of the process that listens on this socket; `None` where none does.
///
/// # Errors
/// Where this user may not reach it, or it does not answer.
pub(crate) async fn reach(socket: &Path) -> anyhow::Result<Option<reqwest::Client>> {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => bail!(forbidden(socket)),
        Err(_) => return Ok(None),
    };
    let process = stream.peer_cred().ok().and_then(|peer| peer.pid());
    drop(stream);
    let client = http_client::client_builder(http_client::Reach::Plain).unix_socket(socket).build()?;
    // Nothing is there; that it says so is enough.
    match client.get("http://callout/").timeout(ANSWER_MAX).send().await {
        Err(error) if error.is_timeout() => {
            let process = process.map_or_else(String::new, |pid| format!(" (process {pid})"));
            bail!(
                "callout runs{process} but does not answer: see whether it is stopped or waits for its disk, and start it \
                 again if it does not recover"
            )
        }
        Ok(_) | Err(_) => Ok(Some(client)),
    }
}

fn forbidden(socket: &Path) -> String {
    let user = rustix::process::geteuid().as_raw();
    match socket.metadata() {
        Ok(found) => format!(
            "callout runs as user {owner}, and this command as user {user}: give the command as that user, for example with \
             `sudo -u '#{owner}'`",
            owner = found.uid()
        ),
        Err(_) => format!(
            "{} may not be read by user {user}: give the command as the user that callout runs as",
            socket.display()
        ),
    }
}
