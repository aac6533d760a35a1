//! An API behind a private certificate authority and a proxy. In: both, on this machine. Out: texts that are sent, and
//! refusals that are certain. Never: sleeps.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, mpsc},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::provider::SubmitOutcome;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use test_servers::PrivateCa;
use twilio::{Proxy, TwilioClient, TwilioConfig};
use url::Url;

use crate::harness::*;

const CREATED: &str = "HTTP/1.1 201 Created\r\ncontent-length: 62\r\nconnection: close\r\n\r\n\
                       {\"sid\":\"SM00000000000000000000000000000001\",\"status\":\"queued\"}\n";

/// Takes every text, over TLS.
fn api(ca: &PrivateCa) -> Url {
    let chain = CertificateDer::pem_file_iter(ca.file("server.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(ca.file("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            // A client that does not trust us ends the handshake.
            if stream.read(&mut [0; 16 * 1024]).is_ok() {
                let _ = stream.write_all(CREATED.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    base
}

/// Joins its client to whatever it asks for, if it knows the user. Reports the requests.
fn proxy(user: &'static str) -> (Url, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (tx, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut head) = (stream.unwrap(), Vec::new());
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            let head = String::from_utf8(head).unwrap();
            let target = head.split(' ').nth(1).unwrap().to_owned();
            let is_known = head.contains(&format!("Basic {}", BASE64_STANDARD.encode(user)));
            tx.send(head).unwrap();
            if !is_known {
                let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(answer).unwrap();
                continue;
            }
            let server = TcpStream::connect(target).unwrap();
            stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
            for (mut from, mut to) in
                [(stream.try_clone().unwrap(), server.try_clone().unwrap()), (server, stream)]
            {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    (url, requests)
}

async fn outcome(config: TwilioConfig) -> SubmitOutcome {
    submit(&TwilioClient::new(config).unwrap(), PHONE, "hello").await
}

#[tokio::test]
async fn g13_an_api_of_a_private_authority_is_trusted_once_its_certificate_is_named() {
    let ca = PrivateCa::new();
    let config = client_config(api(&ca));
    refusal(outcome(config.clone()).await);
    let ca_pem = Some(std::fs::read(ca.file("ca.pem")).unwrap());
    let sent = outcome(TwilioConfig { ca_pem, ..config.clone() }).await;
    assert!(matches!(sent, SubmitOutcome::Sent { .. }), "{sent:?}");
    let ca_pem = Some(std::fs::read(PrivateCa::new().file("ca.pem")).unwrap());
    refusal(outcome(TwilioConfig { ca_pem, ..config }).await);
}

#[tokio::test]
async fn g13_a_proxy_is_used_with_its_password_and_not_for_the_hosts_that_are_excepted() {
    let ca = PrivateCa::new();
    let api = api(&ca);
    let (url, requests) = proxy("user:p w");
    let with = |password: &str, except: Option<&str>| {
        let mut url = url.clone();
        url.set_username("user").unwrap();
        url.set_password(Some(password)).unwrap();
        let proxy = Some(Proxy { url, except: except.map(str::to_owned) });
        let ca_pem = Some(std::fs::read(ca.file("ca.pem")).unwrap());
        TwilioConfig { ca_pem, proxy, ..client_config(api.clone()) }
    };
    let sent = outcome(with("p w", None)).await;
    assert!(matches!(sent, SubmitOutcome::Sent { .. }), "{sent:?}");
    let request = requests.recv().unwrap();
    let (host, port) = (api.host_str().unwrap(), api.port().unwrap());
    assert!(request.starts_with(&format!("CONNECT {host}:{port} ")), "{request}");
    // Nothing was sent for certain: it can be tried again without asking anybody.
    refusal(outcome(with("wrong", None)).await);
    requests.recv().unwrap();
    let straight = outcome(with("wrong", Some("example.org,127.0.0.1"))).await;
    assert!(matches!(straight, SubmitOutcome::Sent { .. }), "{straight:?}");
    assert!(requests.try_recv().is_err());
    let shown = format!("{:?}", with("p w", None));
    assert!(!shown.contains("p w") && !shown.contains("p%20w"), "{shown}");
}
