//! Checks a create request as Twilio does. In: its form, and who is known. Out: a text to create, or an error code.
//!
//! Never: creates anything. Numbers must be in E.164 form; Twilio also takes national spellings for some countries.

use domain::{phone::E164, segment::BODY_CHARS_MAX};
use jiff::Timestamp;
use twilio::{Form, SidKind};
use url::Url;

use crate::{
    answer::ApiError,
    config::{Service, SimConfig},
    state::State,
    webhook_client::Target,
};

/// Twilio's test sender: always owned.
const TEST_SENDER: &str = "+15005550006";
/// Most pictures of one message.
const MEDIA_MAX: usize = 10;
/// Soonest and latest time to schedule for, in seconds from the request.
const SCHEDULE_S: std::ops::RangeInclusive<i64> = 300..=35 * 24 * 3600;

/// A request that passed.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) to: String,
    pub(crate) from: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) body: String,
    pub(crate) media: usize,
    pub(crate) callback: Option<Target>,
    pub(crate) validity_s: u32,
    pub(crate) send_at: Option<Timestamp>,
}

pub(crate) fn draft(
    form: &Form,
    config: &SimConfig,
    state: &State,
    now: Timestamp,
) -> Result<Draft, ApiError> {
    let to = recipient(form.filled("To").ok_or(ApiError(21_604))?)?;
    let (from, service) = (form.filled("From"), form.filled("MessagingServiceSid"));
    let service = service.map(|sid| service_of(sid, config)).transpose()?;
    match (from, service) {
        (None, None) => return Err(ApiError(21_603)),
        (Some(from), _) => sender(from, to, config)?,
        (None, Some(_)) => {}
    }
    let media = media(form)?;
    let body = form.get("Body").unwrap_or_default();
    if body.is_empty() && media == 0 {
        return Err(ApiError(if service.is_some() { 21_619 } else { 21_602 }));
    }
    if body.chars().count() > BODY_CHARS_MAX {
        return Err(ApiError(21_617));
    }
    let scope =
        service.map_or_else(|| scope_of(from.unwrap_or_default(), config), |service| service.sid.clone());
    if state.blocks.contains(&(to.to_owned(), scope)) {
        return Err(ApiError(21_610));
    }
    let send_at = schedule(form, service.is_some(), now)?;
    Ok(Draft {
        to: to.to_owned(),
        from: from.map(str::to_owned),
        service: service.map(|service| service.sid.clone()),
        body: body.to_owned(),
        media,
        callback: callback(form, service)?,
        validity_s: validity_s(form)?,
        send_at,
    })
}

/// What a STOP to this sender blocks: its whole service, or the number alone.
pub(crate) fn scope_of(sender: &str, config: &SimConfig) -> String {
    service_with(sender, config).map_or_else(|| sender.to_owned(), |service| service.sid.clone())
}

pub(crate) fn service_with<'a>(sender: &str, config: &'a SimConfig) -> Option<&'a Service> {
    config.services.iter().find(|service| service.senders.iter().any(|number| number == sender))
}

pub(crate) fn owns(number: &str, config: &SimConfig) -> bool {
    number == TEST_SENDER || config.numbers.iter().any(|owned| owned.number == number)
}

fn recipient(to: &str) -> Result<&str, ApiError> {
    if (3..=8).contains(&to.len()) && to.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ApiError(21_265));
    }
    if to.parse::<E164>().is_err() {
        return Err(ApiError(21_211));
    }
    match to {
        "+15005550001" => Err(ApiError(21_211)),
        "+15005550002" => Err(ApiError(21_612)),
        "+15005550003" => Err(ApiError(21_408)),
        "+15005550004" => Err(ApiError(21_610)),
        "+15005550009" => Err(ApiError(21_614)),
        _ => Ok(to),
    }
}

fn sender(from: &str, to: &str, config: &SimConfig) -> Result<(), ApiError> {
    match from {
        "+15005550001" => return Err(ApiError(21_212)),
        "+15005550007" => return Err(ApiError(21_606)),
        "+15005550008" => return Err(ApiError(21_611)),
        _ => {}
    }
    if from == to {
        return Err(ApiError(21_266));
    }
    let is_short_code = (3..=8).contains(&from.len()) && from.bytes().all(|b| b.is_ascii_digit());
    let is_name = (1..=11).contains(&from.len())
        && from.bytes().all(|b| b.is_ascii_alphanumeric() || b" -_&+".contains(&b))
        && from.bytes().any(|b| b.is_ascii_alphabetic());
    if from.parse::<E164>().is_err() && !is_short_code && !is_name {
        return Err(ApiError(21_212));
    }
    if owns(from, config) { Ok(()) } else { Err(ApiError(21_606)) }
}

fn service_of<'a>(sid: &str, config: &'a SimConfig) -> Result<&'a Service, ApiError> {
    if !SidKind::MessagingService.matches(sid) {
        return Err(ApiError(21_705));
    }
    let service = config.services.iter().find(|service| service.sid == sid).ok_or(ApiError(21_701))?;
    if service.senders.is_empty() { Err(ApiError(21_704)) } else { Ok(service) }
}

fn media(form: &Form) -> Result<usize, ApiError> {
    let urls = form.params().iter().filter(|(name, value)| name == "MediaUrl" && !value.is_empty());
    let mut count = 0;
    for (_, url) in urls {
        if !Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return Err(ApiError(21_620));
        }
        count += 1;
    }
    if count > MEDIA_MAX { Err(ApiError(21_623)) } else { Ok(count) }
}

fn callback(form: &Form, service: Option<&Service>) -> Result<Option<Target>, ApiError> {
    match form.filled("StatusCallback") {
        Some(url) => Target::parse(url).map(Some).ok_or(ApiError(21_609)),
        None => Ok(service
            .and_then(|service| service.status_callback.as_ref())
            .and_then(|url| Target::parse(url.as_str()))),
    }
}

fn validity_s(form: &Form) -> Result<u32, ApiError> {
    match form.filled("ValidityPeriod") {
        None => Ok(36_000),
        Some(text) => text.parse().ok().filter(|s| (1..=36_000).contains(s)).ok_or(ApiError(21_624)),
    }
}

fn schedule(form: &Form, has_service: bool, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    let (kind, at) = (form.filled("ScheduleType"), form.filled("SendAt"));
    let at = match (kind, at) {
        (None, None) => return Ok(None),
        (Some("fixed"), Some(at)) => at,
        (Some("fixed"), None) => return Err(ApiError(35_111)),
        _ => return Err(ApiError(35_126)),
    };
    if !has_service {
        return Err(ApiError(35_118));
    }
    let at: Timestamp = at.parse().map_err(|_| ApiError(35_114))?;
    let wait_s = at.as_second() - now.as_second();
    if wait_s < *SCHEDULE_S.start() {
        return Err(ApiError(35_115));
    }
    if SCHEDULE_S.contains(&wait_s) { Ok(Some(at)) } else { Err(ApiError(35_117)) }
}
