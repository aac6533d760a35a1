//! Twilio's posts as domain events. In: requests as they came. Out: verified statuses and texts.
//!
//! Never: trusts a header for the URL that was signed; the configured public URL is the only one.

use domain::provider::{FailureClass, InboundKeyword, InboundText, StatusReport};
use ports::{ProviderWebhooks, WebhookError, WebhookPost};

use crate::{Form, Inbound, Keyword, SignatureVerifier, StatusCallback, error_code};

/// Where Twilio posts statuses, below the public URL.
pub const STATUS_PATH: &str = "/v1/twilio/status";
/// Where Twilio posts replies, below the public URL.
pub const INBOUND_PATH: &str = "/v1/twilio/inbound";

/// Reads what Twilio posts.
pub struct TwilioWebhooks {
    /// Scheme, host and port that Twilio was given and signs, without a trailing slash.
    pub public_url: String,
    /// Knows the current and the next auth token.
    pub verifier: SignatureVerifier,
    /// The languages beside English in which keywords are understood.
    pub keyword_languages: Vec<String>,
}

impl TwilioWebhooks {
    fn verified(&self, post: &WebhookPost<'_>) -> Result<Form, WebhookError> {
        let form = Form::parse(post.body).map_err(|error| unusable(&crate::WebhookError::from(error)))?;
        let url = format!("{}{}", self.public_url, post.path_and_query);
        let signature = (post.header)("x-twilio-signature").unwrap_or("");
        if self.verifier.verify(&url, form.params(), signature) {
            Ok(form)
        } else {
            Err(WebhookError::Forged)
        }
    }
}

fn unusable(error: &crate::WebhookError) -> WebhookError {
    if let crate::WebhookError::NoPhone(kind) = error {
        return WebhookError::NoPhone { kind: kind.as_str() };
    }
    WebhookError::Malformed(error.to_string())
}

impl ProviderWebhooks for TwilioWebhooks {
    fn status_path(&self) -> &'static str {
        STATUS_PATH
    }

    fn inbound_path(&self) -> &'static str {
        INBOUND_PATH
    }

    fn status(&self, post: &WebhookPost<'_>) -> Result<StatusReport, WebhookError> {
        let form = self.verified(post)?;
        let query = post.path_and_query.split_once('?').map(|(_, query)| query);
        let callback = StatusCallback::from_form(&form, query).map_err(|error| unusable(&error))?;
        let class = match callback.error_code {
            Some(_) => error_code::class_of_callback(callback.error_code),
            None => FailureClass::Informational,
        };
        Ok(StatusReport {
            message: callback.message,
            sid: callback.sid,
            status: callback.status,
            raw_status: callback.raw_status,
            code: callback.error_code,
            unread_code: callback.unread_code,
            class,
        })
    }

    fn inbound(&self, post: &WebhookPost<'_>) -> Result<InboundText, WebhookError> {
        let inbound = Inbound::from_form(&self.verified(post)?).map_err(|error| unusable(&error))?;
        let keyword = inbound.keyword(&self.keyword_languages).map(|keyword| match keyword {
            Keyword::Stop => InboundKeyword::Stop,
            Keyword::Start => InboundKeyword::Start,
            Keyword::Help => InboundKeyword::Help,
        });
        Ok(InboundText { sid: inbound.sid, from: inbound.from, body: inbound.body, keyword })
    }

    fn no_reply(&self) -> (&'static str, &'static str) {
        // Twilio sends any other body on to the phone.
        ("text/xml", "<Response/>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Secret, SigningKey};

    const PUBLIC_URL: &str = "https://callout.example";

    fn post<T>(
        path_and_query: &str,
        form: &[(&str, &str)],
        read: impl FnOnce(&TwilioWebhooks, &WebhookPost<'_>) -> T,
    ) -> T {
        let token = Secret::new("token");
        let params: Vec<_> = form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let signature = SigningKey::new(&token).sign(&format!("{PUBLIC_URL}{path_and_query}"), &params);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let webhooks = TwilioWebhooks {
            public_url: PUBLIC_URL.into(),
            verifier: SignatureVerifier::new(vec![token]),
            keyword_languages: Vec::new(),
        };
        let header = |name: &str| (name == "x-twilio-signature").then_some(signature.as_str());
        read(&webhooks, &WebhookPost { path_and_query, header: &header, body: body.as_bytes() })
    }

    const SID: (&str, &str) = ("MessageSid", "SM00000000000000000000000000000001");

    #[test]
    fn b8_a_signed_text_from_no_phone_is_told_from_a_broken_one() {
        for (from, kind) in [
            ("68849", "short_code"),
            ("SUPPORT", "name"),
            ("whatsapp:+14155550100", "other_channel"),
            ("rcs:acme_agent", "other_channel"),
        ] {
            let form = [SID, ("From", from), ("To", "+15005550006"), ("Body", "STOP")];
            let text = post(INBOUND_PATH, &form, |webhooks, post| webhooks.inbound(post));
            assert_eq!(text, Err(WebhookError::NoPhone { kind }), "{from}");
            assert!(!text.unwrap_err().to_string().contains(from), "what is logged holds no number");
        }
    }

    #[test]
    fn b9_a_code_that_is_no_number_does_not_cost_the_status() {
        let form = [SID, ("MessageStatus", "undelivered"), ("ErrorCode", "3e4")];
        let report = post(STATUS_PATH, &form, |webhooks, post| webhooks.status(post)).unwrap();
        assert_eq!(report.status, Some(domain::provider::ProviderStatus::Undelivered));
        assert_eq!((report.code, report.unread_code.as_deref()), (None, Some("3e4")));
    }
}
