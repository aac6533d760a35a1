//! Standard Webhooks signatures (standardwebhooks.com, specification 1.0, symmetric scheme `v1`).
//!
//! In: a secret, the three `webhook-` headers, the raw body and the time. Out: whether the sender knew the secret.
//! Never: takes a signature that is older or newer than the tolerance, so that a copied request soon is useless.

use axum::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::source::WebhookSecret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

/// How far the sender's time may be from ours, in seconds.
const TOLERANCE_S: i64 = 300;
/// How many signatures are looked at: senders that change their secret send two.
const SIGNATURES_MAX: usize = 10;

/// Whether one of the signatures in `webhook-signature` is ours, and recent.
pub(crate) fn verify(secret: &WebhookSecret, headers: &HeaderMap, body: &[u8], now: Timestamp) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(id), Some(time), Some(signatures)) =
        (text("webhook-id"), text("webhook-timestamp"), text("webhook-signature"))
    else {
        return false;
    };
    let is_recent =
        time.parse::<i64>().is_ok_and(|at| (now.as_second() - at).unsigned_abs() <= TOLERANCE_S as u64);
    if !is_recent {
        return false;
    }
    let Some(mac) = mac(secret, id, time, body) else { return false };
    signatures
        .split(' ')
        .filter(|signature| signature.starts_with("v1,"))
        .take(SIGNATURES_MAX)
        .filter_map(|signature| STANDARD.decode(&signature["v1,".len()..]).ok())
        .any(|signature| mac.clone().verify_slice(&signature).is_ok())
}

fn mac(secret: &WebhookSecret, id: &str, time: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).ok()?;
    for part in [id.as_bytes(), b".", time.as_bytes(), b".", body] {
        mac.update(part);
    }
    Some(mac)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signed(secret: &WebhookSecret, id: &str, at: i64, body: &[u8]) -> HeaderMap {
        let time = at.to_string();
        let code = mac(secret, id, &time, body).unwrap().finalize().into_bytes();
        let signature = format!("v1a,AAAA v1,{}", STANDARD.encode(code));
        [("webhook-id", id), ("webhook-timestamp", &time), ("webhook-signature", &signature)]
            .into_iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_specification_s_own_example_is_accepted() {
        // The example of the reference implementations' tests.
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let headers: HeaderMap = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ]
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
        let body = br#"{"test": 2432232314}"#;
        assert!(verify(&secret, &headers, body, Timestamp::from_second(1_614_265_330).unwrap()));
        assert!(
            !verify(&secret, &headers, body, Timestamp::from_second(1_614_265_631).unwrap()),
            "replayed late"
        );
        assert!(
            !verify(&secret, &headers, body, Timestamp::from_second(1_614_265_029).unwrap()),
            "from the future"
        );
    }

    #[test]
    fn e1_ten_signatures_are_looked_at_and_no_more() {
        let secret = WebhookSecret(b"secret".to_vec());
        let mut headers = signed(&secret, "msg_1", 1_000, b"body");
        let right = headers["webhook-signature"].to_str().unwrap().split(' ').nth(1).unwrap().to_owned();
        for (wrong, is_taken) in [(9, true), (10, false)] {
            let signatures = format!("{}{right}", "v1,AAAA ".repeat(wrong));
            headers.insert("webhook-signature", signatures.parse().unwrap());
            assert_eq!(
                verify(&secret, &headers, b"body", Timestamp::from_second(1_010).unwrap()),
                is_taken,
                "behind {wrong} wrong ones"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies_and_a_changed_byte_does_not(
            body in proptest::collection::vec(any::<u8>(), 1..100), at in 0usize..100, flip in 1u8..=255
        ) {
            let secret = WebhookSecret(b"secret".to_vec());
            let headers = signed(&secret, "msg_1", 1_000, &body);
            let now = Timestamp::from_second(1_010).unwrap();
            prop_assert!(verify(&secret, &headers, &body, now));
            let mut changed = body.clone();
            let at = at % changed.len();
            changed[at] ^= flip;
            prop_assert!(!verify(&secret, &headers, &changed, now));
        }

        #[test]
        fn any_headers_are_refused_without_a_panic(id in "[ -~]{0,20}", time in "[ -~]{0,20}", signature in "[ -~]{0,60}") {
            let headers: HeaderMap = [("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)]
                .into_iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect();
            let secret = WebhookSecret(b"secret".to_vec());
            prop_assert!(!verify(&secret, &headers, b"body", Timestamp::from_second(1_000).unwrap()));
        }
    }
}
