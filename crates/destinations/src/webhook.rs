//! Webhooks signed as Standard Webhooks says (standardwebhooks.com, specification 1.0, symmetric scheme `v1`).
//!
//! In: an effect. Out: one POST of a CloudEvent. Never: an unsigned one.

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{effect::EffectAnswer, source::WebhookSecret};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ports::{DestinationClient, EffectRequest};
use reqwest::header::CONTENT_TYPE;
use sha2::Sha256;
use url::Url;

use crate::{
    cloud_event::cloud_event,
    request::{Requests, send},
};

/// A service that takes webhooks.
#[derive(Debug)]
pub struct Webhook {
    requests: Requests,
    url: Url,
    /// Each signs, so that a receiver may know the old one or the new one while it is changed.
    secrets: Vec<WebhookSecret>,
    includes_text: bool,
}

impl Webhook {
    /// Posts to this address, signed with each of these secrets.
    pub fn new(requests: Requests, url: Url, secrets: Vec<WebhookSecret>, includes_text: bool) -> Self {
        Self { requests, url, secrets, includes_text }
    }

    async fn deliver(&self, request: &EffectRequest) -> Result<(), EffectAnswer> {
        let body = cloud_event(request, self.includes_text).to_string();
        let id = &request.effect.id;
        let at = request.at.as_second().to_string();
        let signatures: Vec<String> =
            self.secrets.iter().filter_map(|secret| signature(secret, id, &at, body.as_bytes())).collect();
        let post = self
            .requests
            .post(self.url.clone())?
            .header(CONTENT_TYPE, "application/cloudevents+json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", signatures.join(" "))
            .body(body);
        send(post).await.map(drop)
    }
}

#[async_trait]
impl DestinationClient for Webhook {
    async fn carry_out(&self, request: &EffectRequest) -> EffectAnswer {
        self.deliver(request).await.map_or_else(|answer| answer, |()| EffectAnswer::Done(None))
    }
}

fn signature(secret: &WebhookSecret, id: &str, at: &str, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).ok()?;
    for part in [id.as_bytes(), b".", at.as_bytes(), b".", body] {
        mac.update(part);
    }
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_own_example_is_signed_as_it_says() {
        // The example of the reference implementations' tests.
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
