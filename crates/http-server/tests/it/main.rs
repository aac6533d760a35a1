//! A listener under clients that mean it no good. In: sockets that send too little, too much or nothing. Out: answers
//! for everybody else.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use http_server::{HEADERS_BYTES_MAX, Limits, serve};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Notify, Semaphore},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A listener and what its handler at `/held` waits for.
struct Server {
    address: SocketAddr,
    entered: Arc<Semaphore>,
    release: Arc<Notify>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

const PLENTY: Duration = Duration::from_mins(5);
/// How long a test waits for an answer, with a compiler on the same two cores.
const PATIENCE: Duration = Duration::from_secs(60);

fn limits(connections_max: usize) -> Limits {
    Limits {
        connections_max,
        first_headers_max: PLENTY,
        idle_max: PLENTY,
        request_max: PLENTY,
        drain_max: PLENTY,
    }
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let (entered, release) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
        let (enter, wait) = (entered.clone(), release.clone());
        let held = get(move || {
            enter.add_permits(1);
            let wait = wait.clone();
            async move { wait.notified().await }
        });
        let echo = post(|body: Bytes| async { body });
        let routes =
            Router::new().route("/", get(|| async { "here" })).route("/held", held).route("/echo", echo);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, routes, limits, stop.clone()));
        Self { address, entered, release, stop, serving }
    }

    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }

    /// The whole answer to a request, on a connection of its own.
    async fn ask(&self, request: &str) -> String {
        rest(&mut self.send(request).await).await
    }

    async fn held(&self) -> TcpStream {
        let stream = self.send("GET /held HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        self.entered.acquire().await.unwrap().forget();
        stream
    }
}

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const HALF: &str = "GET / HTTP/1.1\r\nhost";
const HALF_BODY: &str = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";

/// What comes until the server closes. A reset counts as closed.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = in_time(stream.read_to_end(&mut bytes)).await;
    String::from_utf8(bytes).unwrap()
}

/// One answer on a connection that stays open.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with("here") {
        let byte = in_time(stream.read_u8()).await.unwrap();
        text.push(char::from(byte));
    }
    text
}

/// Fails instead of waiting for ever for a server that stays silent.
#[expect(clippy::disallowed_methods, reason = "a real socket, whose peer no clock of ours drives")]
async fn in_time<T>(reading: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, reading).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn e2_whoever_sends_nothing_or_half_of_something_keeps_nobody_out() {
    for begun in ["", HALF, HALF_BODY] {
        let server = Server::start(limits(8)).await;
        let mut lazy = Vec::new();
        for _ in 0..100 {
            lazy.push(server.send(begun).await);
        }
        assert!(server.ask(GET).await.ends_with("here"), "after {begun:?}");
        assert_eq!(rest(&mut lazy[0]).await, "", "the first made room");
    }
}

/// All of them are in the kernel's queue before the listener looks: it must not close who was not read yet.
#[tokio::test]
async fn e2_requests_that_come_in_a_burst_of_silent_clients_are_answered() {
    for _ in 0..30 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mut callers, mut silent) = (Vec::new(), Vec::new());
        for _ in 0..4 {
            let mut caller = TcpStream::connect(address).await.unwrap();
            caller.write_all(GET.as_bytes()).await.unwrap();
            callers.push(caller);
        }
        for _ in 0..8 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let routes = Router::new().route("/", get(|| async { "here" }));
        tokio::spawn(serve(listener, routes, limits(4), CancellationToken::new()));
        for caller in &mut callers {
            assert!(rest(caller).await.ends_with("here"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cap_is_on_connections_that_are_open_at_once() {
    let server = Server::start(limits(2)).await;
    let mut held = [server.held().await, server.held().await];
    let mut third = server.send(GET).await;
    for _ in 0..2 {
        server.release.notify_one();
    }
    assert!(rest(&mut third).await.ends_with("here"), "it waited for a place");
    for stream in &mut held {
        assert!(
            rest(stream).await.starts_with("HTTP/1.1 200"),
            "a request at work is not closed for another"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_made_requests_outlives_those_that_never_did() {
    let server = Server::start(limits(4)).await;
    let mut kept = server.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    answer(&mut kept).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(server.send("").await);
    }
    assert!(server.ask(GET).await.ends_with("here"));
    kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(answer(&mut kept).await.starts_with("HTTP/1.1 200"));
}

/// On one thread the tasks run in the order in which they were woken: whoever connected before an answered request was
/// looked at, and an answered connection has given its place back.
#[tokio::test]
async fn e2_a_client_with_many_connections_displaces_none_of_another_client() {
    let server = Server::start(limits(4)).await;
    let mut slow = server.send(HALF).await;
    let mut lazy = Vec::new();
    for _ in 0..50 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        lazy.push(socket.connect(server.address).await.unwrap());
        assert!(server.ask(GET).await.ends_with("here"));
    }
    assert_eq!(rest(&mut lazy[0]).await, "", "there are more than places");
    slow.write_all(b": x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(rest(&mut slow).await.ends_with("here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_and_half_a_header_end_by_themselves() {
    let server = Server::start(Limits { first_headers_max: Duration::from_millis(50), ..limits(8) }).await;
    for begun in ["", HALF] {
        assert_eq!(rest(&mut server.send(begun).await).await, "");
    }
    let server = Server::start(Limits { idle_max: Duration::from_millis(50), ..limits(8) }).await;
    let mut idle = server.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    answer(&mut idle).await;
    assert_eq!(rest(&mut idle).await, "", "nothing follows, so it is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_body_is_answered_408_when_its_time_is_over() {
    let server = Server::start(Limits { request_max: Duration::from_millis(50), ..limits(8) }).await;
    let text = server.ask(HALF_BODY).await;
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
    assert!(text.contains("application/problem+json") && text.contains("\"status\":408"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_a_large_body_that_is_refused_reads_why_on_a_connection_that_goes_on() {
    let server = Server::start(limits(8)).await;
    let large = vec![b'x'; 12_000_000];
    let head = format!("HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", large.len());
    for (request, status) in [("POST /nothing", 404), ("POST /", 405), ("POST /echo", 413)] {
        let mut stream = server.send(&format!("{request} {head}")).await;
        stream.write_all(&large).await.unwrap();
        stream.write_all(GET.as_bytes()).await.unwrap();
        let text = rest(&mut stream).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")) && text.ends_with("here"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_waits_to_be_asked_for_is_not_asked_for_to_be_refused() {
    let server = Server::start(limits(8)).await;
    let head = "HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    let text = server.ask(&format!("POST /nothing {head}")).await;
    assert!(text.starts_with("HTTP/1.1 404"), "{text}");
    let mut stream = server.send(&format!("POST /echo {head}")).await;
    let mut asked = [0; 25];
    in_time(stream.read_exact(&mut asked)).await.unwrap();
    assert_eq!(asked, *b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"here").await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_router_are_problem_documents() {
    let server = Server::start(limits(8)).await;
    for (request, status) in [("GET /nothing", 404), ("DELETE /", 405), ("GET /echo", 405)] {
        let text = server.ask(&format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
        assert!(text.contains("application/problem+json"), "{text}");
        assert!(text.contains(&format!("\"status\":{status}")), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_long_headers_are_refused() {
    let server = Server::start(limits(8)).await;
    let request = |bytes| {
        format!(
            "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nwebhook-signature: {}\r\n\r\n",
            "x".repeat(bytes)
        )
    };
    assert!(server.ask(&request(HEADERS_BYTES_MAX - 200)).await.starts_with("HTTP/1.1 200"));
    assert!(server.ask(&request(HEADERS_BYTES_MAX)).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_stops_answers_what_is_open_and_closes_what_is_idle() {
    let server = Server::start(limits(8)).await;
    let mut silent = server.send("").await;
    let mut idle = server.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    answer(&mut idle).await;
    let mut held = server.held().await;
    server.stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut silent).await, "");
    server.release.notify_one();
    assert!(rest(&mut held).await.starts_with("HTTP/1.1 200"));
    server.serving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_ends_does_not_keep_a_listener_from_ending() {
    let server = Server::start(Limits { drain_max: Duration::from_millis(50), ..limits(8) }).await;
    let mut held = server.held().await;
    server.stop.cancel();
    server.serving.await.unwrap();
    assert_eq!(rest(&mut held).await, "");
}
