//! A request's body that says when all of it is there, and what becomes of one that its handler did not read.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{Version, request::Parts},
};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    header::EXPECT,
};

use crate::connections::{Connection, within};

/// How much of a body that nobody reads is taken from a client before its answer, in bytes and in time.
const DISCARDED_BYTES_MAX: usize = 16 * 1024 * 1024;
const DISCARDING_MAX: Duration = Duration::from_secs(5);

/// The body of a request, read as any other.
pub(crate) struct TrackedBody {
    /// Taken when the handler is done with it.
    body: Option<Incoming>,
    /// Whether the client sends it only once it is asked to.
    is_withheld: bool,
    connection: Arc<Connection>,
}

impl TrackedBody {
    pub(crate) fn new(body: Incoming, head: &Parts, connection: Arc<Connection>) -> Self {
        connection.has_headers();
        if body.is_end_stream() {
            connection.works();
        }
        Self { body: Some(body), is_withheld: is_withheld(head), connection }
    }
}

/// Whether the client waits for a `100 Continue` before it sends the body.
fn is_withheld(head: &Parts) -> bool {
    let expects = head.headers.get(EXPECT).is_some_and(|value| value.as_bytes() == b"100-continue");
    expects && head.version == Version::HTTP_11
}

/// Reads what the handler of a connection's request left of its body, within bounds. A connection that is closed with bytes
/// unread is reset, and a client that is still sending then loses the answer that says why it was refused (RFC 9112,
/// section 9.6).
pub(crate) async fn discard_unread(connection: &Connection) {
    let Some(mut body) = connection.take_unread() else { return };
    if body.size_hint().lower() > DISCARDED_BYTES_MAX as u64 {
        return;
    }
    let reading = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > DISCARDED_BYTES_MAX {
                return;
            }
        }
    };
    within(DISCARDING_MAX, reading).await;
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.is_withheld = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(&mut *body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || body.is_end_stream() {
            self.connection.works();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !self.is_withheld && !body.is_end_stream()) {
            self.connection.leave_unread(body);
        }
    }
}
