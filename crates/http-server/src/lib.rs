//! How every HTTP listener of ours serves. In: a listener and routes. Out: answers, until told to stop.
//!
//! A client that is slow, silent or one of thousands takes nothing from the others: headers, bodies and idle
//! connections have a time limit, connections a cap below the process's limit of open files, and at the cap an idle
//! connection of the client with the most makes room.
//! Never: lets a client decide how long or how much of the process it holds, or answers an error without a problem
//! document.

mod body;
mod connections;
pub mod events;
mod observed;
mod peer;
pub mod problem;
mod watched;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router, body::Body, extract::Request, http::StatusCode, middleware::from_fn, response::IntoResponse as _,
    serve::Listener,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use crate::{
    body::{TrackedBody, discard_unread},
    connections::{Connection, Connections, within},
    watched::Watched,
};

pub use crate::peer::Peer;

/// What a listener allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections open at once; at least one.
    pub connections_max: usize,
    /// From the start of a connection to the end of its first request's headers.
    pub first_headers_max: Duration,
    /// From one answer to the end of the next request's headers.
    pub idle_max: Duration,
    /// From a request's headers to its answer, its body included. What the answer does not need of the body may take some
    /// seconds more.
    pub request_max: Duration,
    /// How long open requests may take once the listener is told to stop.
    pub drain_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            first_headers_max: Duration::from_secs(10),
            idle_max: Duration::from_mins(1),
            request_max: Duration::from_secs(30),
            drain_max: Duration::from_secs(10),
        }
    }
}

/// Bytes of a request's line and headers; more are answered with 431.
pub const HEADERS_BYTES_MAX: usize = 16 * 1024;

/// Serves `routes` until `stop` is cancelled and open requests are answered, or [`Limits::drain_max`] is over.
pub async fn serve<L>(mut listener: L, routes: Router, limits: Limits, stop: CancellationToken)
where
    L: Listener,
    L::Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    L::Addr: Into<Peer>,
{
    let connections = Arc::new(Connections::new(limits.connections_max));
    let routes = routes.layer(from_fn(observed::request));
    let mut tasks = JoinSet::new();
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let connection = tokio::select! {
            connection = connections.admit(address.into()) => connection,
            () = stop.cancelled() => break,
        };
        while tasks.try_join_next().is_some() {}
        tasks.spawn(serve_one(stream, routes.clone(), connection, limits, stop.clone()));
    }
    drop(listener);
    // A client that keeps its connection open must not keep us from ending.
    within(limits.drain_max, async { while tasks.join_next().await.is_some() {} }).await;
}

/// Serves one connection, until its client, a limit, a newer connection or the end of the listener ends it.
async fn serve_one<S>(
    stream: S,
    routes: Router,
    connection: Connection,
    limits: Limits,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let connection = Arc::new(connection);
    let for_requests = connection.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let connection = for_requests.clone();
        let (parts, body) = request.into_parts();
        let body = Body::new(TrackedBody::new(body, &parts, connection.clone()));
        let answer = routes.clone().call(Request::from_parts(parts, body));
        async move {
            let answer = match within(limits.request_max, answer).await {
                Some(answer) => {
                    discard_unread(&connection).await;
                    answer.into_response()
                }
                None => StatusCode::REQUEST_TIMEOUT.into_response(),
            };
            connection.answered();
            Ok::<_, Infallible>(problem::describe(answer))
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.idle_max).max_header_size(HEADERS_BYTES_MAX);
    let mut serving = std::pin::pin!(
        server.serve_connection(TokioIo::new(Watched::new(stream, connection.clone())), service)
    );
    // What fails here is a client's connection: it went away, or was too slow or no HTTP.
    tokio::select! {
        _ = serving.as_mut() => return,
        () = connection.evicted() => if !connection.is_working() { return },
        () = connection.stays_silent(limits.first_headers_max) => return,
        () = stop.cancelled() => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = serving.await;
}
