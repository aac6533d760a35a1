//! The `[twilio]` table of `callout.toml`. In: its text. Out: the sender, how its API is reached, and where Twilio reaches us.
//!
//! Never: holds a secret, or an address that Twilio would sign otherwise than it is written.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use url::Url;

use crate::{
    originators::{OriginatorSettings, read_address, read_originators},
    reader::{Document, Section},
    tls_files::certificates,
};

/// The `[twilio]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwilioSettings {
    /// The sending number.
    pub from: Option<String>,
    /// The messaging service, instead of a number.
    pub messaging_service_sid: Option<String>,
    /// Numbers and services instead of one of them, the preferred first.
    pub originators: Vec<OriginatorSettings>,
    /// Scheme, host and port that Twilio calls and signs.
    pub public_url: Option<Url>,
    /// More root certificates for the API, PEM; the machine's alone when absent.
    pub ca_file: Option<PathBuf>,
    /// The HTTP proxy on the way to the API, without its password; that of the environment when absent.
    pub proxy: Option<Url>,
    /// How long to wait for one answer, in seconds.
    pub answer_max_s: u32,
    /// Requests that the account may have open at once, for all senders together.
    pub in_flight_max: u16,
    /// Segments that the number or service may send in a second; no rate limit when absent.
    pub segments_per_second: Option<u32>,
}

impl Default for TwilioSettings {
    fn default() -> Self {
        Self {
            from: None,
            messaging_service_sid: None,
            originators: Vec::new(),
            public_url: None,
            ca_file: None,
            proxy: None,
            answer_max_s: ANSWER_S_MAX,
            in_flight_max: twilio::IN_FLIGHT_MAX,
            segments_per_second: None,
        }
    }
}

impl TwilioSettings {
    /// Whether texts have nothing to come from.
    pub fn lacks_originator(&self) -> bool {
        self.from.is_none() && self.messaging_service_sid.is_none() && self.originators.is_empty()
    }
}

/// The longest time to wait for an answer: claims on messages must last longer.
const ANSWER_S_MAX: u32 = (domain::limits::PROVIDER_ANSWER_MS_MAX / 1_000) as u32;
/// The highest value of `in_flight_max`.
const IN_FLIGHT_MAX: u16 = 2_000;
/// The highest rate of one sender: what a whole account may send (Twilio, error 63017).
const SEGMENTS_PER_S_MAX: u32 = 2_000;

pub(crate) fn read_twilio(
    doc: &mut Document<'_>,
    mut section: Section<'_>,
    folder: &Path,
    lines: &mut BTreeMap<String, usize>,
) -> TwilioSettings {
    let (from, service) = read_address(doc, &mut section, "twilio");
    let originators = read_originators(doc, &mut section);
    if let Some(single) = from.as_ref().or(service.as_ref()).filter(|_| !originators.is_empty()) {
        let message =
            "twilio: give from, messaging_service_sid or tables [[twilio.originator]], not several of them";
        doc.problem(&single.at, message.to_owned());
    }
    let public_url = section.value::<Url>(doc, "public_url", "an address such as https://sms.example.org");
    doc.note_line(lines, "twilio.public_url", public_url.as_ref());
    if let Some(url) = &public_url
        && let Some(fault) = public_url_fault(&url.value)
    {
        doc.problem(&url.at, format!("twilio.public_url: {fault}"));
    }
    let ca_file = certificates(doc, &mut section, folder, "ca_file");
    let proxy = section.value::<Url>(doc, "proxy", "an address such as http://proxy.example.org:3128");
    if let Some(proxy) = &proxy
        && let Some(fault) = proxy_fault(&proxy.value)
    {
        doc.problem(&proxy.at, format!("twilio.proxy: {fault}"));
    }
    let defaults = TwilioSettings::default();
    let answer_max_s = section.seconds(doc, "answer_max", 1..ANSWER_S_MAX + 1);
    let in_flight_max = section.integer(doc, "in_flight_max", 1..u32::from(IN_FLIGHT_MAX) + 1);
    let segments_per_second = section.integer(doc, "segments_per_second", 1..SEGMENTS_PER_S_MAX + 1);
    section.finish(doc);
    TwilioSettings {
        answer_max_s: answer_max_s.unwrap_or(defaults.answer_max_s),
        in_flight_max: in_flight_max.map_or(defaults.in_flight_max, |most| most as u16),
        segments_per_second,
        from: from.map(|from| from.value),
        messaging_service_sid: service.map(|service| service.value),
        originators,
        public_url: public_url.map(|url| url.value),
        ca_file: ca_file.map(|file| file.value),
        proxy: proxy.map(|proxy| proxy.value),
    }
}

/// What is no proxy that can be used, or must not stand in a file.
fn proxy_fault(url: &Url) -> Option<&'static str> {
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Some("expected an address such as http://proxy.example.org:3128");
    }
    url.password().map(|_| "expected no password; put it into TWILIO_PROXY_PASSWORD in the environment")
}

/// What Twilio could not call, or what it would sign otherwise than it is written.
fn public_url_fault(url: &Url) -> Option<&'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Some("expected https, or http for a trial");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("expected no user name and no password; Twilio's signature says who posts");
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Some("expected scheme, host and port only");
    }
    None
}
