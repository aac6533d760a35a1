//! What Twilio tells us. In: decoded forms of status callbacks and inbound texts. Out: facts in the domain's words.
//!
//! Never: checks the signature (`SignatureVerifier` does), or refuses a field it does not know: the set grows.

use std::fmt;

use domain::{
    id::MessageId,
    phone::E164,
    provider::{ProviderMessageId, ProviderStatus},
};

use crate::{Form, FormError, Keyword, keyword::keyword, message_sid, wire};

/// Why a webhook cannot be used. Names the field, never its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The body is not a form.
    #[error("the webhook's body is not a form")]
    Form(#[from] FormError),
    /// A field that Twilio always sends is not there.
    #[error("the webhook lacks {0}")]
    Missing(&'static str),
    /// A field does not hold what it should.
    #[error("the webhook's {0} is malformed")]
    Malformed(&'static str),
    /// A text from a sender that is no phone number, and can neither be answered nor have been paged.
    #[error("the webhook's From is {0}")]
    NoPhone(SenderKind),
}

/// What a sender is that is no phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderKind {
    /// A short code, as `68849`.
    ShortCode,
    /// A name, as `SUPPORT`.
    Name,
    /// An address of another channel than SMS, as `whatsapp:+14155550100`.
    OtherChannel,
    /// Anything else, such as a number that is withheld.
    Other,
}

impl SenderKind {
    fn of(from: &str) -> Self {
        if from.contains(':') {
            Self::OtherChannel
        } else if !from.is_empty() && from.chars().all(|c| c.is_ascii_digit()) {
            Self::ShortCode
        } else if from.chars().any(char::is_alphabetic) {
            Self::Name
        } else {
            Self::Other
        }
    }

    /// The name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ShortCode => "short_code",
            Self::Name => "name",
            Self::OtherChannel => "other_channel",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for SenderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ShortCode => "a short code",
            Self::Name => "a name",
            Self::OtherChannel => "an address of another channel than SMS",
            Self::Other => "no phone number",
        })
    }
}

/// A status that one of our texts reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCallback {
    /// The SID of the text.
    pub sid: ProviderMessageId,
    /// The status; `None` for a word that says nothing about an outbound text. Record it, and change nothing.
    pub status: Option<ProviderStatus>,
    /// The word Twilio used.
    pub raw_status: String,
    /// Twilio's error code, for a failed or undelivered text.
    pub error_code: Option<u32>,
    /// What stands where the code should, if it is no number: six letters and digits of it at most. The status counts
    /// all the same.
    pub unread_code: Option<String>,
    /// Our id of the message, from the URL's query; `None` if the text was not submitted by us.
    pub message: Option<MessageId>,
    /// Our attempt, from the URL's query.
    pub attempt: Option<u16>,
    /// The recipient, if that is a phone number.
    pub to: Option<E164>,
    /// The sender that was used, a number or a name.
    pub from: Option<String>,
}

impl StatusCallback {
    /// Reads the body's form and the query of the URL it was posted to.
    pub fn from_form(form: &Form, query: Option<&str>) -> Result<Self, WebhookError> {
        let word = either(form, "MessageStatus", "SmsStatus")?;
        let (error_code, unread_code) = error_code(form.get("ErrorCode").unwrap_or_default());
        // The query is ours. What it does not say is left open: the SID alone still names the text.
        let query = query.and_then(|query| Form::parse(query.as_bytes()).ok()).unwrap_or_default();
        Ok(Self {
            sid: sid(form)?,
            status: wire::status(word),
            // Bounds what is kept of an unknown word.
            raw_status: word.chars().take(32).collect(),
            error_code,
            unread_code,
            message: query.get("message").and_then(|id| id.parse().ok()),
            attempt: query.get("attempt").and_then(|n| n.parse().ok()),
            to: form.filled("To").and_then(|to| to.parse().ok()),
            from: form.filled("From").map(str::to_owned),
        })
    }
}

/// A text that was sent to one of our numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The provider's name for it; the same in every repetition of the webhook.
    pub sid: ProviderMessageId,
    /// The sender's number.
    pub from: E164,
    /// The number, short code or sender it was sent to.
    pub to: String,
    /// The whole text, empty for a picture alone.
    pub body: String,
    /// What Advanced Opt-Out made of it, where that is switched on.
    pub opt_out_type: Option<OptOut>,
    /// The messaging service the number belongs to.
    pub service: Option<String>,
}

/// What Advanced Opt-Out says about an inbound text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptOut {
    /// The sender wants no more texts, and Twilio blocks them.
    Stop,
    /// The sender wants texts again.
    Start,
    /// The sender asked for help, and Twilio answered.
    Help,
}

impl Inbound {
    /// Reads the body's form.
    pub fn from_form(form: &Form) -> Result<Self, WebhookError> {
        let from = form.filled("From").ok_or(WebhookError::Missing("From"))?;
        // First: what other channels fill in differs, and is not read.
        let number = from.trim().parse().map_err(|_| WebhookError::NoPhone(SenderKind::of(from)))?;
        let opt_out_type = match form.filled("OptOutType") {
            Some("STOP") => Some(OptOut::Stop),
            Some("START") => Some(OptOut::Start),
            Some("HELP") => Some(OptOut::Help),
            // A new kind is left to the words of the body.
            Some(_) | None => None,
        };
        Ok(Self {
            sid: sid(form)?,
            from: number,
            to: form.filled("To").ok_or(WebhookError::Missing("To"))?.to_owned(),
            body: form.get("Body").unwrap_or_default().to_owned(),
            opt_out_type,
            service: form.filled("MessagingServiceSid").map(str::to_owned),
        })
    }

    /// What the text asks for: what Twilio made of it, else what its words say.
    pub fn keyword(&self, languages: &[String]) -> Option<Keyword> {
        match self.opt_out_type {
            Some(OptOut::Stop) => Some(Keyword::Stop),
            Some(OptOut::Start) => Some(Keyword::Start),
            Some(OptOut::Help) => Some(Keyword::Help),
            None => keyword(&self.body, languages),
        }
    }
}

impl fmt::Debug for Inbound {
    /// The text's length alone, and its receiver not at all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("sid", &self.sid)
            .field("from", &self.from)
            .field("characters", &self.body.chars().count())
            .field("opt_out_type", &self.opt_out_type)
            .finish_non_exhaustive()
    }
}

/// The code, or what cannot be read of it. A word for "none" is no code, and nothing that could not be read.
fn error_code(text: &str) -> (Option<u32>, Option<String>) {
    let text = text.trim().trim_matches('"').trim();
    if text.is_empty()
        || ["null", "none", "nil", "undefined", "0"].iter().any(|none| text.eq_ignore_ascii_case(none))
    {
        return (None, None);
    }
    match text.parse() {
        Ok(code) => (Some(code), None),
        Err(_) => (None, Some(text.chars().filter(char::is_ascii_alphanumeric).take(6).collect())),
    }
}

fn sid(form: &Form) -> Result<ProviderMessageId, WebhookError> {
    message_sid(either(form, "MessageSid", "SmsSid")?).map_err(|_| WebhookError::Malformed("MessageSid"))
}

/// Twilio sends both names with one value; the first is the documented one.
fn either<'a>(form: &'a Form, name: &'static str, older: &str) -> Result<&'a str, WebhookError> {
    form.filled(name).or_else(|| form.filled(older)).ok_or(WebhookError::Missing(name))
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
