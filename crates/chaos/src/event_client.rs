//! One public address for several callback processes. In: connections. Out: the same, to whichever process answers.
//!
//! Never: looks at what goes through, or keeps a connection to a process that died.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A listening forwarder; closed when dropped.
pub(crate) struct EventClient {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl EventClient {
    /// Opens it before it is known where the processes behind it listen.
    pub(crate) async fn open(behind: Vec<SocketAddr>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let behind: Arc<[SocketAddr]> = behind.into();
        let task = tokio::spawn(async move {
            let next = AtomicUsize::new(0);
            while let Ok((stream, _)) = listener.accept().await {
                let first = next.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(forward(stream, first, behind.clone()));
            }
        });
        Ok(Self { address, task })
    }
}

impl Drop for EventClient {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// To the one whose turn it is, or to the next that takes connections. None does: the caller's connection is closed.
async fn forward(mut stream: TcpStream, first: usize, behind: Arc<[SocketAddr]>) {
    for turn in 0..behind.len() {
        if let Ok(mut process) = TcpStream::connect(behind[(first + turn) % behind.len()]).await {
            // Small messages in both directions; a failure costs speed alone.
            drop((stream.set_nodelay(true), process.set_nodelay(true)));
            drop(copy_bidirectional(&mut stream, &mut process).await);
            return;
        }
    }
}
