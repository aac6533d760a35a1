//! Twilio's posts. In: a path with its query, a line break, and a form. Out: what Twilio signed is never refused as
//! forged and keeps what it said; what it did not sign is never taken.
#![no_main]

use domain::provider::InboundText;
use libfuzzer_sys::fuzz_target;
use ports::{ProviderWebhooks as _, WebhookError, WebhookPost};
use twilio::{FIELDS_MAX, Form, Secret, SignatureVerifier, SigningKey, TwilioWebhooks, message_sid};

const PUBLIC_URL: &str = "https://callout.example";

fuzz_target!(|input: &[u8]| {
    let at = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let Ok(path_and_query) = str::from_utf8(&input[..at]) else { return };
    let body = &input[at..];
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let Ok(form) = Form::parse(body) else { return };
    assert!(form.params().len() <= FIELDS_MAX);
    let printed = form_urlencoded::Serializer::new(String::new()).extend_pairs(form.params()).finish();
    assert_eq!(Form::parse(printed.as_bytes()).as_ref(), Ok(&form), "a printed form is the same");

    let token = Secret::new("token");
    let webhooks = TwilioWebhooks {
        public_url: PUBLIC_URL.to_owned(),
        verifier: SignatureVerifier::new(vec![token.clone()]),
        keyword_languages: twilio::known_languages(),
    };
    let signature = SigningKey::new(&token).sign(&format!("{PUBLIC_URL}{path_and_query}"), form.params());
    let header = |name: &str| (name == "x-twilio-signature").then_some(signature.as_str());
    let post = WebhookPost { path_and_query, header: &header, body };
    match webhooks.status(&post) {
        Ok(report) => {
            assert!(message_sid(report.sid.as_str()).is_ok());
            assert!(report.raw_status.chars().count() <= 32);
            assert!(report.code.is_none() || report.unread_code.is_none());
        }
        Err(error) => assert_ne!(error, WebhookError::Forged, "signed"),
    }
    match webhooks.inbound(&post) {
        Ok(InboundText { sid, from, body, .. }) => {
            assert!(message_sid(sid.as_str()).is_ok());
            assert_eq!(from.as_str().parse().as_ref(), Ok(&from));
            assert_eq!(body, form.get("Body").unwrap_or_default());
        }
        Err(error) => assert_ne!(error, WebhookError::Forged, "signed"),
    }
    let unsigned = WebhookPost { header: &|_| None, ..post };
    assert_eq!(webhooks.status(&unsigned), Err(WebhookError::Forged));
    assert_eq!(webhooks.inbound(&unsigned), Err(WebhookError::Forged));
});
