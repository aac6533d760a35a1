//! What one submit came to. In: an HTTP status with its headers and body, or the lack of one. Out: `SubmitOutcome`.
//!
//! Never: guesses that nothing was sent. Only a refusal that Twilio wrote, or a request that never left, counts as
//! not sent; everything else is in doubt.

use domain::provider::{FailureClass, Refusal, SubmitOutcome};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::{error_code, wire};

/// Longest wait we let the other side ask for: an hour.
const RETRY_AFTER_MS_MAX: u64 = 3_600_000;

/// The outcome of an answer that was read whole.
pub(crate) fn outcome(status: u16, headers: &HeaderMap, body: &[u8]) -> SubmitOutcome {
    match status {
        200..=299 => match wire::created(body) {
            Some((sid, status)) => SubmitOutcome::Sent { sid, status },
            None => in_doubt(format!("HTTP {status} without a message SID")),
        },
        400..=499 => refused(status, headers, body),
        // A redirect is not followed, and says nothing about what the first host did with the request.
        _ => in_doubt(format!("HTTP {status}")),
    }
}

/// The outcome of a request without an answer.
pub(crate) fn no_answer(error: &reqwest::Error) -> SubmitOutcome {
    if error.is_connect() {
        return never_left("no connection to the provider");
    }
    if error.is_builder() {
        let reason = "the request could not be built".to_owned();
        let class = FailureClass::Configuration;
        return SubmitOutcome::NotSent(Refusal {
            code: None,
            class,
            of_originator: false,
            retry_after_ms: None,
            reason,
        });
    }
    in_doubt(what_broke(error).to_owned())
}

/// The outcome of a request that was not begun.
pub(crate) fn never_left(reason: &str) -> SubmitOutcome {
    SubmitOutcome::NotSent(Refusal {
        code: None,
        class: FailureClass::RetrySoon,
        of_originator: false,
        retry_after_ms: None,
        reason: reason.to_owned(),
    })
}

pub(crate) fn in_doubt(reason: String) -> SubmitOutcome {
    SubmitOutcome::InDoubt { reason }
}

/// What went wrong on the wire, in words that hold no URL: ours carry message ids.
pub(crate) fn what_broke(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection to the provider"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the connection broke before an answer"
    }
}

fn refused(status: u16, headers: &HeaderMap, body: &[u8]) -> SubmitOutcome {
    let error = wire::api_error(body);
    let code = error.and_then(|error| error.code);
    let class = error_code::class_of_refusal(status, code);
    let reason = match (code, error) {
        (Some(code), _) => format!("HTTP {status}, code {code}: {}", error_code::meaning(code)),
        (None, Some(_)) => format!("HTTP {status} without a code"),
        (None, None) => format!("HTTP {status} with a body that is not Twilio's"),
    };
    if class == FailureClass::Ambiguous {
        return in_doubt(reason);
    }
    {
        let of_originator = code.is_some_and(error_code::is_of_originator);
        SubmitOutcome::NotSent(Refusal {
            code,
            class,
            of_originator,
            retry_after_ms: retry_after_ms(headers),
            reason,
        })
    }
}

/// `Retry-After` in seconds, or as a date: then the wait is measured from the answer's own `Date`.
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let ms = match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => (seconds * 1_000.0).ceil() as u64,
        Ok(_) => return None,
        Err(_) => {
            let date = wire::timestamp(headers.get(DATE)?.to_str().ok()?)?;
            let wait = wire::timestamp(text)?.as_millisecond() - date.as_millisecond();
            u64::try_from(wait).unwrap_or(0)
        }
    };
    Some(ms.min(RETRY_AFTER_MS_MAX))
}

#[cfg(test)]
mod tests {
    use domain::provider::ProviderStatus;

    use super::*;

    const SID: &str = "SM00000000000000000000000000000001";

    fn check(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> SubmitOutcome {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        outcome(status, &map, body.as_bytes())
    }

    fn refusal(outcome: SubmitOutcome) -> Refusal {
        let SubmitOutcome::NotSent(refusal) = outcome else { panic!("expected a refusal, got {outcome:?}") };
        refusal
    }

    fn is_in_doubt(outcome: &SubmitOutcome) -> bool {
        matches!(outcome, SubmitOutcome::InDoubt { .. })
    }

    #[test]
    fn a_created_message_is_sent() {
        let body = format!(r#"{{"sid":"{SID}","status":"accepted","from":null,"tags":{{"a":[1]}}}}"#);
        let expected = SubmitOutcome::Sent { sid: SID.parse().unwrap(), status: ProviderStatus::Accepted };
        assert_eq!(check(201, &[], &body), expected);
    }

    #[test]
    fn an_unreadable_success_is_in_doubt() {
        for body in ["", "OK", "{}", r#"{"sid":"XX1"}"#, r#"{"sid":null}"#] {
            assert!(is_in_doubt(&check(201, &[], body)), "{body}");
        }
    }

    #[test]
    fn a_server_error_is_in_doubt_even_with_a_code() {
        for status in [500, 502, 503, 504, 302] {
            assert!(is_in_doubt(&check(status, &[], r#"{"code":20500,"message":"m","status":500}"#)));
        }
        assert!(is_in_doubt(&check(409, &[], r#"{"code":90009,"message":"m","status":409}"#)));
    }

    #[test]
    fn a_refusal_has_the_class_of_its_code() {
        for (status, body, class) in [
            (400, r#"{"code":21211,"message":"m","status":400}"#, FailureClass::Recipient),
            (400, r#"{"code":21610,"message":"m","status":400}"#, FailureClass::OptedOut),
            (401, r#"{"code":20003,"message":"m","status":401}"#, FailureClass::Account),
            (401, "no", FailureClass::Account),
            (403, r#"{"message":"m","status":403}"#, FailureClass::Account),
            (400, "<html>", FailureClass::Configuration),
            (429, "<html>", FailureClass::RetrySoon),
        ] {
            assert_eq!(refusal(check(status, &[], body)).class, class, "{status} {body}");
        }
    }

    #[test]
    fn a_refusal_never_repeats_the_providers_text() {
        let body = r#"{"code":21211,"message":"The 'To' number +14155550100 is not valid","status":400}"#;
        assert!(!refusal(check(400, &[], body)).reason.contains("+1415"));
    }

    #[test]
    fn the_wait_that_was_asked_for_is_kept() {
        let date = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");
        for (headers, wait) in [
            (&[("retry-after", "3")][..], Some(3_000)),
            (&[("retry-after", "0.25")], Some(250)),
            (&[("retry-after", "1e300")], Some(RETRY_AFTER_MS_MAX)),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "Wed, 21 Oct 2026 07:28:05 GMT"), date], Some(5_000)),
            (&[("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT"), date], Some(0)),
            (&[("retry-after", "Wed, 21 Oct 2026 07:28:05 GMT")], None),
            (&[], None),
        ] {
            assert_eq!(refusal(check(429, headers, "{}")).retry_after_ms, wait, "{headers:?}");
        }
    }
}
