//! A request's body that says when all of it is there.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::connections::Connection;

/// The body of a request, read as any other.
pub(crate) struct TrackedBody {
    body: Incoming,
    connection: Arc<Connection>,
}

impl TrackedBody {
    pub(crate) fn new(body: Incoming, connection: Arc<Connection>) -> Self {
        connection.has_headers();
        if body.is_end_stream() {
            connection.works();
        }
        Self { body, connection }
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.connection.works();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
