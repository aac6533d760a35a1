//! The server. In: a configuration. Out: a listening simulator, and the handle that stops it.
//!
//! Never: lets a failed connection stop the others.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tower::Service;
use url::Url;

use crate::{answer::HangUp, api, clock, config::SimConfig, control, handle::SimHandle, sim::Sim};

/// How long a request's headers may take, and how long they may be. Not those of `http-server`, which answers every
/// request: this one hangs up when it is told to.
const HEADERS_MAX: Duration = Duration::from_secs(10);
const HEADERS_BYTES_MAX: usize = 16 * 1024;

/// The simulator.
#[derive(Debug, Clone, Copy)]
pub struct Simulator;

impl Simulator {
    /// Listens, and serves until the handle is shut down or dropped.
    pub async fn start(config: SimConfig) -> io::Result<SimHandle> {
        if let Some(fault) = config.faults.fault() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, fault));
        }
        let listener = TcpListener::bind(config.bind).await?;
        let address = listener.local_addr()?;
        let base_url = Url::parse(&format!("http://{address}")).map_err(io::Error::other)?;
        let sim = Arc::new(Sim::new(config, address));
        let for_api = Arc::clone(&sim);
        let router = control::router(Arc::clone(&sim))
            .fallback(move |request: Request<Body>| api::serve(Arc::clone(&for_api), request));
        sim.tasks.spawn(accept(listener, router, Arc::clone(&sim)));
        Ok(SimHandle::new(sim, address, base_url))
    }
}

async fn accept(listener: TcpListener, router: Router, sim: Arc<Sim>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = sim.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => sim.spawn(serve(stream, router.clone())),
            // Out of file descriptors, most likely: wait for some to be given back.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                clock::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Serves one connection. An answer that is marked closes it unanswered.
async fn serve(stream: TcpStream, router: Router) {
    // Without this a small answer may wait for an acknowledgement; a failure costs speed alone.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = router.clone().call(request.map(Body::new));
        async move {
            let response = answer.await.unwrap_or_else(|never: Infallible| match never {});
            match response.extensions().get::<HangUp>() {
                Some(HangUp) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
                None => Ok(response),
            }
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADERS_MAX).max_header_size(HEADERS_BYTES_MAX);
    // An error here is a client that went away, or our own hanging up.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}
