//! Lists messages. In: filters and a page token. Out: one page, newest first, with addresses of its neighbours.
//!
//! Never: finds a message by a date it was not sent on; as with Twilio, unsent messages have none.

use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::json;
use twilio::Form;

use crate::{
    answer::{ApiError, json},
    clock,
    fault::FaultKind,
    message::{API_VERSION, Record},
    sim::Sim,
};

const PAGE_SIZE: usize = 50;
const PAGE_SIZE_MAX: usize = 1_000;

/// The filters that are repeated in the addresses of the other pages.
const FILTERS: [&str; 5] = ["To", "From", "DateSent", "DateSent<", "DateSent>"];

pub(crate) fn list(sim: &Sim, query: &str) -> Response<Body> {
    page(sim, query).unwrap_or_else(ApiError::response)
}

fn page(sim: &Sim, query: &str) -> Result<Response<Body>, ApiError> {
    let form = Form::parse(query.as_bytes()).map_err(|_| ApiError(20_001))?;
    let size = match form.filled("PageSize") {
        None => PAGE_SIZE,
        Some(text) => {
            text.parse().ok().filter(|size| (1..=PAGE_SIZE_MAX).contains(size)).ok_or(ApiError(20_007))?
        }
    };
    let number: usize = form.filled("Page").map_or(Ok(0), str::parse).map_err(|_| ApiError(20_001))?;
    let window = window(&form)?;
    let account_sid = &sim.config.account_sid;
    let path = format!("/{API_VERSION}/Accounts/{account_sid}/Messages.json");
    let address = |page: usize, token: Option<String>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(FILTERS.iter().filter_map(|name| Some((*name, form.filled(name)?))));
        query.append_pair("PageSize", &size.to_string()).append_pair("Page", &page.to_string());
        if let Some(token) = token {
            query.append_pair("PageToken", &token);
        }
        format!("{path}?{}", query.finish())
    };
    let now = clock::now();
    let (body, lagged) = sim.read(|state| {
        if state.faults.are_lists_refused {
            return Err(ApiError(20_503));
        }
        let token = form.filled("PageToken").and_then(|token| token.strip_prefix("PA"));
        let before = token.map(|sid| state.number_of(sid).ok_or(ApiError(20_001))).transpose()?;
        let lag_ms = state.faults.plan.list_lag_ms;
        let mut lagged = false;
        let fits = |record: &&Record| {
            if is_behind(record, lag_ms, now) {
                lagged = true;
                return false;
            }
            form.filled("From").is_none_or(|from| record.from.as_deref() == Some(from))
                && window.holds(record.sent)
        };
        let mut found = state.newest_first(form.filled("To"), before).filter(fits);
        let page: Vec<&Record> = found.by_ref().take(size).collect();
        // A page number without a token is a guess of the client's, and shows the first page.
        let start = number * size;
        let last = page.last().map(|record| format!("PA{}", record.sid));
        let next = found.next().and(last).map(|token| address(number + 1, Some(token)));
        let body = json!({
            "messages": page.iter().map(|record| record.resource(account_sid)).collect::<Vec<_>>(),
            "page": number,
            "page_size": size,
            "start": start,
            "end": start + page.len().saturating_sub(1),
            "uri": address(number, form.filled("PageToken").map(str::to_owned)),
            "first_page_uri": address(0, None),
            "next_page_uri": next,
            "previous_page_uri": (number > 0).then(|| address(number - 1, None)),
        });
        drop(found);
        Ok((body, lagged))
    })?;
    if lagged {
        sim.count(FaultKind::ListLag);
    }
    Ok(json(StatusCode::OK, &body))
}

/// Whether a text is not in lists yet. Each has a lag of its own, drawn from its SID.
fn is_behind(record: &Record, lag_ms: u64, now: Timestamp) -> bool {
    let drawn =
        u64::from_str_radix(record.sid.as_str().get(2..14).unwrap_or_default(), 16).unwrap_or_default();
    let own_ms = drawn % (lag_ms + 1);
    now.duration_since(record.created).as_millis() < i128::from(own_ms)
}

/// A range of sending times; open on both sides when nothing is asked.
struct Window {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Window {
    fn holds(&self, sent: Option<Timestamp>) -> bool {
        match (self.from, self.until, sent) {
            (None, None, _) => true,
            (_, _, None) => false,
            (from, until, Some(sent)) => from.is_none_or(|t| t <= sent) && until.is_none_or(|t| sent <= t),
        }
    }
}

fn window(form: &Form) -> Result<Window, ApiError> {
    let bounds = |name| form.filled(name).map(day_or_moment).transpose();
    let (on, from, until) = (bounds("DateSent")?, bounds("DateSent>")?, bounds("DateSent<")?);
    Ok(Window { from: from.or(on).map(|(first, _)| first), until: until.or(on).map(|(_, last)| last) })
}

/// A GMT day as its first and last moment, or one moment.
fn day_or_moment(text: &str) -> Result<(Timestamp, Timestamp), ApiError> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok((moment, moment));
    }
    let day: Date = text.parse().map_err(|_| ApiError(20_001))?;
    let bounds = || {
        let first = day.to_zoned(TimeZone::UTC).ok()?;
        let last = day.at(23, 59, 59, 999_999_999).to_zoned(TimeZone::UTC).ok()?;
        Some((first.timestamp(), last.timestamp()))
    };
    bounds().ok_or(ApiError(20_001))
}
