//! Servers that are not what they should be. In: what they say first. Out: a reason not to start, before anything else.
//!
//! Never: a real broker: no package of the distribution is old enough.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
};

use bus_rabbitmq::{ConnectError, RabbitBus, RabbitConfig};
use ports::SystemClock;

/// Greets as a broker of this version would, and hangs up. In the terms of AMQP 0-9-1: a method frame on channel 0 with
/// `connection.start`, whose table of properties holds the version.
fn greeting(version: &str) -> Vec<u8> {
    let long = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
    let field = [&[7][..], b"version", b"S", &long(version.as_bytes())].concat();
    let method = [&[0, 10, 0, 10, 0, 9][..], &long(&field), &long(b"PLAIN"), &long(b"en_US")].concat();
    [&[1, 0, 0][..], &long(&method), &[0xce]].concat()
}

/// The address of a server that answers every connection with these bytes.
fn server(says: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut header = [0; 8];
            stream.read_exact(&mut header).unwrap();
            stream.write_all(&says).unwrap();
        }
    });
    format!("amqp://guest:guest@{address}/%2f")
}

async fn refusal(says: Vec<u8>) -> ConnectError {
    let config = RabbitConfig::new(server(says), conformance::bus::lanes());
    RabbitBus::connect(config, Arc::new(SystemClock)).await.err().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_too_old_is_refused_by_its_version() {
    for version in ["3.9.29", "3.8.9", "2.8.7"] {
        let error = refusal(greeting(version)).await;
        assert!(matches!(&error, ConnectError::TooOld(found) if found == version), "{error:?}");
        assert!(error.to_string().contains("3.10 or newer"), "{error}");
    }
}

#[tokio::test]
async fn g11_a_server_that_says_nothing_is_named_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = RabbitConfig::new(format!("amqp://user:hidden@{address}/%2f"), conformance::bus::lanes());
    let error = RabbitBus::connect(config, Arc::new(SystemClock)).await.err().unwrap().to_string();
    let expected = format!("RabbitMQ at {address} cannot be reached (no answer in time): is it running");
    assert!(error.starts_with(&expected) && !error.contains("hidden"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_something_else_is_named_as_such() {
    for (says, word) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "no AMQP 0-9-1 server"),
        // The answer of a broker that wants another version of the protocol.
        (b"AMQP\x00\x01\x00\x00", "no AMQP 0-9-1 server"),
        (b"\x01\x00\x00\xff\xff\xff\xff", "too long"),
        (b"\x01\x00\x00\x00\x00\x00\x02no", "unreadable"),
        (b"", "end of file"),
    ] {
        let error = refusal(says.to_vec()).await;
        assert!(matches!(error, ConnectError::Unreachable(..)), "{error:?}");
        assert!(error.to_string().to_lowercase().contains(&word.to_lowercase()), "{error}");
    }
}
