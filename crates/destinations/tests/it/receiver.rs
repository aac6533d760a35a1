//! Webhooks as the official Standard Webhooks library takes them. In: webhooks, signed with one secret or two. Out: proof
//! that who has either secret takes them, and nobody else.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use destinations::{Requests, Webhook};
use domain::effect::EffectAnswer;
use ports::{Clock as _, DestinationClient as _, SystemClock};
use url::Url;

use crate::{server::request, tools::python};

const OLD: &str = "whsec_b2xkIHNlY3JldCBvZiAyNCBieXRlcy4u";
const NEW: &str = "whsec_bmV3IHNlY3JldCBvZiAyNCBieXRlcy4u";
const OTHER: &str = "whsec_YW5vdGhlciBvbmUgb2YgMjQgYnl0ZXMu";

/// A receiver that knows one secret, until it is dropped.
struct Receiver(Child, Url);

impl Receiver {
    fn start(secret: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/receiver.py");
        let mut child = python().args([script, secret]).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self(child, format!("http://127.0.0.1:{}/hook", port.trim()).parse().unwrap())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn sent(secrets: &[&str], receiver: &Receiver) -> EffectAnswer {
    let secrets = destinations::webhook_secrets(secrets.iter().copied()).unwrap();
    let mut request = request(false);
    // The library refuses what is five minutes old.
    request.at = SystemClock.now();
    Webhook::new(Requests::new(true).unwrap(), receiver.1.clone(), secrets, false).carry_out(&request).await
}

#[tokio::test]
async fn the_official_library_takes_what_is_signed_with_its_secret_also_while_it_is_changed() {
    let (old, new, other) = (Receiver::start(OLD), Receiver::start(NEW), Receiver::start(OTHER));
    assert_eq!(sent(&[OLD], &old).await, EffectAnswer::Done(None));
    for receiver in [&old, &new] {
        assert_eq!(sent(&[NEW, OLD], receiver).await, EffectAnswer::Done(None), "either secret is enough");
    }
    let refused = EffectAnswer::Denied { reason: "answered 401".into() };
    assert_eq!(sent(&[NEW, OLD], &other).await, refused);
}
