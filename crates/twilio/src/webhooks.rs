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
}

impl TwilioWebhooks {
    fn verified(&self, post: &WebhookPost<'_>) -> Result<Form, WebhookError> {
        let form = Form::parse(post.body).map_err(|error| malformed(&crate::WebhookError::from(error)))?;
        let url = format!("{}{}", self.public_url, post.path_and_query);
        let signature = (post.header)("x-twilio-signature").unwrap_or("");
        if self.verifier.verify(&url, form.params(), signature) {
            Ok(form)
        } else {
            Err(WebhookError::Forged)
        }
    }
}

fn malformed(error: &crate::WebhookError) -> WebhookError {
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
        let callback = StatusCallback::from_form(&form, query).map_err(|error| malformed(&error))?;
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
            class,
        })
    }

    fn inbound(&self, post: &WebhookPost<'_>) -> Result<InboundText, WebhookError> {
        let inbound = Inbound::from_form(&self.verified(post)?).map_err(|error| malformed(&error))?;
        let keyword = inbound.keyword().map(|keyword| match keyword {
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
